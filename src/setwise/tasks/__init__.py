"""Tasks of the paper and of the demo: where the data come from and what is predicted."""

from setwise.tasks.digits import DigitSets, digit_sets

__all__ = ["DigitSets", "digit_sets"]
