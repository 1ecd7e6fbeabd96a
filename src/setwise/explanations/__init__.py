"""Explain runs: score elements, test whether the scores are faithful, ask whether more elements would help."""
