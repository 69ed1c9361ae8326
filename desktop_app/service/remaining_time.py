"""Estimates the remaining time of a job."""

import time


class RemainingTime:
    """Remaining time of a job, from its pace so far and the time expected.

    Parameters
    ----------
    expected : float, optional
        Seconds that the whole was said to take, until its own pace is known: after `KNOWN` of it.
    """

    KNOWN = 0.05

    def __init__(self, expected: float | None = None) -> None:
        self._expected = expected
        self._began: tuple[float, float] | None = None
        self._share = 0.0
        self._seconds: float | None = None

    def update(self, done: int, total: int) -> float | None:
        """Return the seconds left, or None while it is not known."""
        now = time.monotonic()
        share = done / total if total > 0 else 0.0
        before, self._share = self._share, share
        if self._began is None or share < before:  # another unit is being counted now
            self._began, self._seconds = (now, share), None
            return None if self._expected is None else self._expected * (1 - share)
        elapsed, gained = now - self._began[0], share - self._began[1]
        if gained <= 0 or elapsed < 1.5:
            return self._seconds
        fresh = elapsed * (1 - share) / gained
        if self._expected is not None:
            known = min(1.0, gained / self.KNOWN)
            fresh = known * fresh + (1 - known) * self._expected * (1 - share)
        self._seconds = fresh if self._seconds is None else 0.7 * self._seconds + 0.3 * fresh
        return self._seconds
