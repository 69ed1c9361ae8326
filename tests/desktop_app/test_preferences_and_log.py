"""Preferences, messages, and the log."""

import logging
import logging.handlers
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QByteArray, QSettings, qWarning
from pytestqt.qtbot import QtBot

from coreset_studio.core.cache import default_cache_folder as engines_cache_folder
from coreset_studio.core.errors import DatasetError
from coreset_studio.desktop_app import settings
from coreset_studio.desktop_app.log_panel import LogPanel
from coreset_studio.desktop_app.logs import Log
from coreset_studio.desktop_app.messages import Message, Messages
from coreset_studio.desktop_app.settings import Preferences


def test_preferences_survive_a_restart(preferences: Preferences, tmp_path: Path) -> None:
    preferences.theme = "dark"
    preferences.threads = 3
    preferences.autosave = False
    preferences.last_folder = tmp_path
    preferences.remember(tmp_path / "a.coreset")
    preferences.keep_window_bytes("geometry", QByteArray(b"abc"))
    preferences.set_seen("tour")
    preferences._store.sync()
    again = Preferences(QSettings(preferences._store.fileName(), QSettings.Format.IniFormat))
    assert (again.theme, again.threads, again.autosave, again.last_folder) == ("dark", 3, False, tmp_path)
    assert again.recent == (tmp_path / "a.coreset",)
    assert again.window_bytes("geometry") == b"abc"
    assert again.is_seen("tour")
    assert not again.is_seen("other")


def test_defaults(preferences: Preferences) -> None:
    assert preferences.theme == "system"
    assert preferences.threads == 0
    assert preferences.autosave
    assert preferences.recent == ()
    assert preferences.last_folder == Path.home()
    assert preferences.window_bytes("geometry").isEmpty()


def test_values_that_make_no_sense_fall_back(preferences: Preferences) -> None:
    preferences._store.setValue("theme", "purple")
    preferences._store.setValue("threads", "many")
    preferences._store.setValue("last_folder", "/no/such/folder")
    assert (preferences.theme, preferences.threads, preferences.last_folder) == ("system", 0, Path.home())


def test_recent_projects_are_the_newest_first_and_few(preferences: Preferences, qtbot: QtBot) -> None:
    for number in range(15):
        preferences.remember(Path(f"/{number}.coreset"))
    preferences.remember(Path("/7.coreset"))
    assert [file.stem for file in preferences.recent] == ["7", "14", "13", "12", "11", "10", "9", "8", "6", "5"]
    with qtbot.waitSignal(preferences.recent_changed):
        preferences.forget(Path("/7.coreset"))
    assert preferences.recent[0] == Path("/14.coreset")
    preferences.forget_all()
    assert preferences.recent == ()


def test_the_environment_decides_about_the_cache(
    preferences: Preferences, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preferences.cache_folder = tmp_path / "chosen"
    assert preferences.cache_folder_is_fixed
    assert preferences.cache_folder == engines_cache_folder()
    monkeypatch.delenv("CORESET_CACHE")
    assert not preferences.cache_folder_is_fixed
    assert preferences.cache_folder == tmp_path / "chosen"
    preferences.cache_folder = None
    assert preferences.cache_folder == settings.default_cache_folder() == engines_cache_folder()


def test_the_theme_is_told_when_it_changes(preferences: Preferences, qtbot: QtBot) -> None:
    with qtbot.waitSignal(preferences.theme_changed) as told:
        preferences.theme = "dark"
    assert told.args == ["dark"]
    with qtbot.assertNotEmitted(preferences.theme_changed):
        preferences.theme = "dark"


def test_messages_pass_one_door(qapp: object) -> None:
    posts: list[Message] = []
    messages = Messages()
    messages.posted.connect(posts.append)
    messages.info("Saved.")
    messages.warning("Look here.", "why")
    messages.exception(DatasetError("The folder is empty."))
    messages.exception(KeyError("x"))
    assert [(post.level, post.sentence) for post in posts] == [
        ("info", "Saved."),
        ("warning", "Look here."),
        ("error", "The folder is empty."),
        ("error", "An internal error occurred. Your project was kept."),
    ]
    assert posts[1].details == "why"
    assert "KeyError" in posts[3].details


@pytest.fixture
def log(qapp: object, tmp_path: Path) -> Iterator[Log]:
    level = logging.getLogger().level
    log = Log()
    log.open(tmp_path / "logs")
    yield log
    log.close()
    logging.getLogger().setLevel(level)


def test_the_log_hears_python_qt_and_the_engine(log: Log, qtbot: QtBot, tmp_path: Path) -> None:
    panel = LogPanel(log)
    qtbot.addWidget(panel)
    logging.getLogger("coreset.test").info("from Python")
    qWarning("from Qt")
    log.add_engine_output("from the engine\n\nand again\n")
    text = panel.view.toPlainText()
    for words in ("from Python", "from Qt", "from the engine", "and again"):
        assert words in text
    kept = (tmp_path / "logs" / "coreset-studio.log").read_text(encoding="utf-8")
    assert "INFO coreset.test: from Python" in kept
    assert "WARNING coreset.qt: from Qt" in kept


def test_a_log_folder_that_cannot_be_made_costs_the_file_only(qapp: object, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    level = logging.getLogger().level
    log = Log()
    log.open(tmp_path / "file" / "logs")
    logging.getLogger("coreset.test").warning("still shown")
    assert "still shown" in log.text()
    log.close()
    logging.getLogger().setLevel(level)


@pytest.mark.parametrize("rules", ["Windows", "elsewhere"])
def test_two_windows_write_to_one_log(
    rules: str, qapp: object, tmp_path: Path, windows_rules: Callable[..., list[str]]
) -> None:
    refused = windows_rules(tmp_path) if rules == "Windows" else []
    level = logging.getLogger().level
    logs = [Log(), Log()]
    for log in logs:
        log.open(tmp_path / "logs")
        handler = log._handlers[1]
        assert isinstance(handler, logging.handlers.RotatingFileHandler)
        handler.maxBytes = 2000
    try:
        for number in range(40):
            logging.getLogger("coreset.test").info("message %02d", number)
        files = sorted((tmp_path / "logs").iterdir())
        said = "".join(file.read_text(encoding="utf-8") for file in files)
        # Each window writes each message once; of the oldest, some may be in a file that was replaced.
        if rules == "Windows":
            assert [said.count(f"message {number:02d}") for number in range(40)] == [2] * 40
            assert refused
            assert len(refused) < 5  # it is not attempted with every message
        assert [said.count(f"message {number:02d}") for number in range(35, 40)] == [2] * 5
        newest = (tmp_path / "logs" / "coreset-studio.log").read_text(encoding="utf-8")
        assert newest.count("message 39") == 2
    finally:
        logs[1].close()
    for number in range(40, 80):
        logging.getLogger("coreset.test").info("message %02d", number)
    logs[0].close()
    logging.getLogger().setLevel(level)
    assert (tmp_path / "logs" / "coreset-studio.log").stat().st_size <= 2000
    assert "message 79" in (tmp_path / "logs" / "coreset-studio.log").read_text(encoding="utf-8")
