"""How long an engine process that opens something may be silent before it is ended."""

import time

from core.service.messages import Limited


class Silence:
    """How long a process that opens something has not been heard of.

    Attributes
    ----------
    seconds : float
        That it may be silent for.
    n_bytes : int
        Of memory that it may take; 0 while it opens nothing from elsewhere.
    """

    def __init__(self) -> None:
        self.seconds = float("inf")
        self.n_bytes = 0
        self._heard_at = time.monotonic()

    def heard(self, event: object) -> None:
        """Take notice of an event."""
        self._heard_at = time.monotonic()
        if isinstance(event, Limited):
            self.seconds, self.n_bytes = event.seconds, event.n_bytes

    def is_over(self) -> bool:
        """Return whether it has been silent for longer than it may be."""
        return time.monotonic() - self._heard_at > self.seconds
