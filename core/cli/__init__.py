"""The command line: `coreset COMMAND …`, one thin command over each function of the pipeline."""

from core.cli.main import main

__all__ = ["main"]
