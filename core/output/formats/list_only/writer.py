"""Write no images."""

from pathlib import Path

from coreset_studio.core.output.planning import Plan, Written
from coreset_studio.core.progress import Progress


class NoImages:
    """Write nothing; the lists are written for every format."""

    def write(self, plan: Plan, folder: Path, progress: Progress) -> Written:  # noqa: ARG002
        """Write nothing."""
        return Written()


WRITER = NoImages()
