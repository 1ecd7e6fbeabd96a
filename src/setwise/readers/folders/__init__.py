"""Read folders, patterns and lists of files: one file per set, or one table in several files."""
