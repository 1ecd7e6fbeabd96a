"""Read sets from files and from memory, whatever their form, into a store."""
