"""Fine-tuning: the last block of the backbone is trained on its stored inputs."""

import json
import re
import shutil
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from coreset_studio.core.cache_use import release
from coreset_studio.core.errors import CacheError, CancelledError, MemoryShortError
from coreset_studio.core.features.extractors import extractor_named
from coreset_studio.core.housekeeping import measure_cache, trim_cache
from coreset_studio.core.memory import FreeMemory
from coreset_studio.core.output.model_bundle import load_bundle, save_bundle
from coreset_studio.core.progress import Progress
from coreset_studio.core.results import Dataset, RunKey, Split
from coreset_studio.core.row_store import RowStore
from coreset_studio.core.settings import Parts, TrainingSettings, with_own
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.architectures.transfer.tuning import pooled_block, pooled_whole, trainable_copy
from coreset_studio.core.training.augmenting import orient
from coreset_studio.core.training.backbones import Backbone, backbone_of, network_feature_bytes
from coreset_studio.core.training.block_inputs import LARGEST, StoredMaps, block_inputs, divide
from coreset_studio.core.training.fitting import Places, TrainedRun, TrainingTask, train
from coreset_studio.core.training.loop import predict
from coreset_studio.core.training.network import BackboneChoice
from coreset_studio.core.training.optimizing import SLOWER, optimizer_of
from coreset_studio.core.training.pixels import ImageSource
from coreset_studio.core.training.tuning_costs import stored_bytes, tuned_network, tuning_bytes, tuning_seconds

SIZE = 32
# Of probabilities: the run saw inputs of the block as float16. Processors differ; 0.00102 was the most seen.
FLOAT16_INPUTS = 2e-3
KEY = RunKey("transfer", "everything", 1.0, 0, "mark")
CHOICE = BackboneChoice("mobilenetv2", SIZE, untrained=True, words="transfer network")
Usage = namedtuple("Usage", "total used free")


def last_block(name: str) -> str:
    network = extractor_named(name).network
    assert network is not None
    return network.last_block


@pytest.fixture(scope="module")
def tuning(quick: TrainingSettings) -> TrainingSettings:
    return replace(quick, image_size=SIZE, epochs=3, min_steps=12, fine_tuning="on")


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return backbone_of(CHOICE)


@pytest.fixture(scope="module")
def tuned(cells: Dataset, split: Split, tuning: TrainingSettings, store: Path, backbone: Backbone) -> TrainedRun:
    return train("transfer", TrainingTask(cells, split, split.pool, tuning, places=Places(store)), KEY)


def stored(dataset: Dataset, split: Split, folder: Path, *, turned: bool = False) -> StoredMaps:
    others = np.concatenate([split.validation, split.test])
    return block_inputs(dataset, split.pool, others, CHOICE, in_all_orientations=turned, cache_folder=folder)


# --- the backbone in two parts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("vgg16", (2, 2, 512)),
        ("mobilenetv2", (2, 2, 96)),
        ("efficientnet-lite0", (2, 2, 112)),
        pytest.param("resnet101v2", (1, 1, 1024), marks=pytest.mark.slow),
    ],
)
def test_the_parts_before_and_after_are_the_whole_backbone(name: str, shape: tuple[int, ...]) -> None:
    whole = backbone_of(BackboneChoice(name, SIZE, untrained=True))
    network = extractor_named(name).network
    assert network is not None
    divided = divide(whole, network.last_block)
    assert divided.before.output_shape[1:] == shape
    assert network.block_input_size(SIZE) == np.prod(shape)
    # All weights of the description from the named layer on are in the block, and nothing else.
    assert [layer.name for layer in divided.block.layers if layer.weights] == [
        each.name for each in network.block_layers
    ]
    pixels = np.random.default_rng(0).integers(0, 256, (3, SIZE, SIZE, 3)).astype(np.float32)
    together = pooled_whole(divided.before, trainable_copy(divided.block))
    np.testing.assert_allclose(together(pixels), whole.pooled(pixels), atol=1e-5)
    assert np.ptp(np.asarray(whole.pooled(pixels))) > 0.1


