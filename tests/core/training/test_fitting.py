"""Training from images to a result: seeded, stoppable, with the best epoch kept."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
import tensorflow as tf

from coreset_studio.core import memory
from coreset_studio.core.errors import CancelledError, ImageError, MemoryShortError, TrainingError
from coreset_studio.core.progress import NO_PROGRESS
from coreset_studio.core.results import Dataset, Epoch, PoolEmbedding, RunKey, Split
from coreset_studio.core.settings import TrainingSettings
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.backbones import backbone_features, backbone_of
from coreset_studio.core.training.fitting import Places, Seen, TrainedRun, TrainingTask, train, used_classes
from coreset_studio.core.training.loop import n_epochs
from coreset_studio.core.training.pixels import ImageSource
from coreset_studio.core.training.task import FITTED

pytestmark = pytest.mark.slow

Train = Callable[..., TrainedRun]


class Listener:
    """Notes what it is told; stops at a step of training."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.stop_at = stop_at
        self.steps: list[tuple[int, int]] = []
        self.published: list[object] = []

    def report(self, done: int, total: int, message: str = "") -> None:
        if message.startswith("Training"):
            self.steps.append((done, total))
            if len(self.steps) == self.stop_at:
                raise CancelledError

    def publish(self, result: object) -> None:
        self.published.append(result)


@pytest.fixture
def run(cells: Dataset, split: Split, store: Path, quick: TrainingSettings, key: RunKey) -> Train:
    def start(network: str = "custom", **changes: object) -> TrainedRun:
        progress = changes.pop("progress", NO_PROGRESS)
        task = TrainingTask(cells, split, split.pool, quick, places=Places(store))
        return train(network, replace(task, **changes), key, progress)  # type: ignore[arg-type]

    return start


def test_discs_of_three_colours_are_learnt_however_they_are_listed_and_kept(
    run: Train, split: Split, store: Path
) -> None:
    result = run().result
    assert result.metrics["accuracy"] > 0.8
    assert result.confidence.shape == result.true.shape
    assert result.note == ""
    # Neither the order in which images were chosen nor reading them from disk changes the network.
    other = run(indices=split.pool[::-1], places=Places(store, memory_bytes=0)).result
    np.testing.assert_array_equal(other.confidence, result.confidence)


def test_a_training_that_needs_more_memory_than_is_free_reads_nothing(
    run: Train, quick: TrainingSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: memory.FreeMemory(100_000_000))
    monkeypatch.setattr(ImageSource, "hold", lambda *_args, **_named: pytest.fail("it has begun"))
    with pytest.raises(MemoryShortError) as caught:
        run(settings=replace(quick, image_size=128, batch_size=32))
    said = str(caught.value)
    assert said.startswith("Training the custom network on ")
    assert "of memory, but 100 MB are free" in said
    assert "--image-size" in said
    assert "--batch-size" in said


def pixels_of(cells: Dataset, indices: np.ndarray, size: int = 48) -> np.ndarray:
    return ImageSource(cells, indices, size).take(np.arange(len(indices)))


