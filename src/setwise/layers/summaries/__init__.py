"""Summaries of sets, one file each; `setwise.variants` lists them by their words."""
