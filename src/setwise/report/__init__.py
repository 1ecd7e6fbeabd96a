"""Write the report of a run, and say in words what its numbers mean."""

from setwise.report.page import page, write_report
from setwise.report.verdict import verdict

__all__ = ["page", "verdict", "write_report"]
