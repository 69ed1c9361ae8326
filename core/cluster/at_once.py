"""How many trainings run at once on this computer."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from coreset_studio.core.cluster.scheduler import active
from coreset_studio.core.errors import SettingsError

_AT_ONCE: ContextVar[int] = ContextVar("trainings at once", default=1)


def n_at_once() -> int:
    """Return the number that `trained_at_once` has set; otherwise 1."""
    return _AT_ONCE.get()


@contextmanager
def trained_at_once(n_trainings: int) -> Iterator[None]:
    """Train up to so many networks at once inside a ``with``, in processes of this computer; 1: one, in this process.

    Raises
    ------
    SettingsError
        If the number is below 1, or above 1 with a scheduler.
    """
    if n_trainings < 1:
        raise SettingsError(f"{n_trainings} trainings at once are set; expected a number of at least 1.")
    if n_trainings > 1 and active() is not None:
        raise SettingsError(
            f"{n_trainings} trainings at once are set, but with a scheduler its workers determine how many run at "
            "once. Use either --at-once or --scheduler."
        )
    token = _AT_ONCE.set(n_trainings)
    try:
        yield
    finally:
        _AT_ONCE.reset(token)
