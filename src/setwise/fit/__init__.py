"""Fit models: from a store of sets to a run."""