@pytest.mark.slow
def test_kernels_of_the_copy_are_trained_and_batch_normalisation_is_not(backbone: Backbone) -> None:
    divided = divide(backbone, last_block("mobilenetv2"))
    copy = trainable_copy(divided.block)
    assert {variable.name for variable in copy.trainable_variables} == {"kernel"}
    assert {"gamma", "beta", "moving_mean", "moving_variance"} == {v.name for v in copy.non_trainable_variables}
    before = [each.copy() for each in copy.get_weights()]
    maps = np.random.default_rng(0).normal(size=(4, 2, 2, 96)).astype(np.float32) * 5
    model = pooled_block(copy)
    model.compile("sgd", "mse")
    model.fit(maps, np.ones((4, 1280), np.float32), verbose=0)
    trained = {id(variable) for variable in copy.trainable_variables}
    for variable, old in zip(copy.weights, before, strict=True):
        assert np.array_equal(variable.numpy(), old) == (id(variable) not in trained), variable.path
    assert all(np.array_equal(a, b.numpy()) for a, b in zip(before, divided.block.weights, strict=True)), (
        "the shared block changed"
    )


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_the_block_has_a_tenth_of_the_learning_rate_and_no_decay(decay: float) -> None:
    block = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, use_bias=False, name="block")])
    model = keras.Sequential([block, keras.layers.Dense(1, use_bias=False, name="head")])
    model.compile(optimizer_of(0.01, Parts(weight_decay=decay), block), "mse")
    before = [weight.numpy() for weight in model.weights]
    model.fit(np.ones((4, 3), np.float32), np.full((4, 1), 50, np.float32), epochs=1, verbose=0)
    of_block, of_head = (new.numpy() - old for new, old in zip(model.weights, before, strict=True))
    # Adam's first step is the learning rate, whatever the gradient; decay comes before it.
    assert SLOWER == 0.1
    np.testing.assert_allclose(np.abs(of_block), 0.001, rtol=1e-3)
    np.testing.assert_allclose(np.abs(of_head + 0.01 * decay * before[1]), 0.01, rtol=1e-3)


# --- what is kept -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_inputs_of_the_block_are_kept_as_mapped_float16_in_8_orientations(
    cells: Dataset, split: Split, backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coreset_studio.core.arrays.READ_BELOW_BYTES", 0)
    maps = stored(cells, split, tmp_path, turned=True)
    n, n_others = len(split.pool), len(split.validation) + len(split.test)
    assert len(maps) == n + n_others
    assert len(maps.store) == 8 * n + n_others
    (folder,) = (tmp_path / "backbone").iterdir()
    assert folder.name.startswith(f"mobilenetv2-block_13_expand-{SIZE}-")
    on_disk = [np.load(file, mmap_mode="r") for file in folder.glob("*.npy")]
    assert sum(rows.nbytes for rows in on_disk) == 2 * 2 * 2 * 96 * (8 * n + n_others)
    assert all(isinstance(rows, np.memmap) for _, rows in maps.store._chunks)
    before = divide(backbone, last_block("mobilenetv2")).before
    pixels = ImageSource(cells, split.pool, SIZE).all()
    rows, turns = np.array([4, 0, 7]), np.array([0, 3, 6])
    given = maps.take_oriented(rows, turns)
    assert given.dtype == np.float32
    for one, row, turn in zip(given, rows, turns, strict=True):
        expected = np.asarray(before(orient(pixels[row : row + 1], int(turn)).astype(np.float32)))[0]
        np.testing.assert_allclose(one, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())
    np.testing.assert_array_equal(maps.take(rows[:1]), given[:1])
    assert maps.part(n, len(maps)).keys[0] == cells.images[split.validation[0]].pixels


