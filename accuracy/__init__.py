"""Accuracy on real sets: every model of setwise, baselines and peers on the same folds: ``python -m accuracy``."""
