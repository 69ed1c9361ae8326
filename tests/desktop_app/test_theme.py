"""Light and dark, and following the system."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop_app import theme


@pytest.fixture(autouse=True)
def _light_again(qapp: QApplication) -> Iterator[None]:
    yield
    theme.apply(qapp, "light")


@pytest.mark.parametrize(("wanted", "follows"), [("system", True), ("light", False), ("dark", False)])
def test_only_who_asked_for_it_follows_the_system(
    qapp: QApplication, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, wanted: theme.Mode, follows: bool
) -> None:
    """The platform of the tests has no light and dark of its own: what it answers and that it changed are played."""
    monkeypatch.setattr(theme, "_system_is_dark", lambda app: False)
    theme.apply(qapp, wanted)
    before = theme.colours().dark
    assert before == (wanted == "dark")
    monkeypatch.setattr(theme, "_system_is_dark", lambda app: True)
    with qtbot.waitSignal(theme.changed, timeout=200, raising=follows) as heard:
        qapp.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Dark)
    assert heard.signal_triggered == follows
    assert theme.colours().dark == (True if follows else before)
