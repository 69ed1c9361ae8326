"""PySide6 6.12.0 on Python 3.11 drops one reference to True with every emit, and the interpreter then aborts."""

import sys

from PySide6.QtCore import QObject, Signal


class _Emitter(QObject):
    fired = Signal()


def test_emitting_a_signal_keeps_the_references_to_true(qapp: object) -> None:
    emitter = _Emitter()
    before = sys.getrefcount(True)
    for _ in range(100):
        emitter.fired.emit()
    assert abs(sys.getrefcount(True) - before) < 50
