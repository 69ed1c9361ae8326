"""Progress seen from outside."""

import io
from typing import Any

import pytest

from coreset_studio.core.cli.terminal import TerminalProgress, table
from coreset_studio.core.errors import CancelledError
from coreset_studio.core.progress import PartProgress, PublishingProgress, StepProgress


class Heard:
    def __init__(self) -> None:
        self.told: list[tuple[int, int, str]] = []
        self.parts: list[object] = []

    @property
    def shares(self) -> list[float]:
        return [done / total for done, total, _ in self.told]

    def report(self, done: int, total: int, message: str = "") -> None:
        self.told.append((done, total, message))

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


def heard_of(reports: list[tuple[int, int, str]], step: int, n_steps: int, **how: Any) -> Heard:
    heard = Heard()
    inner = StepProgress(heard, step, n_steps, **how)
    for report in reports:
        inner.report(*report)
    return heard


def test_a_step_tells_its_own_messages_in_thousandths() -> None:
    heard = heard_of([(0, 4, "a: x"), (1, 4, "b: x"), (4, 4, ""), (3, 0, "c")], 2, 5)
    assert heard.told == [(2000, 5000, "a: %"), (2250, 5000, "b: %"), (3000, 5000, ""), (2000, 5000, "c: %")]


def test_a_step_may_be_reported_under_one_name() -> None:
    heard = heard_of([(1, 2, "Reading: images")], 0, 1, message="Training (run 1 of 1)")
    assert heard.told == [(500, 1000, "Training (run 1 of 1): %")]


def test_parts_reach_another_receiver_than_reports() -> None:
    reports, parts = Heard(), Heard()
    both = PublishingProgress[str](StepProgress(reports, 1, 2), parts)
    both.report(1, 2, "Training: runs")
    both.publish("a part")
    assert (reports.told, reports.parts) == ([(1500, 2000, "Training: %")], [])
    assert (parts.told, parts.parts) == ([], ["a part"])


def test_a_part_tells_its_share_of_the_whole_time_and_never_goes_back() -> None:
    heard = Heard()
    part = PartProgress(heard, 0.2, 0.6, message="Training (run 2 of 3)")
    for report in [(0, 2, "x"), (2, 4, "y"), (0, 9, ""), (3, 4, ""), (0, 0, "")]:
        part.report(*report)
    assert [done for done, *_ in heard.told] == [20_000, 40_000, 40_000, 50_000, 50_000]
    assert {told[1:] for told in heard.told} == {(100_000, "Training (run 2 of 3): %")}


def test_parts_lie_inside_parts() -> None:
    heard = Heard()
    PartProgress(PartProgress(heard, 0.5, 1.0), 0.0, 0.1).report(1, 2, "Reading: images")
    assert heard.told == [(52_500, 100_000, "Reading: %")]


def test_a_prefix_stands_before_what_is_done_and_the_unit_is_left_out() -> None:
    heard = Heard()
    part = PartProgress(heard, 0.5, 0.5, prefix="Split 2 of 4 · ")
    part.report(1, 2, "Extracting vgg16: images")
    assert heard.told == [(50_000, 100_000, "Split 2 of 4 · extracting vgg16: %")]


def test_units_of_the_steps_can_be_kept() -> None:
    reports = [(0, 40, "x: images"), (10, 40, "x: images"), (5, 0, "unknown")]
    assert heard_of(reports, 0, 1, resolution=0).told == reports
    expected = [(40, 120, "x: images"), (50, 120, "x: images"), (5, 0, "unknown")]
    assert heard_of(reports, 1, 3, resolution=0).told == expected
    assert heard_of([(1, 3, "k")], 1, 3, resolution=100).told == [(133, 300, "k: %")]


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


def test_tables_align() -> None:
    text = table(["class", "n"], [["a", "1"], ["long", "1,000"]], {1})
    assert text.splitlines() == ["class      n", "─────  ─────", "a          1", "long   1,000"]
