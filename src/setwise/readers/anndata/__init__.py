"""Read AnnData files and objects; write copies of them with results."""
