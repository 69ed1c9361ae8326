"""Fitting: order of the images, steps, the best epoch, progress, stopping."""

import math
import threading
from dataclasses import replace

import keras
import numpy as np
import pytest

from coreset_studio.core.errors import CancelledError, ImageError
from coreset_studio.core.results import Epoch
from coreset_studio.core.settings import TrainingSettings
from coreset_studio.core.training.architectures.transfer.model import build_transfer_head
from coreset_studio.core.training.loop import (
    Labelled,
    Rows,
    batches_of_epoch,
    fit,
    in_order,
    make_deterministic,
    n_epochs,
    predict,
    steps_per_epoch,
)

SETTINGS = TrainingSettings(epochs=5, min_steps=0, batch_size=8, learning_rate=0.02)


class Listener:
    """Remember what is told; stop at a report if asked to."""

    def __init__(self, stop_at: int = 0) -> None:
        self.stop_at = stop_at
        self.reports: list[tuple[int, int, str]] = []
        self.published: list[object] = []

    def report(self, done: int, total: int, message: str = "") -> None:
        self.reports.append((done, total, message))
        if len(self.reports) == self.stop_at:
            raise CancelledError

    def publish(self, result: object) -> None:
        self.published.append(result)


def points(n: int, seed: int) -> Labelled:
    """Two noisy groups that are not quite separable."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    rows = rng.normal(size=(n, 6)) + 1.2 * labels[:, None]
    return Labelled(Rows(rows.astype(np.float32)), labels.astype(np.int64))


def fitted(
    settings: TrainingSettings = SETTINGS,
    validation: Labelled | None = None,
    listener: Listener | None = None,
    train: Labelled | None = None,
):
    make_deterministic(0)
    model = build_transfer_head(6, 2, settings)
    train = train if train is not None else points(30, 0)
    return model, fit(model, train, validation, settings, seed=0, title="test", progress=listener or Listener())


@pytest.mark.parametrize(
    ("n_images", "expected"),
    # 25 epochs, but never fewer than 750 steps of 32 images.
    [(1, 750), (32, 750), (33, 375), (480, 50), (960, 25), (9571, 25)],
)
def test_epochs_make_up_the_least_number_of_steps(n_images: int, expected: int) -> None:
    settings = TrainingSettings()
    assert n_epochs(n_images, settings) == expected
    assert n_epochs(n_images, settings) * steps_per_epoch(n_images, settings) >= 750


@pytest.mark.parametrize("n_images", [1, 8, 9, 33, 100])
def test_every_image_is_in_one_batch_of_an_epoch(n_images: int) -> None:
    batches = batches_of_epoch(n_images, SETTINGS, 3, 1)
    assert sorted(np.concatenate(batches)) == list(range(n_images))
    sizes = [len(batch) for batch in batches]
    assert max(sizes) <= 8
    assert max(sizes) - min(sizes) <= 1


def test_epochs_and_seeds_have_orders_of_their_own() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        return np.concatenate(batches_of_epoch(50, SETTINGS, seed, epoch)).tolist()

    assert order(1, 1) == order(1, 1)
    assert order(1, 1) != order(1, 2)
    assert order(1, 1) != order(2, 1)


@pytest.mark.slow
def test_each_epoch_reads_the_order_drawn_for_it() -> None:
    read: list[list[int]] = []

    class Reading(Rows):
        def take(self, rows: np.ndarray) -> np.ndarray:
            read.append(rows.tolist())
            return super().take(rows)

    data = points(20, 0)
    fitted(train=Labelled(Reading(data.source.values), data.labels))  # type: ignore[attr-defined]
    wanted = [batch.tolist() for epoch in range(1, 6) for batch in batches_of_epoch(20, SETTINGS, 0, epoch)]
    assert [rows for rows in read if rows != [0]] == wanted


@pytest.mark.slow
def test_history_progress_and_learning_rate() -> None:
    listener = Listener()
    _, fit_result = fitted(validation=points(40, 1), listener=listener)
    history = fit_result.history
    assert listener.published == list(history)
    assert [epoch.number for epoch in history] == [1, 2, 3, 4, 5]
    # Four training batches and one of validation, five times.
    assert [report[:2] for report in listener.reports] == [(step, 25) for step in range(1, 26)]
    assert listener.reports[0][2] == "Training test: steps"
    expected = [0.02 * (1 + math.cos(math.pi * epoch / 5)) / 2 for epoch in range(5)]
    assert [epoch.learning_rate for epoch in history] == pytest.approx(expected, rel=1e-5)
    assert all(epoch.seconds > epoch.validation_seconds > 0 for epoch in history)
    assert fit_result.seconds >= sum(epoch.seconds for epoch in history)
    assert history[-1].loss < history[0].loss
    assert not fit_result.diverged


@pytest.mark.slow
def test_the_model_is_left_with_its_best_epoch() -> None:
    settings = replace(SETTINGS, epochs=12, learning_rate=0.3)
    validation = points(40, 1)
    model, result = fitted(settings, validation)
    best = max(result.history, key=lambda epoch: (epoch.validation_accuracy, -epoch.validation_loss, -epoch.number))
    assert result.best_epoch == best.number
    assert best.number < 12, "choose other numbers: the last epoch would be restored by doing nothing"
    answers = predict(model, validation.source)
    assert (answers.argmax(1) == validation.labels).mean() == pytest.approx(best.validation_accuracy)
    loss = -np.log(answers[np.arange(40), validation.labels]).mean()
    assert loss == pytest.approx(best.validation_loss, rel=1e-4)


def test_of_equally_accurate_epochs_the_lower_loss_then_the_first_is_best() -> None:
    from coreset_studio.core.training.loop import _Watch

    model = build_transfer_head(2, 2, SETTINGS)
    model.compile("adam", "sparse_categorical_crossentropy")
    watch = _Watch(model, 8, "test", Listener(), picks=True)
    quality = [(0.5, 0.9), (0.7, 0.8), (0.7, 0.6), (0.7, 0.6), (0.6, 0.1), (0.7, math.nan)]
    for epoch, (accuracy, loss) in enumerate(quality):
        watch._epoch_begins(epoch)
        watch._epoch_ends(epoch, {"loss": 1.0, "accuracy": 0.5, "val_loss": loss, "val_accuracy": accuracy})
    assert watch.best_epoch == 3


@pytest.mark.slow
def test_without_validation_images_the_last_epoch_is_kept() -> None:
    model, result = fitted()
    assert result.best_epoch == 5
    assert all(math.isnan(epoch.validation_accuracy) and math.isnan(epoch.validation_loss) for epoch in result.history)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights_to_the_bit() -> None:
    settings = replace(SETTINGS, dropout_before_norm=0.3)
    one, same = (fitted(settings, points(20, 1))[0].get_weights() for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("stop_at", [3, 5])  # within an epoch's training, and within its validation
def test_stopping_takes_effect_at_the_next_batch(stop_at: int) -> None:
    before = threading.active_count()
    listener = Listener(stop_at)
    with pytest.raises(CancelledError):
        fitted(validation=points(40, 1), listener=listener)
    assert len(listener.reports) == stop_at
    assert listener.published == []
    assert threading.active_count() <= before
    assert len(fitted()[1].history) == 5


@pytest.mark.slow
def test_what_goes_wrong_while_reading_is_told_as_it_was() -> None:
    class Failing(Rows):
        def take(self, rows: np.ndarray) -> np.ndarray:
            if len(rows) > 1:
                raise ImageError("The PNG file is damaged.")
            return super().take(rows)

    data = points(30, 0)
    with pytest.raises(ImageError, match=r"The PNG file is damaged\."):
        fitted(train=Labelled(Failing(data.source.values), data.labels))  # type: ignore[attr-defined]


@pytest.mark.slow
def test_a_loss_that_is_no_number_is_noticed() -> None:
    data = points(16, 0)
    rows = data.source.take(np.arange(16))
    rows[3] = np.nan
    _, result = fitted(train=Labelled(Rows(rows), data.labels))
    assert result.diverged


def test_predictions_are_the_models_own_in_order() -> None:
    model = build_transfer_head(6, 2, SETTINGS)
    source = Rows(np.random.default_rng(0).normal(size=(1500, 6)).astype(np.float32))
    listener = Listener()
    found = predict(model, source, progress=listener)
    np.testing.assert_allclose(found, model(source.values).numpy(), rtol=1e-5, atol=1e-6)
    assert [report[0] for report in listener.reports] == [750, 1500]
    assert predict(model, Rows(np.zeros((0, 6), dtype=np.float32))).shape == (0, 2)


def test_large_rows_are_read_a_few_at_a_time() -> None:
    class Images(Rows):
        def take(self, rows: np.ndarray) -> np.ndarray:
            return np.zeros((len(rows), 256, 256, 3), dtype=np.uint8)

    assert [len(batch) for batch in in_order(Images(np.zeros((70, 1), dtype=np.float32)))] == [24, 23, 23]


@pytest.mark.slow
def test_epochs_are_plain_numbers() -> None:
    epoch = fitted(validation=points(10, 2))[1].history[0]
    assert isinstance(epoch, Epoch)
    assert all(type(value) in (int, float) for value in vars(epoch).values())
    assert keras.backend.backend() == "tensorflow"
