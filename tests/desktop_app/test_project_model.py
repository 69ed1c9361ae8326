"""The project model: signals, undo, states, saving."""

import time
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from coreset_studio.core.errors import ProjectError, SettingsError
from coreset_studio.core.project import STAGES, Project
from coreset_studio.desktop_app.project_model import VALUES_KEPT, ProjectModel


class Listener(QObject):
    def __init__(self, model: ProjectModel) -> None:
        super().__init__()
        self.heard: list[Any] = []
        model.settings_changed.connect(self.on_settings)
        model.results_changed.connect(self.on_results)
        model.project_replaced.connect(self.on_replaced)
        model.choices_changed.connect(self.on_choices)

    def on_settings(self, section: str) -> None:
        self.heard.append(("settings", section))

    def on_results(self, stage: str) -> None:
        self.heard.append(("results", stage))

    def on_replaced(self) -> None:
        self.heard.append("replaced")

    def on_choices(self) -> None:
        self.heard.append("choices")

    def take(self) -> list[Any]:
        heard, self.heard = self.heard, []
        return heard


@pytest.fixture
def model(qapp: object) -> ProjectModel:
    model = ProjectModel()
    model.start(Path("/images"))
    return model


@pytest.fixture
def listener(model: ProjectModel) -> Listener:
    return Listener(model)


def store_all(model: ProjectModel) -> None:
    for stage in STAGES:
        model.store_result(stage, model.key(stage), {"of": stage}, f"value of {stage}")


def states(model: ProjectModel) -> list[str]:
    return [model.state(stage) for stage in STAGES]


def test_a_change_of_settings_is_told_and_makes_later_stages_stale(model: ProjectModel, listener: Listener) -> None:
    store_all(model)
    assert states(model) == ["done"] * 5
    listener.take()
    model.set_settings("clusters", k_max=4)
    assert listener.take() == [
        ("settings", "clusters"), ("results", "clusters"), ("results", "coreset"), ("results", "compare"),
    ]  # fmt: skip
    assert states(model) == ["done", "done", "stale", "stale", "stale"]
    assert model.value("clusters") is None
    assert model.latest_value("clusters") == "value of clusters"
    assert model.facts("clusters") is None


def test_undo_brings_results_back_and_redo_takes_them_away(model: ProjectModel, listener: Listener) -> None:
    store_all(model)
    model.set_settings("features", variance=0.9)
    assert model.state("features") == "stale"
    model.undo_stack.undo()
    assert states(model) == ["done"] * 5
    assert model.value("features") == "value of features"
    model.undo_stack.redo()
    assert model.settings("features").variance == 0.9
    assert model.state("features") == "stale"


def test_setting_the_same_value_is_no_change(model: ProjectModel, listener: Listener) -> None:
    model.set_settings("features", variance=0.95)
    assert listener.take() == []
    assert not model.undo_stack.canUndo()


def test_a_value_out_of_range_changes_nothing(model: ProjectModel, listener: Listener) -> None:
    with pytest.raises(SettingsError):
        model.set_settings("selection", fraction=0)
    assert listener.take() == []
    assert not model.undo_stack.canUndo()


def test_slider_moves_are_one_step_of_undo(model: ProjectModel) -> None:
    for fraction in (0.1, 0.2, 0.3):
        model.set_settings("selection", fraction=fraction, merge=True, text="change of the fraction")
    assert model.undo_stack.count() == 1
    assert model.undo_stack.undoText() == "change of the fraction"
    model.undo_stack.undo()
    assert model.settings("selection").fraction == 0.25


