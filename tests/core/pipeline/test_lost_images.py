"""Images that change, are emptied or vanish while a study is open: nothing wrong is kept, they are left out by name."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.data.images import read_image
from coreset_studio.core.data.rereading import CHANGED
from coreset_studio.core.data.scanning import pixel_hash
from coreset_studio.core.errors import TrainingError
from coreset_studio.core.output.embedded_images import embedded
from coreset_studio.core.pipeline import comparing
from coreset_studio.core.pipeline.comparing import compare_stored, run_comparison
from coreset_studio.core.pipeline.planning import PlannedRun
from coreset_studio.core.pipeline.run_keys import run_key
from coreset_studio.core.pipeline.searching import search_study
from coreset_studio.core.pipeline.split_parts import Selections
from coreset_studio.core.pipeline.stages import Prepared, prepare
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.results import Note
from coreset_studio.core.service.selection_service import SelectionService
from coreset_studio.core.settings import (
    ClusterSettings,
    ComparisonSettings,
    FeatureSettings,
    SearchSettings,
    Settings,
    TrainingSettings,
    with_own,
)
from coreset_studio.core.training.pixels import STORE_VERSION, PixelStore, resize
from coreset_studio.core.training.runs import load_runs

QUICK = with_own(
    TrainingSettings(image_size=32, epochs=1, min_steps=2), "transfer", backbone="mobilenetv2", untrained_backbone=True
)
EMPTY = "The file is empty."


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    make_demo(tmp_path / "demo", n_images=90, side=48)
    comparison = ComparisonSettings(
        samplers=("random",), fractions=(0.5, 1.0), networks=("custom",), repetitions=1, controls=False
    )
    settings = Settings(
        features=FeatureSettings(extractors=("colour-texture",)),
        clusters=ClusterSettings(k_max=3),
        training=QUICK,
        comparison=comparison,
    )
    return prepare(Study(tmp_path / "demo", settings, tmp_path / "cache"))


def asking(prepared: Prepared, **changes: Any) -> Prepared:
    settings = prepared.study.settings
    wanted = replace(settings, comparison=replace(settings.comparison, **changes))
    return replace(prepared, study=replace(prepared.study, settings=wanted))


def file_of(prepared: Prepared, index: int) -> Path:
    return prepared.dataset.root / prepared.dataset.images[index].path


def replace_quietly(file: Path) -> None:
    """Put another image in a file's place, of the same size and time as far as the disk can tell."""
    before = file.stat()
    with PIL.Image.open(file) as image:
        kind, size = image.format, image.size
    PIL.Image.new("RGB", size, (1, 2, 3)).save(file, kind)
    content = file.read_bytes()
    assert len(content) <= before.st_size
    file.write_bytes(content + b"\0" * (before.st_size - len(content)))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def everything_kept_is_what_it_says(prepared: Prepared) -> int:
    """Check every square in the cache against the file that has its hash now; return how many there are."""
    pixels = {}
    for index, image in enumerate(prepared.dataset.images):
        file = file_of(prepared, index)
        if file.exists() and file.stat().st_size and pixel_hash(read_image(prepared.dataset, index)) == image.pixels:
            pixels[image.pixels] = resize(read_image(prepared.dataset, index), 32)
    folder = prepared.study.cache_folder / "pixels" / f"32-v{STORE_VERSION}"
    store = PixelStore(folder, 32)
    keys = [key for file in folder.glob("*.json") for key in json.loads(file.read_text())]
    for key in keys:
        assert key in pixels, "kept under a hash that no image has any more"
        assert np.array_equal(store.get(key), pixels[key])
    return len(keys)


class Listener:
    def __init__(self) -> None:
        self.notes: list[str] = []

    def report(self, done: int, total: int, message: str = "") -> None:
        pass

    def publish(self, result: object) -> None:
        if isinstance(result, Note):
            self.notes.append(result.sentence)


