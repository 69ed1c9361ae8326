import pytest
from PySide6.QtGui import QFontMetrics

from coreset_studio.desktop_app.widgets import words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (2, "a few seconds left"),
        (42, "about 40 s left"),
        (59, "about 1 min left"),
        (95, "about 2 min left"),
        (4000, "about 1 h 5 min left"),
        (7200, "about 2 h left"),
    ],
)
def test_seconds_left(seconds: float, text: str) -> None:
    assert words.seconds_left(seconds) == text


def test_numbers() -> None:
    assert words.count(17092) == "17,092"
    assert words.images(1) == "1 image"
    assert words.images(479) == "479 images"
    assert words.with_interval(0.9241, 0.92, 0.928) == "0.924 ± 0.004"
    assert words.with_interval(0.9241, 0.9241, 0.9241) == "0.924"
    assert words.with_interval(float("nan"), 0, 1) == "–"


def test_a_long_label_shortens_itself_and_keeps_its_text(qtbot) -> None:
    label = words.elide_label("a rather long name of a class " * 4)
    qtbot.addWidget(label)
    label.resize(80, 20)
    label.show()
    assert label.minimumSizeHint().width() < QFontMetrics(label.font()).horizontalAdvance(label.text()) / 5
    assert not label.grab().isNull()


@pytest.mark.parametrize(
    ("text", "short", "expected"),
    [
        ("599 of 2,394 images", "5…", "…"),
        ("599 of 2,394 images", "599…", "599…"),
        ("599 of 2,394 images", "599 of 2…", "599 of …"),
        ("599 of 2,394 images", "599 of 2,3…", "599 of …"),
        ("12 clusters", "12 clu…", "12 clu…"),
        ("plain", "plain", "plain"),
        ("a/very/long.png", "a/v…ng.png", "a/v…ng.png"),
    ],
)
def test_a_number_is_shown_whole_or_not_at_all(text: str, short: str, expected: str) -> None:
    assert words.without_cut_number(text, short) == expected
