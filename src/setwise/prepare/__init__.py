"""Prepare elements and covariates for a model: transforms that are fitted on the training sets."""