@pytest.mark.slow
def test_trainings_go_on_without_images_that_changed_and_name_them(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split, images = prepared.split, prepared.dataset.images
    changed, emptied, gone = int(split.pool[3]), int(split.validation[1]), int(split.test[2])
    replace_quietly(file_of(prepared, changed))
    file_of(prepared, emptied).write_bytes(b"")
    file_of(prepared, gone).unlink()
    listener = Listener()

    found = run_comparison(prepared, tmp_path / "runs", listener)

    everything = next(run for run in found.runs if run.key.sampler == "everything")
    assert everything.n_images == len(split.pool) - 1
    for run in found.runs:
        assert run.test_indices.tolist() == [index for index in split.test.tolist() if index != gone]
        assert images[emptied].path in run.note
    for index, reason in ((changed, CHANGED), (emptied, EMPTY), (gone, "cannot be read")):
        assert any(images[index].path in note and reason.rstrip(".") in note for note in listener.notes)
        assert any(images[index].path in sentence for sentence in found.sentences)
        assert any(images[index].path in sentence for sentence in found.notes)
    left = replace(split, validation=split.validation[split.validation != emptied], test=split.test[split.test != gone])
    whole = PlannedRun("custom", "everything", 1.0, 0)
    honest = run_key(replace(prepared, split=left), whole, split.pool[split.pool != changed], None)
    assert everything.key.fingerprint == honest.fingerprint
    stored = load_runs(tmp_path / "runs").runs
    assert {run.key.fingerprint for run in stored} == {run.key.fingerprint for run in found.runs}
    used = [*split.pool.tolist(), *split.validation.tolist(), *split.test.tolist()]
    assert everything_kept_is_what_it_says(prepared) == len({images[index].pixels for index in used}) - 3

    trained: list[str] = []
    original = comparing.train
    monkeypatch.setattr(comparing, "train", lambda *given: trained.append(given[2].sampler) or original(*given))
    again = run_comparison(prepared, tmp_path / "runs")
    assert [run.key for run in again.runs] == [run.key for run in found.runs]
    assert len(load_runs(tmp_path / "runs").runs) == len(stored)

    # A new scan sees the images as they are, and takes none of these trainings for one of its own.
    fresh = prepare(prepared.study)
    assert compare_stored(fresh, tmp_path / "runs").runs == ()


@pytest.mark.slow
def test_all_networks_are_tested_on_the_same_images_though_one_was_lost_between_them(
    prepared: Prepared, tmp_path: Path
) -> None:
    gone = int(prepared.split.test[0])

    class Removing(Listener):
        def publish(self, result: object) -> None:
            super().publish(result)
            file_of(prepared, gone).unlink(missing_ok=True)

    found = run_comparison(
        asking(prepared, networks=("head", "transfer"), fractions=(1.0,)), tmp_path / "runs", Removing()
    )
    head, transfer = found.runs
    assert gone not in head.test_indices
    assert head.test_indices.tolist() == transfer.test_indices.tolist() == prepared.split.test[1:].tolist()
    assert len(head.true) == len(head.predicted) == len(head.confidence) == len(prepared.split.test) - 1
    assert head.n_images == transfer.n_images == len(prepared.split.pool)
    assert prepared.dataset.images[gone].path in found.sentences[-1]


def test_a_probe_is_trained_on_what_its_embeddings_hold(prepared: Prepared, tmp_path: Path) -> None:
    before = run_comparison(asking(prepared, networks=("head",)), tmp_path / "runs")
    for index in (int(prepared.split.pool[0]), int(prepared.split.test[0])):
        file_of(prepared, index).write_bytes(b"")
    after = run_comparison(asking(prepared, networks=("head",)), tmp_path / "runs")
    assert [run.key for run in after.runs] == [run.key for run in before.runs]
    assert after.notes == ()


@pytest.mark.slow
def test_a_comparison_without_a_single_test_image_says_so(prepared: Prepared, tmp_path: Path) -> None:
    for index in prepared.split.test:
        file_of(prepared, int(index)).unlink()
    with pytest.raises(TrainingError, match=r"None of the test images can still be read.*Scan the dataset again"):
        run_comparison(prepared, tmp_path / "runs")


def test_a_coreset_of_which_nothing_is_left_says_so(prepared: Prepared, tmp_path: Path) -> None:
    wanted = asking(prepared, fractions=(0.1,))
    selections = Selections(wanted, wanted.study.settings.selection)
    _coreset, indices, _seconds = selections.get(PlannedRun("custom", "random", 0.1, 0))
    for index in indices:
        file_of(prepared, int(index)).write_bytes(b"")
    path = prepared.dataset.images[int(indices[0])].path
    with pytest.raises(TrainingError, match=rf"None of the training images can still be read: {path}"):
        run_comparison(wanted, tmp_path / "runs")


@pytest.mark.slow
def test_a_search_goes_on_without_an_image_that_is_empty(prepared: Prepared, tmp_path: Path) -> None:
    index = int(prepared.split.validation[0])

    class Emptying(Listener):
        def report(self, done: int, total: int, message: str = "") -> None:
            if message.startswith("Searching"):
                file_of(prepared, index).write_bytes(b"")

    search = SearchSettings(method="grid", learning_rates=(0.002,), dropouts=(0.0,), epoch_counts=(1,))
    study = replace(prepared.study, settings=replace(prepared.study.settings, training=QUICK, search=search))
    file_of(prepared, index).write_bytes(file_of(prepared, index).read_bytes())
    listener = Emptying()
    # The first report of the first training comes before its validation images are read.
    outcome = search_study(study, tmp_path / "out", progress=listener)
    path = prepared.dataset.images[index].path
    assert any(path in note and EMPTY.rstrip(".") in note for note in outcome.notes)
    assert any(path in note for note in listener.notes)


@pytest.mark.slow
def test_pixels_kept_unchecked_by_an_earlier_version_are_discarded_once(prepared: Prepared, tmp_path: Path) -> None:
    cache = prepared.study.cache_folder
    old = [cache / "pixels" / "32-v1", cache / "backbone" / f"mobilenetv2-32-{'0' * 16}-v1.1"]
    own = cache / "pixels" / "notes"
    for folder in (*old, own):
        folder.mkdir(parents=True)
        (folder / "a.npy").write_bytes(b"anything")
    features = sorted((cache / "features").rglob("*.npy"))
    listener = Listener()
    found = run_comparison(prepared, tmp_path / "runs", listener)
    assert not any(folder.exists() for folder in old)
    assert own.exists()
    assert sorted((cache / "features").rglob("*.npy")) == features
    [note] = listener.notes
    assert "an earlier version" in note
    assert found.notes == (note,)
    assert run_comparison(prepared, tmp_path / "runs").notes == ()


def test_the_viewer_and_the_report_show_no_other_image_than_was_scanned(prepared: Prepared) -> None:
    service = SelectionService(prepared.study)
    changed, emptied = 4, 5
    replace_quietly(file_of(prepared, changed))
    file_of(prepared, emptied).write_bytes(b"")
    assert service.decoded(3).problem == ""
    assert service.decoded(changed).problem == "The image has changed since it was scanned; scan again."
    assert service.decoded(changed).rgb == b""
    assert service.decoded(emptied).problem == EMPTY
    assert embedded(prepared.dataset, 3)
    assert embedded(prepared.dataset, changed) == ""


def test_an_image_that_changes_before_its_features_are_computed_is_told_by_the_comparison(
    prepared: Prepared, tmp_path: Path
) -> None:
    index = int(prepared.split.pool[1])
    replace_quietly(file_of(prepared, index))
    study = replace(prepared.study, cache_folder=tmp_path / "other")
    # The scan believes size and time, as an earlier one did whose facts are in the cache.
    (tmp_path / "other").mkdir()
    again = prepare(study, dataset=prepared.dataset)
    assert index not in again.split.pool
    found = run_comparison(asking(again, networks=("head",), fractions=(1.0,)), tmp_path / "runs")
    assert prepared.dataset.images[index].path in found.notes[-1]
