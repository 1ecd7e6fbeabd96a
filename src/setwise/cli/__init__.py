"""The command line: `setwise fit | predict | evaluate | inspect | demo`, one file per command."""

from setwise.cli.app import app, main

__all__ = ["app", "main"]
