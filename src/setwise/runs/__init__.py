"""Keep what a fit leaves: records, files, ensembles, outputs, export."""
