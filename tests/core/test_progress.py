"""Progress seen from outside."""

import io

import pytest

from core.cli.terminal import TerminalProgress, duration, table
from core.errors import CancelledError
from core.progress import StepProgress


class Heard:
    def __init__(self) -> None:
        self.shares: list[float] = []
        self.parts: list[object] = []

    def report(self, done: int, total: int, message: str = "") -> None:
        self.shares.append(done / total)

    def publish(self, result: object) -> None:
        self.parts.append(result)


def test_steps_make_one_movement_from_left_to_right() -> None:
    heard = Heard()
    for step in range(3):
        inner = StepProgress(heard, step, 3)
        for done in range(5):
            inner.report(done, 4)
    assert heard.shares == sorted(heard.shares)
    assert heard.shares[0] == 0
    assert heard.shares[-1] == 1


def test_plain_lines_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    shown = TerminalProgress(stream)
    for done in range(1000):
        shown.report(done, 1000, "Scanning: images")
    assert stream.getvalue() == "Scanning · 0 of 1,000 images\n"


def test_a_stop_is_an_exception_at_the_next_report() -> None:
    shown = TerminalProgress(io.StringIO())
    shown._stop = True
    with pytest.raises(CancelledError):
        shown.report(1, 2)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0.4 s"), (42, "42 s"), (200, "3 min"), (5000, "83 min"), (6000, "1 h 40 min")]
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_tables_align() -> None:
    text = table(["class", "n"], [["a", "1"], ["long", "1,000"]], {1})
    assert text.splitlines() == ["class      n", "─────  ─────", "a          1", "long   1,000"]