@pytest.mark.slow
def test_what_is_kept_is_not_computed_again_and_a_damaged_chunk_is(
    cells: Dataset, split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = stored(cells, split, tmp_path).all()
    seen: list[int] = []
    read = ImageSource.readable
    monkeypatch.setattr(ImageSource, "readable", lambda self, rows: (seen.extend(rows), read(self, rows))[1])
    np.testing.assert_array_equal(stored(cells, split, tmp_path).all(), first)
    assert not seen
    file = next((tmp_path / "backbone").glob("*/*.npy"))
    file.write_bytes(file.read_bytes()[:-100])
    again = stored(cells, split, tmp_path)
    assert len(seen) == len(first)
    np.testing.assert_array_equal(again.all(), first)


def test_numbers_beyond_float16_are_cut_off(
    cells: Dataset, split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge = lambda model, dtype: lambda pixels: np.full((len(pixels), 2, 2, 96), -1e6, np.float32)  # noqa: E731
    monkeypatch.setattr("coreset_studio.core.training.block_inputs.compiled", huge)
    assert np.unique(stored(cells, split, tmp_path).all()).tolist() == [-LARGEST]


def test_a_row_store_of_another_kind_of_number_counts_as_none(tmp_path: Path) -> None:
    RowStore(tmp_path, 2, dtype=np.float16).append(["a"], np.array([[1, 0.1]], np.float16))
    assert len(RowStore(tmp_path, 2)) == 0
    rows = RowStore(tmp_path, 2, dtype=np.float16).rows(["a"])
    assert rows.dtype == np.float16
    assert rows.tolist() == [[1, np.float16(0.1)]]


@pytest.mark.slow
def test_a_stop_while_inputs_are_computed_keeps_nothing_half(cells: Dataset, split: Split, tmp_path: Path) -> None:
    class Stop(Progress):
        def report(self, done: int, total: int, message: str = "") -> None:
            raise CancelledError

    others = np.concatenate([split.validation, split.test])
    with pytest.raises(CancelledError):
        block_inputs(
            cells, split.pool, others, CHOICE, in_all_orientations=False, cache_folder=tmp_path, progress=Stop()
        )
    assert len(stored(cells, split, tmp_path).all()) == len(split.pool) + len(others)


# --- a training -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_saved_model_is_whole_and_answers_as_the_run(
    cells: Dataset, split: Split, tuned: TrainedRun, tmp_path: Path
) -> None:
    assert "without" not in tuned.result.note
    assert tuned.result.feature_seconds > 0
    tuned.model.save(tmp_path / "model.keras")
    kept = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    assert kept.input_shape == (None, SIZE, SIZE, 3)
    answers = predict(kept, ImageSource(cells, split.test, SIZE))
    np.testing.assert_allclose(answers, tuned.result.probabilities, atol=FLOAT16_INPUTS)
    assert np.ptp(answers) > 0.01


@pytest.mark.slow
def test_the_bundle_states_fine_tuning_and_predicts_as_the_run(
    cells: Dataset, split: Split, tuning: TrainingSettings, tuned: TrainedRun, tmp_path: Path
) -> None:
    folder = save_bundle(tmp_path / "bundle", tuned, tuning)
    assert json.loads((folder / "bundle.json").read_text())["training"]["fine_tuning"] == "on"
    answers = predict(load_bundle(folder).model, ImageSource(cells, split.test, SIZE))
    assert np.array_equal(answers.argmax(1), tuned.result.predicted)


@pytest.mark.slow
def test_stored_inputs_count_for_the_limit_of_the_cache_and_are_removed_when_unused(
    cells: Dataset, split: Split, tmp_path: Path
) -> None:
    maps = stored(cells, split, tmp_path)
    assert measure_cache(tmp_path).n_bytes >= 2 * maps.store.n_features * len(maps)
    assert trim_cache(tmp_path, 0).n_removed == 0, "this process uses them"
    release(tmp_path)
    assert trim_cache(tmp_path, 0).n_removed == 1
    assert not list(tmp_path.rglob("*.npy"))


@pytest.mark.slow
def test_the_shared_backbone_never_changes_and_a_training_is_repeated_to_the_bit(
    cells: Dataset, split: Split, tuning: TrainingSettings, store: Path, tuned: TrainedRun, backbone: Backbone
) -> None:
    assert backbone_of(CHOICE) is backbone
    frozen = [weight.numpy() for weight in backbone.pooled.weights]
    again = train("transfer", TrainingTask(cells, split, split.pool, tuning, places=Places(store)), KEY)
    assert np.array_equal(again.result.probabilities, tuned.result.probabilities)
    assert all(np.array_equal(a, b.numpy()) for a, b in zip(frozen, backbone.pooled.weights, strict=True))
    assert not any(layer.trainable for layer in backbone.body.layers)
    # The block that was trained is another than the backbone's.
    block = tuned.model.get_layer("last_block")
    kernel = block.get_layer("block_16_project").get_weights()[0]
    assert not np.array_equal(kernel, backbone.body.get_layer("block_16_project").get_weights()[0])
    mean = block.get_layer("block_16_project_BN").get_weights()[2]
    assert np.array_equal(mean, backbone.body.get_layer("block_16_project_BN").get_weights()[2])


@pytest.mark.slow
def test_with_the_regularised_output_flips_and_turns_the_best_epoch_is_kept(
    cells: Dataset, split: Split, tuning: TrainingSettings, store: Path, tmp_path: Path
) -> None:
    settings = replace(tuning, recipe="recommended", orientation="free")
    run = train("transfer", TrainingTask(cells, split, split.pool, settings, places=Places(store)), KEY)
    assert "without" not in run.result.note
    names = [layer.name for layer in run.model.layers]
    assert names[-3:] == ["average_pooling", "flatten", "classes"]
    run.model.save(tmp_path / "model.keras")
    answers = predict(keras.models.load_model(tmp_path / "model.keras"), ImageSource(cells, split.test, SIZE))
    np.testing.assert_allclose(answers, run.result.probabilities, atol=FLOAT16_INPUTS)
    # It has no one optimum any more, so the validation images pick.
    best = max(run.result.history, key=lambda each: (each.validation_accuracy, -each.validation_loss))
    assert run.result.best_epoch == best.number


@pytest.mark.slow
def test_a_backbone_that_names_no_last_block_stays_frozen_and_the_result_says_so(
    cells: Dataset, split: Split, tuning: TrainingSettings, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = extractor_named("mobilenetv2").network
    assert network is not None
    monkeypatch.setattr("coreset_studio.core.training.tuning_costs.extractor_named", lambda name: _without_block(name))
    run = train("transfer", TrainingTask(cells, split, split.pool, tuning, places=Places(store)), KEY)
    assert "the transfer network is trained without fine-tuning of the last block" in run.result.note
    assert "last_block" not in [layer.name for layer in run.model.layers]


class _without_block:  # noqa: N801 - stands for a function
    def __init__(self, name: str) -> None:
        found = extractor_named(name).network
        assert found is not None
        self.network = replace(found, last_block="")


# --- what it takes ----------------------------------------------------------------------------------------------------


def test_disk_memory_and_time_are_told_by_the_settings(tuning: TrainingSettings) -> None:
    transfer = NETWORKS["transfer"]
    vgg16 = with_own(TrainingSettings(fine_tuning="on"), "transfer", backbone="vgg16")
    assert stored_bytes(transfer, vgg16, 100, 30) == 2 * 16 * 16 * 512 * 130
    free = replace(vgg16, orientation="free", flips_and_turns="on")
    assert stored_bytes(transfer, free, 100, 30) == 2 * 16 * 16 * 512 * 830
    # Three convolutions of 3 × 3 × 512 × 512 at 16 × 16 places, three passes.
    assert tuning_seconds(transfer, vgg16) == pytest.approx(6 * 256 * 3 * 9 * 512**2 / 6e10)
    weights = 4 * 7 * 3 * (9 * 512**2 + 512)
    known = tuned_network(transfer, vgg16)
    assert known is not None
    assert tuning_bytes(known, vgg16, 100) == 60_000_000 + weights + 32 * 100 * 256**2 + 4 * 512 * 100
    assert network_feature_bytes(transfer, vgg16, 100, 30) == tuning_bytes(known, vgg16, 100)
    off = replace(vgg16, fine_tuning="off")
    assert (stored_bytes(transfer, off, 100, 30), tuning_seconds(transfer, off)) == (0, 0)
    assert stored_bytes(NETWORKS["custom"], vgg16, 100, 30) == 0


def test_a_disk_without_room_is_said_before_anything_is_computed(
    cells: Dataset, split: Split, tuning: TrainingSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(2e9, 1e9, 1e9))
    settings = replace(tuning, orientation="free", flips_and_turns="on")
    task = TrainingTask(cells, split, split.pool, settings, places=Places(tmp_path))
    with pytest.raises(CacheError) as caught:
        train("transfer", task, KEY)
    said = str(caught.value)
    assert re.match(r"Fine-tuning the transfer network needs about \d+ kB of disk space", said)
    for way in ("CORESET_CACHE", "--image-size", "(--flips-and-turns off)", "(--fine-tuning off)"):
        assert way in said
    assert not list(tmp_path.rglob("*.npy"))


def test_a_training_without_memory_for_the_block_names_fine_tuning(
    cells: Dataset, split: Split, tuning: TrainingSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coreset_studio.core.memory.free_memory", lambda: FreeMemory(40_000_000))
    task = TrainingTask(cells, split, split.pool, tuning, places=Places(tmp_path))
    with pytest.raises(MemoryShortError, match=r"^Training the transfer network .*\(--fine-tuning off\)"):
        train("transfer", task, KEY)
    assert not list(tmp_path.iterdir())
