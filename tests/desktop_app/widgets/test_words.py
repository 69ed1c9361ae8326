import pytest
from PySide6.QtGui import QFontMetrics

from desktop_app.widgets import words


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
