"""The project: what is current and what is stale, and the file."""

import hashlib
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from coreset_studio.core.errors import ProjectError, SettingsError
from coreset_studio.core.project import (
    PROJECT_BYTES,
    RESULTS_KEPT,
    STAGES,
    Choices,
    Project,
    Recovery,
    StageResult,
    digest_on_disk,
    project_from_dict,
    project_to_dict,
    read_project,
    read_recovery,
    write_project,
    write_recovery,
)
from coreset_studio.core.settings import Relabelling, settings_in_keys

SAMPLES = Path(__file__).parent / "samples"


def with_all_results(project: Project) -> Project:
    for stage in STAGES:
        content = "images" if stage == "dataset" else ""
        project = project.with_result(stage, StageResult(project.key(stage), {"of": stage}, content))
    return project


def current(project: Project) -> set[str]:
    return {stage for stage in STAGES if project.result(stage) is not None}


@pytest.mark.parametrize(
    ("section", "changes", "still_current"),
    [
        ("data", {"test_fraction": 0.5}, set()),
        ("features", {"variance": 0.9}, {"dataset"}),
        ("clusters", {"k_max": 4}, {"dataset", "features"}),
        ("selection", {"fraction": 0.1, "sampler": "random"}, {"dataset", "features", "clusters", "compare"}),
        ("selection", {"beta": 0.5}, {"dataset", "features", "clusters"}),
        ("training", {"epochs": 2}, {"dataset", "features", "clusters", "coreset"}),
        ("comparison", {"repetitions": 3}, {"dataset", "features", "clusters", "coreset"}),
        ("export", {"private": True}, set(STAGES)),
        ("quality", {"blurry": 1.5, "odd_colour": 3.0}, set(STAGES)),
    ],
)
def test_a_choice_makes_its_stage_and_all_after_it_stale(
    section: str, changes: dict[str, Any], still_current: set[str]
) -> None:
    project = with_all_results(Project(source=Path("/images")))
    assert current(project) == set(STAGES)
    changed = project.with_settings(section, **changes)
    assert current(changed) == still_current
    assert all(changed.latest(stage) is not None for stage in STAGES)


def test_results_are_current_again_when_the_choices_return() -> None:
    project = with_all_results(Project(source=Path("/images")))
    other = with_all_results(project.with_settings("features", variance=0.9))
    back = other.with_settings("features", variance=0.95)
    assert current(back) == set(STAGES)
    assert back.result("features") == project.result("features")


def test_other_images_make_all_after_the_dataset_stale() -> None:
    project = with_all_results(Project(source=Path("/images")))
    rescanned = project.with_result("dataset", StageResult(project.key("dataset"), {}, "other images"))
    assert current(rescanned) == {"dataset"}


def test_a_moved_folder_makes_nothing_stale() -> None:
    project = with_all_results(Project(source=Path("/images")))
    assert current(replace(project, source=Path("/elsewhere"))) == set(STAGES)


def test_the_newest_results_are_kept_and_one_of_each_fingerprint() -> None:
    project = Project()
    for number in range(RESULTS_KEPT + 3):
        project = project.with_result("dataset", StageResult(str(number), {}))
    project = project.with_result("dataset", StageResult("5", {"again": True}))
    results = project.results["dataset"]
    assert len(results) == RESULTS_KEPT
    assert [result.fingerprint for result in results] == ["3", "4", "6", "7", "8", "9", "10", "5"]
    assert project.latest("dataset") == StageResult("5", {"again": True})


def test_a_value_out_of_range_changes_nothing() -> None:
    with pytest.raises(SettingsError, match=r"fraction must be .*; found 2"):
        Project().with_settings("selection", fraction=2)


def test_an_unknown_stage_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="nothing"):
        Project().key("nothing")


# --- the file -------------------------------------------------------------------------------------------------


def test_a_project_survives_its_file(tmp_path: Path) -> None:
    project = with_all_results(
        Project(source=tmp_path / "bilder größe", choices=Choices(class_name="α", components=(2, 0)), notes="ß\n")
    )
    write_project(project, tmp_path / "study.coreset")
    assert read_project(tmp_path / "study.coreset") == project


def test_a_margin_is_stored_where_it_is_not_two_points(tmp_path: Path) -> None:
    assert "margin" not in project_to_dict(Project(), tmp_path)["choices"]
    stored = project_to_dict(Project(choices=Choices(margin=0.035)), tmp_path)
    assert project_from_dict(stored, tmp_path, "a.coreset").choices.margin == 0.035
    stored["choices"]["margin"] = 7.0
    assert project_from_dict(stored, tmp_path, "a.coreset").choices.margin == 0.02


