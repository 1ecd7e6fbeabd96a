"""Worked examples on real files, with the settings that setwise ships: ``python -m examples``."""
