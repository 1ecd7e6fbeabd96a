"""Read tables, with a row per element or with a row per set and lists."""
