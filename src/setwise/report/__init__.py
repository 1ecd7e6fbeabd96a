"""The report of a run, and what its numbers mean in words."""

from setwise.report.page import page, write_report
from setwise.report.verdict import verdict

__all__ = ["page", "verdict", "write_report"]
