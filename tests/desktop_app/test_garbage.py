"""Cyclic garbage is collected in the window's thread, whatever thread allocates."""

import gc
import threading
import weakref
from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from coreset_studio.desktop_app import garbage
from coreset_studio.desktop_app.garbage import GarbageCollection


class Ring:
    """A cycle that tells the thread in which it was collected."""

    def __init__(self, threads: list[threading.Thread]) -> None:
        self.itself = self
        self.threads = threads

    def __del__(self) -> None:
        self.threads.append(threading.current_thread())


@pytest.fixture
def collection(qtbot: QtBot) -> Iterator[GarbageCollection]:
    gc.enable()
    collection = GarbageCollection()
    collection.start()
    yield collection
    collection.stop()
    assert gc.isenabled()


def allocate_much() -> None:
    """Make more objects than every threshold allows."""
    kept = [[] for _ in range(200_000)]  # type: list[list[int]]
    assert kept


@pytest.mark.usefixtures("collection")
def test_a_cycle_is_destroyed_in_the_thread_of_the_window(qtbot: QtBot) -> None:
    threads: list[threading.Thread] = []
    for _ in range(1000):
        Ring(threads)
    elsewhere = threading.Thread(target=allocate_much)
    elsewhere.start()
    elsewhere.join()
    assert threads == []
    # What the thread has freed counts against what was allocated: more has to be, for a collection to be due.
    kept = [[] for _ in range(10_000)]  # type: list[list[int]]
    qtbot.waitUntil(lambda: len(threads) == 1000, timeout=5000)
    assert kept
    assert set(threads) == {threading.main_thread()}


def test_nothing_is_collected_before_it_is_due(collection: GarbageCollection) -> None:
    threads: list[threading.Thread] = []
    gc.collect()
    Ring(threads)
    collection.collect_if_due()
    assert threads == []


def test_many_images_are_left_out_of_later_collections_and_freed_all_the_same() -> None:
    class Image:
        __slots__ = ("__weakref__",)

    images = [Image() for _ in range(garbage.MANY)]
    last = weakref.ref(images[-1])
    gc.unfreeze()  # what was there before this module
    try:
        garbage.leave_out_of_collections(len(images) - 1)
        assert gc.get_freeze_count() == 0
        garbage.leave_out_of_collections(len(images))
        assert gc.get_freeze_count() >= len(images)
        images.clear()
        assert last() is None
    finally:
        gc.unfreeze()
