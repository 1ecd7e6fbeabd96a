"""Cross-validate studies and search for models."""
