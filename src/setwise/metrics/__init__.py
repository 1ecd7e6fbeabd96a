"""Compute metrics, their intervals and calibration from plain arrays."""