@pytest.mark.parametrize("network", ["custom", pytest.param("transfer", marks=pytest.mark.slow)])
def test_one_seed_one_network(run: Train, network: str) -> None:
    first, again, other = (run(network, seed=seed) for seed in (1, 1, 2))
    for a, b in zip(first.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(first.result.confidence, again.result.confidence)
    assert not np.array_equal(first.result.confidence, other.result.confidence)


ANOTHER_PROCESS = """
import sys
from pathlib import Path
import numpy as np
sys.path.insert(0, sys.argv[1])
from conftest import write_images
from coreset_studio.core.results import RunKey, Split
from coreset_studio.core.settings import TrainingSettings
from coreset_studio.core.training.fitting import Places, TrainingTask, train
place = Path(sys.argv[2])
cells = write_images(place / "images")
split = Split(np.arange(0, 54, 2), np.arange(1, 54, 4), np.arange(3, 54, 4))
settings = TrainingSettings(image_size=48, epochs=2, min_steps=6, batch_size=8)
task = TrainingTask(cells, split, split.pool, settings, places=Places(place))
done = train("custom", task, RunKey("custom", "random", 1, 0, ""))
print(done.result.confidence.tobytes().hex())
"""


@pytest.mark.slow
def test_another_process_with_another_hash_seed_gives_the_same(tmp_path: Path) -> None:
    here = Path(__file__).parent
    printed = []
    for seed in ("1", "2"):
        process = subprocess.run(
            [sys.executable, "-c", ANOTHER_PROCESS, str(here), str(tmp_path / seed)],
            env=os.environ | {"PYTHONHASHSEED": seed},
            cwd=here.parents[2],
            capture_output=True,
            text=True,
            check=True,
        )
        printed.append(process.stdout.strip().splitlines()[-1])
    assert printed[0] == printed[1]
    assert len(printed[0]) == 8 * 13


@pytest.mark.parametrize("network", ["custom", pytest.param("transfer", marks=pytest.mark.slow)])
def test_history_has_every_epoch_and_all_are_published(run: Train, network: str, quick: TrainingSettings) -> None:
    listener = Listener()
    result = run(network, progress=listener).result
    # 30 images in batches of 8 are 4 steps; 24 steps are 6 epochs.
    assert [epoch.number for epoch in result.history] == [1, 2, 3, 4, 5, 6]
    assert [one for one in listener.published if isinstance(one, Epoch)] == list(result.history)
    assert result.history[0].learning_rate == pytest.approx(quick.learning_rate)
    assert all(a.learning_rate > b.learning_rate for a, b in zip(result.history, result.history[1:], strict=False))
    assert all(0 <= epoch.validation_accuracy <= 1 and epoch.seconds > 0 for epoch in result.history)
    assert all(epoch.validation_seconds < epoch.seconds for epoch in result.history)
    shares = [done / total for done, total in listener.steps]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(FITTED)  # the rest is the test
    assert result.train_seconds > 0


@pytest.mark.parametrize(
    ("n_images", "epochs", "min_steps", "expected"),
    [(30, 6, 24, 6), (30, 6, 0, 6), (30, 6, 25, 7), (1, 6, 24, 24), (1, 1, 0, 1), (800, 25, 750, 25), (72, 2, 100, 12)],
)
def test_few_images_are_seen_more_often(
    quick: TrainingSettings, n_images: int, epochs: int, min_steps: int, expected: int
) -> None:
    assert n_epochs(n_images, replace(quick, epochs=epochs, min_steps=min_steps)) == expected


@pytest.mark.parametrize("network", ["custom", pytest.param("transfer", marks=pytest.mark.slow)])
def test_the_best_validation_epoch_is_the_one_kept(
    run: Train, network: str, cells: Dataset, split: Split, quick: TrainingSettings
) -> None:
    trained = run(network, settings=replace(quick, epochs=10, learning_rate=0.05))
    history = trained.result.history
    best = max(history, key=lambda epoch: (epoch.validation_accuracy, -epoch.validation_loss))
    assert trained.result.best_epoch == best.number
    predicted = trained.model(pixels_of(cells, split.validation)).numpy()
    labels = cells.labels[split.validation]
    assert (predicted.argmax(1) == labels).mean() == pytest.approx(best.validation_accuracy)
    loss = -np.log(predicted[np.arange(len(labels)), labels]).mean()
    assert loss == pytest.approx(best.validation_loss, rel=1e-3)


@pytest.mark.parametrize("network", ["custom", pytest.param("transfer", marks=pytest.mark.slow)])
def test_training_stops_within_a_batch(run: Train, network: str) -> None:
    listener = Listener(stop_at=3)
    with pytest.raises(CancelledError):
        run(network, progress=listener)
    assert len(listener.steps) == 3


@pytest.mark.parametrize("network", ["custom", "head", pytest.param("transfer", marks=pytest.mark.slow)])
def test_a_class_missing_from_the_coreset_is_still_an_answer(
    run: Train, network: str, cells: Dataset, split: Split, embedding: PoolEmbedding, quick: TrainingSettings
) -> None:
    blue = cells.classes.index("blue")
    chosen = split.pool[cells.labels[split.pool] != blue]
    result = run(network, indices=chosen, seen=Seen(embedding), settings=replace(quick, min_steps=0, epochs=3)).result
    assert result.classes == ("blue", "green", "red")
    assert result.metrics.class_recall["blue"] == 0
    assert result.n_images == len(chosen)


@pytest.mark.parametrize("network", ["custom", "head", pytest.param("transfer", marks=pytest.mark.slow)])
def test_one_image_is_enough_to_train_on(
    run: Train, network: str, split: Split, embedding: PoolEmbedding, quick: TrainingSettings
) -> None:
    settings = replace(quick, min_steps=2, epochs=1)
    result = run(network, indices=split.pool[:1], seen=Seen(embedding), settings=settings).result
    assert result.n_images == 1
    assert len(result.history) == (0 if network == "head" else 2)
    assert np.isfinite(result.confidence).all()


@pytest.mark.slow
def test_the_result_says_what_the_saved_model_says(run: Train, cells: Dataset, split: Split) -> None:
    trained = run()
    whole = trained.model(pixels_of(cells, split.test)).numpy()
    np.testing.assert_allclose(whole.max(1), trained.result.confidence, atol=1e-5)
    np.testing.assert_array_equal(whole.argmax(1), trained.result.predicted)


def test_kept_features_of_the_backbone_equal_fresh_ones(
    cells: Dataset, split: Split, quick: TrainingSettings, tmp_path: Path
) -> None:
    choice = NETWORKS["transfer"].backbone(quick)
    assert choice is not None
    kept = backbone_features(cells, split.pool[:9], choice, cache_folder=tmp_path)
    order = np.array([4, 0, 8, 4])
    again = backbone_features(cells, split.pool[order], choice, cache_folder=tmp_path)
    np.testing.assert_array_equal(again, kept[order])
    fresh = backbone_of(choice).pooled(pixels_of(cells, split.pool[:9])).numpy()
    np.testing.assert_allclose(kept, fresh, atol=1e-5)


def test_what_cannot_be_trained_is_told(run: Train, cells: Dataset, split: Split) -> None:
    nothing = np.array([], dtype=np.int64)
    blue = np.flatnonzero(cells.labels == 0)
    with pytest.raises(TrainingError, match="coreset is empty"):
        run(indices=nothing)
    with pytest.raises(TrainingError, match="no test images"):
        run(split=replace(split, test=nothing))
    with pytest.raises(TrainingError, match=r"only one class \(blue\)"):
        run(indices=blue[:5], split=Split(blue[:5], nothing, blue[5:]))
    with pytest.raises(TrainingError, match="no network named 'perceptron'"):
        run("perceptron")
    with pytest.raises(TrainingError, match="none were given"):
        run("head")


def test_an_image_lost_while_training_is_told_as_it_is(run: Train, cells: Dataset, split: Split, tmp_path: Path,
                                                       quick: TrainingSettings, key: RunKey) -> None:  # fmt: skip
    gone = Dataset(tmp_path, tmp_path, "folder", cells.images)
    with pytest.raises(ImageError):
        train("custom", TrainingTask(gone, split, split.pool, quick, places=Places(tmp_path / "cache")), key)


def test_classes_without_images_are_not_told_apart(cells: Dataset) -> None:
    red = np.flatnonzero(cells.labels == 2)
    blue = np.flatnonzero(cells.labels == 0)
    assert used_classes(cells, Split(red[:3], red[3:4], blue[:2])) == ("blue", "red")


@pytest.fixture
def tensorflow_says() -> Iterator[list[str]]:
    """Warnings that reach TensorFlow's log."""
    said: list[str] = []

    class Notes(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    handler = Notes(logging.WARNING)
    tf.get_logger().addHandler(handler)
    yield said
    tf.get_logger().removeHandler(handler)


@pytest.mark.slow
def test_many_short_runs_say_nothing(run: Train, quick: TrainingSettings, tensorflow_says: list[str]) -> None:
    short = replace(quick, epochs=1, min_steps=0, batch_size=30)
    earlier = run(settings=short)
    before = earlier.model.get_weights()
    for repetition in range(5):
        run("custom" if repetition % 2 else "transfer", settings=short, seed=repetition)
    assert tensorflow_says == []
    # Memory is freed between runs, and a model that is still held stays as it was.
    np.testing.assert_array_equal(before[0], earlier.model.get_weights()[0])
    assert earlier.model(np.zeros((2, 48, 48, 3), np.uint8)).shape == (2, 3)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_thirty_runs_pile_up_no_more_than_is_known(
    run: Train, quick: TrainingSettings, tensorflow_says: list[str]
) -> None:
    short = replace(quick, epochs=1, min_steps=0, image_size=128)
    memory = []
    for repetition in range(30):
        run("custom" if repetition % 2 else "transfer", settings=short, seed=repetition)
        memory.append(psutil.Process().memory_info().rss)
    assert tensorflow_says == []
    # The first runs fill pools that stay. After them each run still leaves about 13 MB (252 MB over 20 runs were
    # measured, where nothing should stay); the cause is not found. The bound sees to it that it does not get worse.
    assert memory[-1] - memory[9] < 20 * 20e6
