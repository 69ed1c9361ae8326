"""Light and dark, and following the system."""

import sys
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QStyleFactory
from pytestqt.qtbot import QtBot

from coreset_studio.desktop_app import theme


@pytest.fixture(autouse=True)
def _light_again(qapp: QApplication) -> Iterator[None]:
    yield
    theme.apply(qapp, "light")


@pytest.mark.slow
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


@pytest.mark.parametrize(
    ("system", "build", "style"),
    [
        ("win32", 19045, "Fusion"),  # the last of Windows 10
        ("win32", 20348, "Fusion"),  # Windows Server 2022
        ("win32", 22000, "windows11"),
        ("win32", 26100, "windows11"),
        ("darwin", 0, "macos"),
        ("linux", 0, "Fusion"),
    ],
)
def test_the_style_of_windows_11_is_for_windows_11(
    monkeypatch: pytest.MonkeyPatch, system: str, build: int, style: str
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    if build:
        monkeypatch.setattr(sys, "getwindowsversion", lambda: SimpleNamespace(build=build), raising=False)
    # Qt offers it on Windows 10 as well.
    monkeypatch.setattr(QStyleFactory, "keys", lambda: ["windows11", "windowsvista", "macOS", "Windows", "Fusion"])
    assert theme._style_name() == style
