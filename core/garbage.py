"""Keep Python's collector of reference cycles from looking through millions of objects again and again."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collection_paused() -> Iterator[None]:
    """Look for no reference cycles inside: making millions of objects that have none takes long enough.

    A look at all objects takes a second and more once there are millions, and comes each time that their number has
    grown by a quarter; during which nothing is reported and cancelling has no effect. Memory is freed as ever, but for
    cycles, which wait for the end.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            if not gc.get_freeze_count():
                # All that was made goes to the oldest objects unseen, or it would be scanned right now.
                gc.freeze()
                gc.unfreeze()
            gc.enable()


@contextmanager
def old_objects_left_alone() -> Iterator[None]:
    """Look for reference cycles among objects that are made inside, but no more among those that were there before.

    Where the collector is off, as in a process that shows windows, nothing is done: objects of Qt that it has set
    aside and taken back crash it.
    """
    # What somebody else has set aside cannot be taken back in part.
    if gc.get_freeze_count() or not gc.isenabled():
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
