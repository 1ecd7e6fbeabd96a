"""Assess runs on held-out sets, beside simple baselines."""
