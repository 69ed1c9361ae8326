"""Autosave and recovery."""

import os
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from coreset_studio.core.project import Project, Recovery, read_project, read_recovery, write_recovery
from coreset_studio.desktop_app import recovery
from coreset_studio.desktop_app.pages.page import PageContext
from coreset_studio.desktop_app.recovery import Autosave, LeftBehind, left_behind


@pytest.fixture
def autosave(page_context: PageContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Autosave:
    monkeypatch.setattr(recovery, "DELAY_MS", 10)
    return Autosave(page_context.model, page_context.preferences, page_context.messages, tmp_path / "recovery")


def test_a_project_without_a_file_is_kept_for_recovery(
    autosave: Autosave, page_context: PageContext, qtbot: QtBot
) -> None:
    page_context.model.start(Path("/images"))
    page_context.model.set_settings("selection", fraction=0.1)
    qtbot.waitUntil(autosave.place.exists)
    assert left_behind(autosave.place.parent).copies == ()  # this process is alive
    dead = autosave.place.with_name("999999999-1.json")
    autosave.place.rename(dead)
    ((place, found),) = left_behind(autosave.place.parent).copies
    assert place == dead
    assert found.project.settings.selection.fraction == 0.1
    assert found.file is None


def test_a_project_with_a_file_is_saved_to_it(
    autosave: Autosave, page_context: PageContext, qtbot: QtBot, tmp_path: Path
) -> None:
    file = tmp_path / "study.coreset"
    page_context.model.start(tmp_path / "images")
    page_context.model.save(file)
    page_context.model.set_settings("selection", fraction=0.1)
    qtbot.waitUntil(lambda: read_project(file).settings.selection.fraction == 0.1)
    assert not page_context.model.has_unsaved_changes
    assert not autosave.place.exists()


def test_without_autosave_the_file_is_left_alone(
    autosave: Autosave, page_context: PageContext, qtbot: QtBot, tmp_path: Path
) -> None:
    page_context.preferences.autosave = False
    file = tmp_path / "study.coreset"
    page_context.model.start(tmp_path / "images")
    page_context.model.save(file)
    page_context.model.set_settings("selection", fraction=0.1)
    qtbot.waitUntil(autosave.place.exists)
    assert read_project(file).settings.selection.fraction == 0.25
    page_context.model.save()
    assert not autosave.place.exists()


def test_a_folder_that_was_only_looked_at_is_not_kept(autosave: Autosave, page_context: PageContext) -> None:
    page_context.model.start(Path("/images"))
    autosave.keep()
    assert not autosave.place.exists()


class Disk:
    """Folders that can be full."""

    def __init__(self) -> None:
        self.full: list[Path] = []

    def write(self, file: Path, content: bytes) -> None:
        if any(folder in file.parents for folder in self.full):
            raise OSError(28, "No space left on device")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr("coreset_studio.core.project.replace_atomically", disk.write)
    return disk


def test_a_failed_save_is_told_once(autosave: Autosave, page_context: PageContext, disk: Disk, tmp_path: Path) -> None:
    disk.full = [tmp_path]
    page_context.model.start(Path("/images"))
    for seed in (1, 2):
        page_context.model.set_settings("selection", seed=seed)
        autosave.keep()
    (sentence,) = page_context.messages.sentences("warning")  # type: ignore[attr-defined]
    assert "No space left on device" in sentence


def test_what_cannot_be_saved_is_kept_for_recovery_and_told_once(
    autosave: Autosave,
    page_context: PageContext,
    disk: Disk,
    tmp_path: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, messages = page_context.model, page_context.messages
    monkeypatch.setattr(recovery, "RETRY_MS", 10)
    file = tmp_path / "drive" / "study.coreset"
    model.start(tmp_path / "images")
    model.save(file)
    disk.full = [file.parent]
    for fraction in (0.1, 0.2):
        model.set_settings("selection", fraction=fraction)
        autosave.keep()
        kept = read_recovery(autosave.place)
        assert kept.file == file
        assert kept.project.settings.selection.fraction == fraction
    qtbot.wait(60)  # it tries again and again, and says nothing more
    (sentence,) = messages.sentences()  # type: ignore[attr-defined]
    assert "No space left on device" in sentence
    assert f"kept for recovery in {autosave.place}" in sentence
    disk.full = []
    qtbot.waitUntil(lambda: not model.has_unsaved_changes)
    assert read_project(file).settings.selection.fraction == 0.2
    assert not autosave.place.exists()
    model.set_settings("selection", fraction=0.3)
    autosave.keep()
    assert messages.sentences("info") == ["Saving study.coreset works again."]  # type: ignore[attr-defined]


def test_what_can_be_kept_nowhere_is_told_although_the_failed_save_was(
    autosave: Autosave, page_context: PageContext, disk: Disk, tmp_path: Path
) -> None:
    model, messages = page_context.model, page_context.messages
    model.start(tmp_path / "images")
    model.save(tmp_path / "drive" / "study.coreset")
    disk.full = [tmp_path / "drive"]
    model.set_settings("selection", fraction=0.1)
    autosave.keep()
    disk.full = [tmp_path]
    autosave.keep()
    told = messages.sentences("warning")  # type: ignore[attr-defined]
    assert len(told) == 2
    assert "The recovery copy could not be written" in told[1]


def test_the_newest_copy_comes_first(tmp_path: Path) -> None:
    for number, name in enumerate(("999999997-1", "999999998-1")):
        write_recovery(Recovery(Project(notes=name), None), tmp_path / f"{name}.json")
        os.utime(tmp_path / f"{name}.json", (number, number))
    found = left_behind(tmp_path)
    assert [entry.project.notes for _, entry in found.copies] == ["999999998-1", "999999997-1"]
    assert found.damaged == ()


@pytest.mark.parametrize("content", ["", "{", "[" * 100_000, "[1]", '{"project": 3}', '{"project": {"program": null}}'])
def test_damaged_copies_are_kept_under_another_name_and_told_once(content: str, tmp_path: Path) -> None:
    write_recovery(Recovery(Project(notes="whole"), None), tmp_path / "999999998-1.json")
    for _ in range(2):
        (tmp_path / "999999999-1.json").write_text(content, encoding="utf-8")
        found = left_behind(tmp_path)
        assert [entry.project.notes for _, entry in found.copies] == ["whole"]
        ((damaged),) = found.damaged
        assert damaged.place.name.endswith(".damaged")
        assert damaged.place.read_text(encoding="utf-8") == content
        assert damaged.reason
        assert left_behind(tmp_path).damaged == ()
    assert len(list(tmp_path.glob("*.damaged"))) == 2


@pytest.mark.parametrize("name", ["999999999999999999999999-1", "nobody"])
def test_a_copy_of_an_odd_name_is_offered(name: str, tmp_path: Path) -> None:
    write_recovery(Recovery(Project(notes="mine"), None), tmp_path / f"{name}.json")
    ((_, found),) = left_behind(tmp_path).copies
    assert found.project.notes == "mine"


def test_a_copy_of_a_newer_version_is_left_for_it(tmp_path: Path) -> None:
    place = tmp_path / "999999999-1.json"
    write_recovery(Recovery(Project(), None), place)
    place.write_text(place.read_text(encoding="utf-8").replace('"format": 1', '"format": 99'), encoding="utf-8")
    assert left_behind(tmp_path) == LeftBehind((), ())
    assert place.exists()
