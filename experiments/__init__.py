"""The paper's tables: grids, runner, records, report. ``python -m experiments --help``. Nothing imports it."""
