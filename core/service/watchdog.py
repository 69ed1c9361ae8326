"""A watchdog for engine processes that open untrusted files."""

import time

from coreset_studio.core.service.messages import Limited


class Watchdog:
    """Measures the time since the last message of a process, and reports when the process must be ended.

    Attributes
    ----------
    seconds : float
        Longest time without a message; infinite while no untrusted file is open.
    n_bytes : int
        Memory limit of the process in bytes while an untrusted file is open; else 0.
    """

    def __init__(self) -> None:
        self.seconds = float("inf")
        self.n_bytes = 0
        self._last_message = time.monotonic()

    def reset(self, message: object) -> None:
        """Restart the time after a message, and apply the limits of a `Limited` message."""
        self._last_message = time.monotonic()
        if isinstance(message, Limited):
            self.seconds, self.n_bytes = message.seconds, message.n_bytes

    def has_expired(self) -> bool:
        """Return whether no message was received within the limit."""
        return time.monotonic() - self._last_message > self.seconds
