"""Real data sets: where each is from, how it is read, how it is divided, what counts."""