def test_file_and_folder_may_move_together(tmp_path: Path) -> None:
    (tmp_path / "a" / "images").mkdir(parents=True)
    write_project(Project(source=tmp_path / "a" / "images"), tmp_path / "a" / "study.coreset")
    text = (tmp_path / "a" / "study.coreset").read_text(encoding="utf-8")
    assert json.loads(text)["source"] == "images"
    (tmp_path / "a").rename(tmp_path / "b")
    assert read_project(tmp_path / "b" / "study.coreset").source == tmp_path / "b" / "images"


def test_images_beside_the_project_are_found_through_dots(tmp_path: Path) -> None:
    file = tmp_path / "studies" / "one" / "study.coreset"
    write_project(Project(source=tmp_path / "images"), file)
    assert json.loads(file.read_text(encoding="utf-8"))["source"] == "../../images"
    assert read_project(file).source == tmp_path / "images"


def test_format_1_is_read_for_ever() -> None:
    project = read_project(SAMPLES / "project-format-1.coreset")
    assert project.source == SAMPLES / "images"
    assert project.settings.data.group_pattern == r"patient(\d+)"
    assert project.settings.data.left_out_classes == ("platelet",)
    assert project.settings.features.extractors == ("vgg16", "colour-texture")
    assert dict(project.settings.clusters.k_by_class) == {"lymphocyte": 4}
    assert project.settings.selection.fraction == 0.05
    assert project.settings.comparison.networks == ("head",)
    assert project.choices == Choices(stage="clusters", class_name="lymphocyte", components=(1, 3))
    assert project.notes == "Größe prüfen: „zwei Sätze“."
    assert project.results["dataset"][0].facts == {"images": 17091, "classes": 8}
    assert project.results["dataset"][0].content == "c0ffee"
    assert project.results["features"][0].seconds == 301.0


def test_a_newer_format_is_refused_with_both_numbers(tmp_path: Path) -> None:
    values = project_to_dict(Project(), tmp_path, version="9.0") | {"format": 7}
    (tmp_path / "new.coreset").write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(ProjectError, match=r"newer version .*\(9\.0, file format 7; this one reads up to 1\)"):
        read_project(tmp_path / "new.coreset")


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"format": 1}', '{"program": "Other", "format": 1}', "\0\1"])
def test_what_is_no_project_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "x.coreset").write_text(content, encoding="utf-8")
    with pytest.raises(ProjectError, match=r"x\.coreset is not a project of Coreset Studio"):
        read_project(tmp_path / "x.coreset")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.coreset").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(ProjectError, match="is not a project"):
        read_project(tmp_path / "x.coreset")


@pytest.mark.parametrize(
    ("key", "value", "word"),
    [
        ("settings", {"data": {"test_fraction": 7}}, "test_fraction"),
        ("settings", {"nonsense": 1}, "nonsense"),
        ("results", {"dataset": [{"fingerprint": "a"}]}, "'facts' is missing"),
        ("results", 3, "damaged"),
        ("choices", {"components": [1]}, "damaged"),
        ("source", 5, "damaged"),
    ],
)
def test_a_damaged_project_says_where(key: str, value: Any, word: str, tmp_path: Path) -> None:
    values = project_to_dict(Project(), tmp_path) | {key: value}
    (tmp_path / "x.coreset").write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(ProjectError, match="is damaged") as caught:
        read_project(tmp_path / "x.coreset")
    assert word in str(caught.value)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    values = project_to_dict(Project(), tmp_path)
    del values["choices"]
    (tmp_path / "x.coreset").write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(ProjectError, match="'choices' is missing"):
        read_project(tmp_path / "x.coreset")


def test_a_project_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="was not found"):
        read_project(tmp_path / "x.coreset")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.timeout(30)
