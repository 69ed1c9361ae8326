"""A saved network evaluated on the labelled images of another dataset, such as those of a second scanner."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from coreset_studio.core.cache import write_atomically
from coreset_studio.core.data.reading_notes import reading_notes
from coreset_studio.core.data.readings import choices_from, reading_of
from coreset_studio.core.errors import ExportError
from coreset_studio.core.output.bundle_features import read_known, with_features
from coreset_studio.core.output.class_matching import Matching, match_classes
from coreset_studio.core.output.model_bundle import Bundle
from coreset_studio.core.output.placing import disk_sentence
from coreset_studio.core.output.tables import csv_bytes, csv_of
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import Comparison, Dataset, FloatArray, IntArray, Row, RunKey, RunResult, Skipped
from coreset_studio.core.settings import ComparisonSettings
from coreset_studio.core.training.calling import compiled
from coreset_studio.core.training.comparison import compare
from coreset_studio.core.training.drift import Drift, drift
from coreset_studio.core.training.evaluation import evaluate
from coreset_studio.core.training.pixels import ImageSource, decoded_ahead
from coreset_studio.core.training.score_intervals import wilson

BATCH = 32
NO_FEATURES = (
    "Drift is not known: the features of the training images were not saved with this network. Networks that are "
    "trained now have them."
)
NO_DRIFT = "Drift is not known: there are too few training images, or the features are not numbers."


@dataclass(frozen=True)
class ExternalTest:
    """The performance of a network on another dataset.

    Attributes
    ----------
    dataset : Dataset
    bundle : str
        Name of the folder of the network.
    matching : Matching
    run : RunResult
        Its `test_indices` are those of `dataset`; its classes are those of the network.
    row : Row
        Every measure with its interval, that of the test images alone.
    left_out : mapping of str to int
        Images by class that the network does not know.
    trained_on : int
        Images with the pixels of a training image, which are left out.
    lost : tuple of Skipped
        Images that could not be read again.
    drift : Drift or None
    notes : tuple of str
        What was assumed and what is not known, in sentences.
    """

    dataset: Dataset
    bundle: str
    matching: Matching
    run: RunResult
    row: Row
    left_out: Mapping[str, int]
    trained_on: int
    lost: tuple[Skipped, ...]
    drift: Drift | None
    notes: tuple[str, ...]

    @property
    def comparison(self) -> Comparison:
        """The run and its row, as the tables and figures of a report take them."""
        return Comparison((self.run,), (self.row,), ())

    def without_probabilities(self) -> "ExternalTest":
        """Return the test with a run that is quick to send."""
        return replace(self, run=self.run.without_probabilities())


def evaluate_bundle(
    bundle: Bundle,
    dataset: Dataset,
    matches: Mapping[str, str] | None = None,
    progress: Progress = NO_PROGRESS,
    *,
    excluded: Collection[int] = (),
) -> ExternalTest:
    """Evaluate a network on all labelled images of another dataset, whatever sets they are in.

    Parameters
    ----------
    bundle : Bundle
    dataset : Dataset
        Read with the choices of the bundle.
    matches : mapping of str to str, optional
        See `core.output.class_matching.match_classes`.
    excluded : collection of int
        Images that the user has excluded.

    Raises
    ------
    ExportError
        If no class is matched, no image is left, or the bundle is damaged.
    """
    known = read_known(bundle.folder, bundle.facts.features_sha256 if bundle.facts is not None else "")
    matching = match_classes(dataset.classes, bundle.classes, matches)
    digests = set(known.trained_on.tolist()) if known is not None else set()
    place = {name: number for number, name in enumerate(bundle.classes)}
    left_out = dict.fromkeys(matching.unmatched, 0)
    indices: list[int] = []
    trained_on = 0
    for index, image in enumerate(dataset.images):
        if index in excluded:
            continue
        if image.class_name not in matching.matched:
            left_out[image.class_name] += 1
        elif image.pixels.encode() in digests:
            trained_on += 1
        else:
            indices.append(index)
    if not indices:
        raise ExportError(
            f"No image of {dataset.source} is left to evaluate: {trained_on:,} have the same pixels as images that the "
            f"network was trained on, and {len(excluded):,} are excluded. Choose a dataset with other images."
        )
    source = ImageSource(dataset, np.array(indices, dtype=np.int64), bundle.image_size)
    rows, probabilities, features = _answers(bundle, source, progress)
    if not len(rows):
        raise ExportError(f"None of the {len(indices):,} images of {dataset.source} can be read. Scan it with "
                          "`coreset scan`, which lists the reasons.")  # fmt: skip
    tested = np.array(indices, dtype=np.int64)[rows]
    true = np.array([place[matching.matched[dataset.images[index].class_name]] for index in tested], dtype=np.int64)
    run = _run(bundle, tested, true, probabilities)
    found = drift(known.training, known.test, features) if known is not None and features is not None else None
    lost = tuple(Skipped(dataset.images[index].path, why) for index, why in sorted(source.lost.items()))
    notes = _notes(bundle, dataset, matching, left_out, trained_on, lost, true)
    if excluded:
        notes.append(f"{_images(len(excluded))} excluded by hand or by a pattern.")
    notes.append(found.sentence if found is not None else NO_FEATURES if known is None else NO_DRIFT)
    [row] = compare([run], ComparisonSettings()).rows
    # Of one run accuracy is a share of images, whose interval has a width also where all were right or wrong.
    low, high = wilson(row.means["accuracy"], len(true))
    row = replace(row, lows={**row.lows, "accuracy": low}, highs={**row.highs, "accuracy": high})
    return ExternalTest(
        dataset, bundle.folder.name, matching, run, row, left_out, trained_on, lost, found, tuple(notes)
    )


def write_answers(file: Path, test: ExternalTest) -> None:
    """Write one row an image: path, class in the dataset, class of the network, prediction and all probabilities.

    Raises
    ------
    ExportError
        If the file cannot be written.
    """
    run = test.run
    heads = ["path", "label", "true", "predicted", "correct", "probability", *(f"p {name}" for name in run.classes)]
    rows = []
    if run.probabilities is None:
        raise ExportError("The probabilities of this external test are not known; evaluate the network again.")
    answers = (run.test_indices.tolist(), run.true.tolist(), run.predicted.tolist(), run.probabilities)
    for index, true, predicted, each in zip(*answers, strict=True):
        image = test.dataset.images[index]
        numbers = [f"{value:.6f}" for value in each]
        rows.append([image.path, image.class_name, run.classes[true], run.classes[predicted], true == predicted,
                     numbers[predicted], *numbers])  # fmt: skip
    try:
        write_atomically(file, csv_bytes(csv_of(heads, rows)))
    except OSError as error:
        raise ExportError(disk_sentence(error, file)) from error


def _answers(bundle: Bundle, source: ImageSource, progress: Progress) -> tuple[IntArray, FloatArray, FloatArray | None]:
    """Return the rows that could be read, their probabilities and, where the network has them, features."""
    both = with_features(bundle.model)
    alone = compiled(bundle.model, np.dtype(np.uint8)) if both is None else None
    rows, probabilities, features = [], [], []
    for number, (found, squares) in enumerate(decoded_ahead(source, BATCH), start=1):
        if len(found):
            rows.append(found)
            if both is not None:
                answer, taken = both(squares)
                features.append(taken)
            elif alone is not None:
                answer = alone(squares)
            probabilities.append(answer)
        progress.report(min(number * BATCH, len(source)), len(source), "Evaluating: images")
    if not rows:
        return np.zeros(0, dtype=np.int64), np.zeros((0, len(bundle.classes)), dtype=np.float32), None
    joined = np.concatenate(features) if features else None
    return np.concatenate(rows), np.concatenate(probabilities), joined


def _run(bundle: Bundle, tested: IntArray, true: IntArray, probabilities: FloatArray) -> RunResult:
    facts = bundle.facts
    trained = facts.trained_on if facts is not None else None
    key = RunKey(
        facts.network if facts is not None else "network",
        trained.sampler if trained is not None else "everything",
        trained.fraction if trained is not None else 1.0,
        0,
        trained.fingerprint if trained is not None else "",
    )
    predicted = probabilities.argmax(axis=1).astype(np.int64)
    return RunResult(
        key=key,
        n_images=trained.images if trained is not None else 0,
        classes=bundle.classes,
        history=(),
        best_epoch=0,
        metrics=evaluate(true, predicted, bundle.classes, None, probabilities),
        test_indices=tested,
        true=true,
        predicted=predicted,
        confidence=probabilities.max(axis=1),
        train_seconds=0.0,
        feature_seconds=0.0,
        select_seconds=0.0,
        device="",
        note=bundle.note,
        probabilities=probabilities,
    )


def _notes(
    bundle: Bundle,
    dataset: Dataset,
    matching: Matching,
    left_out: Mapping[str, int],
    trained_on: int,
    lost: tuple[Skipped, ...],
    true: IntArray,
) -> list[str]:
    found = [bundle.note[:1].upper() + bundle.note[1:] + "."] if bundle.note else []
    found += matching.notes()
    if left_out:
        classes = ", ".join(f"{name} ({n:,})" for name, n in left_out.items())
        found.append(
            f"{_images(sum(left_out.values()))} skipped, of classes that the network does not have: {classes}."
        )
    if trained_on:
        found.append(f"{_images(trained_on)} skipped, with the same pixels as images that the network was trained on.")
    if lost:
        found.append(f"{_images(len(lost))} skipped that could not be read, such as {lost[0].path}: {lost[0].reason}")
    if len(np.unique(true)) == 1:
        found.append(
            f"All images are of the class {bundle.classes[true[0]]}: specificity and AUC require images of another "
            "class."
        )
    relabelled = sum(bool(image.original_class) for image in dataset.images)
    if relabelled:
        found.append(f"{_images(relabelled)} evaluated under a corrected class (--labels).")
    if dataset.skipped:
        n = len(dataset.skipped)
        found.append(
            f"{n:,} file{'s were' if n > 1 else ' was'} skipped by the scan; `coreset scan` lists the reasons."
        )
    trained = reading_of(choices_from(bundle.reading))
    new = [kind for kind in dataset.reading.ranges if kind not in trained.ranges]
    new += [kind for kind in dataset.reading.alphas if kind not in trained.alphas]
    found += [
        f"The network was trained without images of the kind {kind}; their range was determined from these images "
        "together."
        for kind in dict.fromkeys(new)
    ]
    return [*found, *reading_notes(dataset.images, dataset.reading)]


def _images(n: int) -> str:
    return "1 image was" if n == 1 else f"{n:,} images were"
