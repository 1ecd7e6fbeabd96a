"""Other people's models for sets, on the same folds, where their packages are installed."""