def test_what_is_no_file_or_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.coreset")
    with (tmp_path / "large.coreset").open("wb") as stream:
        stream.truncate(PROJECT_BYTES + 1)
    for name, reason in (("pipe.coreset", "not a regular file"), ("large.coreset", "at most 64,000,000 are read")):
        for read in (read_project, digest_on_disk):
            with pytest.raises(ProjectError, match=reason):
                read(tmp_path / name)


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "study.coreset"
    write_project(Project(notes="old"), file)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ProjectError, match="No space left on device"):
        write_project(Project(notes="new"), file)
    assert read_project(file).notes == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_save_keeps_the_rights_of_the_file_and_follows_links(tmp_path: Path) -> None:
    file = tmp_path / "study.coreset"
    write_project(Project(), file)
    file.chmod(0o640)
    link = tmp_path / "link.coreset"
    link.symlink_to(file)
    write_project(Project(notes="new"), link)
    assert link.is_symlink()
    assert read_project(file).notes == "new"
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_recovery_keeps_project_and_file(tmp_path: Path) -> None:
    recovery = Recovery(with_all_results(Project(source=tmp_path / "images")), tmp_path / "study.coreset")
    write_recovery(recovery, tmp_path / "elsewhere" / "r.json")
    assert read_recovery(tmp_path / "elsewhere" / "r.json") == recovery
    write_recovery(Recovery(Project(), None), tmp_path / "r.json")
    assert read_recovery(tmp_path / "r.json") == Recovery(Project(), None)


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"project": {}}'])
def test_a_damaged_recovery_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(content, encoding="utf-8")
    with pytest.raises(ProjectError):
        read_recovery(tmp_path / "r.json")


WHEN = "2026-11-27T09:30:00+00:00"


def test_notes_on_images_and_reviews_are_kept_and_make_nothing_stale(tmp_path: Path) -> None:
    project = with_all_results(Project(source=tmp_path / "images"))
    plain = project_to_dict(project, tmp_path)
    assert not {"image_notes", "reviewed"} & set(plain)
    noted = replace(project, image_notes={"b.png": "blurred", "a.png": "µ"}, reviewed={"a.png": "kept", "c": "skipped"})
    assert current(noted) == set(STAGES)
    write_project(noted, tmp_path / "x.coreset")
    assert read_project(tmp_path / "x.coreset") == noted
    stored = json.loads((tmp_path / "x.coreset").read_text())
    assert list(stored["image_notes"]) == ["a.png", "b.png"]
    write_recovery(Recovery(noted, None), tmp_path / "recovery.json")
    assert read_recovery(tmp_path / "recovery.json").project == noted


@pytest.mark.parametrize(
    ("name", "value"), [("reviewed", {"a": "perhaps"}), ("image_notes", {"a": 1}), ("reviewed", [])]
)
def test_notes_and_reviews_that_are_none_are_refused(tmp_path: Path, name: str, value: Any) -> None:
    file = tmp_path / "x.coreset"
    file.write_text(json.dumps(project_to_dict(Project(), tmp_path) | {name: value}))
    with pytest.raises(ProjectError, match=f"x.coreset is damaged \\({name}"):
        read_project(file)


def test_relabelling_makes_all_stale_and_its_time_nothing(tmp_path: Path) -> None:
    project = with_all_results(Project(source=tmp_path / "images"))
    record = Relabelling("a.png", "x", "y", WHEN)
    changed = project.with_settings("data", relabelled=(record,))
    assert current(changed) == set()
    done = with_all_results(changed)
    later = done.with_settings("data", relabelled=(replace(record, when="2027-01-01T00:00:00+00:00"),))
    assert current(later) == set(STAGES)
    assert current(later.with_settings("data", relabelled=())) == set(STAGES)
    write_project(later, tmp_path / "x.coreset")
    assert read_project(tmp_path / "x.coreset") == later


def test_keys_are_the_digests_of_settings_and_contents_of_all_stages_before() -> None:
    project = with_all_results(Project().with_settings("data", left_out_images=("a.png", "ö.png")))
    project = project.with_settings("selection", fraction=0.3, beta=0.5)
    parts: list[Any] = []
    for stage, sections in STAGES.items():
        settings = {section: settings_in_keys(getattr(project.settings, section)) for section in sections}
        if stage == "compare":
            # The coreset itself does not matter, only settings of the selection that a comparison does not have itself.
            own = ("sampler", "fraction", "images", "seed")
            selection = settings_in_keys(project.settings.selection)
            parts[-2:] = [["coreset", {name: value for name, value in selection.items() if name not in own}]]
        parts.append([stage, settings])
        expected = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]
        assert project.key(stage) == expected
        parts.append("images" if stage == "dataset" else "")


def test_keys_of_a_project_with_100_000_excluded_images_are_made_once() -> None:
    project = Project().with_settings("data", left_out_images=tuple(f"class/image {n}.png" for n in range(100_000)))
    started = time.perf_counter()
    first = [project.key(stage) for stage in STAGES]
    once = time.perf_counter() - started
    started = time.perf_counter()
    assert all([project.key(stage) for stage in STAGES] == first for _ in range(20))
    assert time.perf_counter() - started < once
    assert project.with_settings("data", left_out_images=("a.png",)).key("compare") != first[-1]
