"""The collector of reference cycles is as it was afterwards, and stays off where it was off."""

import gc

import pytest

from coreset_studio.core.garbage import collection_paused, old_objects_left_alone


@pytest.mark.parametrize("on", [True, False])
def test_the_collector_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch, on: bool) -> None:
    """Qt's objects crash a process that sets them aside and takes them back; such a process has the collector off."""
    frozen: list[str] = []
    real = gc.freeze
    monkeypatch.setattr(gc, "freeze", lambda: (frozen.append("freeze"), real()))
    was_on = gc.isenabled()
    (gc.enable if on else gc.disable)()
    try:
        with old_objects_left_alone():
            assert gc.isenabled() == on
        with collection_paused():
            assert not gc.isenabled()
        assert gc.isenabled() == on
    finally:
        (gc.enable if was_on else gc.disable)()
    assert bool(frozen) == on
    assert gc.get_freeze_count() == 0