def test_slider_moves_after_a_pause_or_of_another_value_are_another_step(
    model: ProjectModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    model.set_settings("selection", fraction=0.1, merge=True)
    model.set_settings("selection", beta=0.5, merge=True)
    model.set_settings("selection", beta=0.75, merge=True)
    now[0] += 10
    model.set_settings("selection", beta=1.0, merge=True)
    assert model.undo_stack.count() == 3


def test_a_slider_moved_back_leaves_no_step(model: ProjectModel) -> None:
    model.set_settings("selection", fraction=0.1, merge=True)
    model.set_settings("selection", fraction=0.25, merge=True)
    assert not model.undo_stack.canUndo()


def test_a_result_that_arrives_late_belongs_to_the_choices_it_was_started_with(model: ProjectModel) -> None:
    key = model.key("features")
    model.set_settings("features", variance=0.9)
    model.store_result("features", key, {"k": 1}, "late")
    assert model.state("features") == "stale"
    model.undo_stack.undo()
    assert model.state("features") == "done"
    assert model.value("features") == "late"


def test_running_goes_before_any_other_state(model: ProjectModel, qtbot: QtBot) -> None:
    store_all(model)
    with qtbot.waitSignal(model.states_changed):
        model.set_running("features", True)
    assert model.state("features") == "running"
    with qtbot.assertNotEmitted(model.states_changed):
        model.set_running("features", True)
    model.set_running("features", False)
    assert model.state("features") == "done"


def test_a_result_computed_again_is_told_again(model: ProjectModel, listener: Listener) -> None:
    key = model.key("dataset")
    model.store_result("dataset", key, {"images": 1}, "first", content="a")
    listener.take()
    model.store_result("dataset", key, {"images": 2}, "second", content="b")
    assert listener.take() == [("results", "dataset")]
    assert model.value("dataset") == "second"


def test_only_few_values_are_kept_in_memory(model: ProjectModel) -> None:
    for number in range(10):
        model.store_result("features", f"key {number}", {}, number)
    assert len(model._values["features"]) == VALUES_KEPT
    assert model.latest_value("features") == 9


def test_locating_the_images_keeps_results_but_not_values_with_old_paths(model: ProjectModel, qtbot: QtBot) -> None:
    store_all(model)
    with qtbot.waitSignal(model.source_changed):
        model.locate(Path("/elsewhere"))
    assert states(model) == ["done"] * 5
    assert model.value("dataset") is None
    assert model.facts("dataset") == {"of": "dataset"}


def test_view_choices_are_no_step_of_undo(model: ProjectModel, listener: Listener) -> None:
    model.set_choices(class_name="eosinophil", components=(2, 3))
    model.set_choices(class_name="eosinophil")
    assert listener.take() == ["choices"]
    assert not model.undo_stack.canUndo()


def test_saving_and_opening(model: ProjectModel, listener: Listener, tmp_path: Path) -> None:
    store_all(model)
    assert model.has_unsaved_changes
    model.save(tmp_path / "study.coreset")
    assert not model.has_unsaved_changes
    assert model.name == "study"
    model.set_settings("features", variance=0.9)
    assert model.has_unsaved_changes
    model.undo_stack.undo()
    assert not model.has_unsaved_changes
    other = ProjectModel()
    other.open(tmp_path / "study.coreset")
    assert other.project == model.project
    assert [other.state(stage) for stage in STAGES] == ["done"] * 5
    assert other.value("features") is None
    assert not other.has_unsaved_changes


def test_a_project_that_cannot_be_read_leaves_the_open_one(model: ProjectModel, tmp_path: Path) -> None:
    (tmp_path / "x.coreset").write_text("{", encoding="utf-8")
    before = model.project
    with pytest.raises(ProjectError):
        model.open(tmp_path / "x.coreset")
    assert model.project is before


def test_a_new_project_forgets_the_old_one(model: ProjectModel, listener: Listener) -> None:
    store_all(model)
    model.set_settings("features", variance=0.9)
    listener.take()
    model.start(Path("/other"))
    assert listener.take() == ["replaced"]
    assert states(model) == ["ready"] * 5
    assert not model.undo_stack.canUndo()
    assert model.latest_value("features") is None


def test_what_is_worth_keeping(model: ProjectModel) -> None:
    assert not model.is_worth_keeping
    model.store_result("dataset", model.key("dataset"), {})
    assert not model.is_worth_keeping
    model.set_settings("selection", seed=1)
    assert model.is_worth_keeping


def test_a_recovered_project_counts_as_not_saved(qapp: object, tmp_path: Path) -> None:
    model = ProjectModel()
    model.recover(Project(source=Path("/images"), notes="mine"), tmp_path / "study.coreset")
    assert model.has_unsaved_changes
    assert model.file == tmp_path / "study.coreset"
    assert model.name == "study"


OLD = {"a.png": "x", "b.png": "x", "c.png": "y"}


def relabelled(model: ProjectModel) -> dict[str, tuple[str, str]]:
    return {record.path: (record.old, record.new) for record in model.settings("data").relabelled}


def test_relabelling_is_one_step_of_undo_and_back_to_the_source_removes_the_record(
    model: ProjectModel, listener: Listener
) -> None:
    store_all(model)
    listener.take()
    model.relabel(["a.png", "b.png", "c.png"], "y", OLD)
    assert relabelled(model) == {"a.png": ("x", "y"), "b.png": ("x", "y")}
    assert listener.take()[0] == ("settings", "data")
    assert model.undo_stack.undoText() == "relabelling of 2 images"
    model.relabel(["a.png"], "x", OLD)
    assert relabelled(model) == {"b.png": ("x", "y")}
    assert model.undo_stack.undoText() == "relabelling of 1 image"
    model.undo_stack.undo()
    model.undo_stack.undo()
    assert relabelled(model) == {}
    assert states(model) == ["done"] * 5
    assert model.value("compare") == "value of compare"
    count = model.undo_stack.count()
    model.relabel(["c.png"], "y", OLD)
    assert model.undo_stack.count() == count


def test_an_empty_class_relabels_nothing(model: ProjectModel) -> None:
    with pytest.raises(SettingsError, match=r"The new class of a\.png is empty"):
        model.relabel(["a.png"], " ", OLD)
    assert not model.undo_stack.canUndo()


def test_notes_and_reviews_of_images_are_undone_and_make_nothing_stale(model: ProjectModel, qtbot: QtBot) -> None:
    store_all(model)
    with qtbot.waitSignal(model.image_facts_changed):
        model.set_image_note("a.png", " blurred ")
    assert model.project.image_notes == {"a.png": "blurred"}
    assert states(model) == ["done"] * 5
    assert model.is_worth_keeping
    with qtbot.waitSignal(model.image_facts_changed):
        model.set_reviewed("a.png", "kept")
    model.set_reviewed("b.png", "skipped")
    model.set_reviewed("a.png", "")
    assert model.project.reviewed == {"b.png": "skipped"}
    for _ in range(2):
        model.undo_stack.undo()
    assert model.project.reviewed == {"a.png": "kept"}
    for _ in range(2):
        model.undo_stack.undo()
    assert model.project.image_notes == {}
    assert model.undo_stack.redoText() == "note on an image"
    model.undo_stack.redo()
    model.set_image_note("a.png", "")
    assert model.project.image_notes == {}
    count = model.undo_stack.count()
    model.set_image_note("b.png", "")
    assert model.undo_stack.count() == count
    with pytest.raises(ValueError, match="perhaps"):
        model.set_reviewed("a.png", "perhaps")  # type: ignore[arg-type]
