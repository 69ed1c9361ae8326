"""Write no images."""

from pathlib import Path

from core.output.planning import Plan, Written
from core.progress import Progress


class NoImages:
    """Write nothing; the lists are written for every format."""

    def write(self, plan: Plan, folder: Path, progress: Progress) -> Written:  # noqa: ARG002
        """Write nothing."""
        return Written()


WRITER = NoImages()
