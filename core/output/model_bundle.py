"""A trained network with all that is needed to use it, and its use on new images.

A bundle is a folder: ``model.keras`` (preprocessing inside: it takes RGB pixels of 0 to 255), ``bundle.json``
(class names in the order of the outputs, input size, weights, what it was trained on, versions), where the network
has features, ``features.npz`` (see `core.output.bundle_features`), and on request ``model.onnx`` with ``model.json``
(see `core.output.onnx_file`). The model is loaded in Keras' safe mode, and nothing in a bundle is ever unpickled.
"""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from coreset_studio.core.cache import write_atomically
from coreset_studio.core.data.heaps import heaps_are_whole
from coreset_studio.core.data.readings import choices_from, reading_of
from coreset_studio.core.errors import ExportError, SettingsError
from coreset_studio.core.features.engine import import_keras
from coreset_studio.core.files import reason_of, temporary_folder
from coreset_studio.core.forms import FormError, is_number, read_form, read_json
from coreset_studio.core.output.bundle_features import KnownImages, write_known
from coreset_studio.core.output.new_images import NewImages
from coreset_studio.core.output.onnx_file import DESCRIPTION_NAME, FILE_NAME, OnnxFacts, OnnxFile
from coreset_studio.core.output.placing import disk_sentence, hash_file
from coreset_studio.core.output.tables import csv_bytes, csv_of
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.reading import check_member
from coreset_studio.core.results import FloatArray, Skipped
from coreset_studio.core.settings import TrainingSettings, settings_to_dict
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.calling import compiled
from coreset_studio.core.training.fitting import TrainedRun
from coreset_studio.core.version import __version__

FORMAT = 1
PROGRAM = "coreset-studio"
MODEL_NAME, FACTS_NAME = "model.keras", "bundle.json"
LARGEST_MEMBER = 4 << 30
LARGEST_SIDE = 4096
"""Of the square input, in pixels; a batch of such squares takes 1.6 GB."""


@dataclass(frozen=True)
class TrainedOn:
    """The coreset of a bundle's network, and the run that it is from."""

    sampler: str
    fraction: float
    images: int
    repetition: int
    fingerprint: str


@dataclass(frozen=True)
class Tested:
    """Test results of the network of a bundle."""

    images: int
    accuracy: float
    macro_f1: float


@dataclass(frozen=True, kw_only=True)
class BundleFacts:
    """The stored form of ``bundle.json``.

    A field that is added later has as its default what bundles before it meant; unknown ones are passed over.

    Attributes
    ----------
    format : int
    program : str
    version, keras : str
        Those that wrote it.
    model_sha256 : str
    classes : list of str
        In the order of the model's outputs.
    image_size : int
        Side of the square input in pixels.
    preprocessing : str
        In words.
    network : str
    backbone : str
        The extractor that the network uses as its backbone; empty for one without.
    weights : mapping or None
        A `WeightsUsed`.
    trained_on : TrainedOn
    best_epoch : int
    test : Tested
    training : mapping
        `TrainingSettings` in their stored form.
    note : str
        Labels to show with every result, such as "untrained backbone".
    reading : mapping
        Stored form of the choices by which stored values became pixels, with what was fixed for each file kind.
        Not written where it is empty: as images were read before there was a choice.
    features_sha256 : str
        Of the file with what is kept of the images of the training. Not written where it is empty: without that file.
    onnx : OnnxFacts or None
        Of the network as an ONNX file. Not written where it is None: without that file.
    """

    format: int
    program: str
    version: str
    keras: str
    model_sha256: str
    classes: list[str]
    image_size: int
    preprocessing: str
    network: str
    backbone: str = ""
    weights: Mapping[str, Any] | None = None
    trained_on: TrainedOn
    best_epoch: int
    test: Tested
    training: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    reading: Mapping[str, Any] = field(default_factory=dict)
    features_sha256: str = ""
    onnx: OnnxFacts | None = None


@dataclass(frozen=True)
class Bundle:
    """A loaded bundle.

    Attributes
    ----------
    folder : Path
    classes : tuple of str
        In the order of the model's outputs.
    image_size : int
        Side of the square input in pixels.
    note : str
        Labels to show with every result, such as "untrained backbone".
    model : keras.Model
    reading : mapping
        As in `BundleFacts`.
    facts : BundleFacts or None
    """

    folder: Path
    classes: tuple[str, ...]
    image_size: int
    note: str
    model: Any
    reading: Mapping[str, Any] = field(default_factory=dict)
    facts: BundleFacts | None = None


@dataclass(frozen=True)
class Predictions:
    """Results of `predict`.

    Attributes
    ----------
    classes : tuple of str
    paths : tuple of str
        Relative to the folder, forward slashes, sorted.
    probabilities : ndarray of shape (n_images, n_classes), float32
    skipped : tuple of Skipped
        Files that are not images and folders that cannot be opened (with a slash at the end), with the reason; sorted.
    notes : tuple of str
        What stored values of more than 8 bits, pages and transparent parts became.
    """

    classes: tuple[str, ...]
    paths: tuple[str, ...]
    probabilities: FloatArray
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...] = ()

    @property
    def n_images(self) -> int:
        """Number of images that were given a class."""
        return len(self.paths)


def save_bundle(
    folder: Path,
    trained: TrainedRun,
    settings: TrainingSettings,
    *,
    reading: Mapping[str, Any] | None = None,
    known: KnownImages | None = None,
    onnx: OnnxFile | None = None,
) -> Path:
    """Write a trained Keras network as a bundle; an earlier bundle in `folder` is replaced when this one is complete.

    Parameters
    ----------
    folder : Path
    trained : TrainedRun
        Of a network that can be saved. A probe cannot: it sees embeddings.
    settings : TrainingSettings
    reading : mapping, optional
        As in `BundleFacts`.
    known : KnownImages, optional
        What is kept of the images of the training.
    onnx : OnnxFile, optional
        The same network, converted.

    Raises
    ------
    ExportError
        If the network cannot be saved or left no Keras model, something else is in `folder`, or it cannot be
        written.
    """
    model = trained.model
    _check_saved(trained)
    if folder.exists() and not (folder / FACTS_NAME).is_file() and any(folder.iterdir()):
        raise ExportError(f"{folder} contains files that are not a model bundle; use another folder.")
    try:
        with temporary_folder(folder) as building:
            model.save(building / MODEL_NAME)
            facts = replace(_facts(trained, settings, hash_file(building / MODEL_NAME)[0]), reading=reading or {})
            if known is not None:
                facts = replace(facts, features_sha256=write_known(building, known))
            if onnx is not None:
                onnx.write(building)
                facts = replace(facts, onnx=onnx.facts)
            (building / FACTS_NAME).write_bytes(_facts_text(facts))
    except OSError as error:
        raise ExportError(disk_sentence(error, folder)) from error
    return folder


def add_onnx(folder: Path, onnx: OnnxFile) -> None:
    """Add an ONNX file of the same network to a bundle; its facts name it once it is complete.

    Raises
    ------
    ExportError
        If `folder` is not a bundle, or cannot be written.
    """
    facts = replace(read_facts(folder), onnx=onnx.facts)
    try:
        write_atomically(folder / DESCRIPTION_NAME, onnx.description.encode())
        write_atomically(folder / FILE_NAME, onnx.content)
        write_atomically(folder / FACTS_NAME, _facts_text(facts))
    except OSError as error:
        raise ExportError(disk_sentence(error, folder)) from error


def _facts_text(facts: BundleFacts) -> bytes:
    may_lack = ("reading", "features_sha256", "onnx")
    values = {name: value for name, value in asdict(facts).items() if name not in may_lack or value}
    return (json.dumps(values, ensure_ascii=False, indent=1) + "\n").encode()


def _check_saved(trained: TrainedRun) -> None:
    name = trained.result.key.network
    network = NETWORKS.get(name)
    if network is not None and not network.is_saved:
        why = "is trained on embeddings and" if network.sees_embeddings else "is a network that"
        others = " and ".join(each.words for each in NETWORKS.values() if each.is_saved)
        raise ExportError(f"The {network.words} {why} cannot be saved; these can be: {others}.")
    if not hasattr(trained.model, "save"):
        words = name if network is None else network.words
        raise ExportError(f"The {words} returned no Keras model, so there is nothing to save.")


def _facts(trained: TrainedRun, settings: TrainingSettings, model_sha256: str) -> BundleFacts:
    keras = import_keras()

    run = trained.result
    network = NETWORKS.get(run.key.network)
    choice = network.backbone(settings) if network is not None else None
    return BundleFacts(
        format=FORMAT,
        program=PROGRAM,
        version=__version__,
        keras=keras.__version__,
        model_sha256=model_sha256,
        classes=list(run.classes),
        image_size=settings.image_size,
        preprocessing="inside the model; it takes RGB pixels of 0 to 255, resized to a square, bilinear",
        network=run.key.network,
        backbone=choice.extractor if choice is not None else "",
        weights=run.weights.values if run.weights is not None else None,
        trained_on=TrainedOn(
            sampler=run.key.sampler,
            fraction=run.key.fraction,
            images=run.n_images,
            repetition=run.key.repetition,
            fingerprint=run.key.fingerprint,
        ),
        best_epoch=run.best_epoch,
        test=Tested(images=len(run.true), accuracy=run.metrics["accuracy"], macro_f1=run.metrics["f1"]),
        training=settings_to_dict(settings),
        note=run.note,
    )


def load_bundle(folder: Path) -> Bundle:
    """Load a bundle.

    Raises
    ------
    ExportError
        If it is none, is of a newer format, was changed, or cannot be loaded.
    """
    if folder.name in (MODEL_NAME, FACTS_NAME):
        folder = folder.parent
    facts = read_facts(folder)
    model = _load_model(folder / MODEL_NAME, facts)
    return Bundle(folder, tuple(facts.classes), facts.image_size, facts.note, model, facts.reading, facts)


def read_facts(folder: Path) -> BundleFacts:
    """Read the facts of a bundle; its model is not loaded.

    Raises
    ------
    ExportError
        If it is not one, is of a newer format, or has invalid facts.
    """
    none_of_ours = f"{folder} is not a model bundle written by this program"
    try:
        values = read_json(folder / FACTS_NAME)
        if values["program"] != PROGRAM:
            raise ValueError("made by another program")
        number = values["format"]
        if not is_number(number, int) or number < 1:
            raise ValueError(f"there is no format {number!r}")
    except OSError as error:
        raise ExportError(
            f"{folder} is not a model bundle: {FACTS_NAME} cannot be read ({reason_of(error)})."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ExportError(f"{none_of_ours} ({error}).") from error
    if number > FORMAT:
        raise ExportError(
            f"{folder} has format {number}; this version ({__version__}) reads up to {FORMAT}. Update it."
        )
    try:
        facts = read_form(values, BundleFacts)
        if not 1 <= facts.image_size <= LARGEST_SIDE:
            raise FormError(f"image_size: expected 1 to {LARGEST_SIDE:,} pixels, found {facts.image_size:,}")
        if not facts.classes or len(set(facts.classes)) < len(facts.classes):
            raise FormError("classes: expected distinct names, found none or duplicates")
        choices_from(facts.reading)
    except (FormError, SettingsError) as error:
        raise ExportError(f"{none_of_ours} ({error}).") from error
    return facts


def predict(bundle: Bundle, folder: Path, progress: Progress = NO_PROGRESS) -> Predictions:
    """Give every image below `folder` the probabilities of its classes.

    Files that are not images, and folders that cannot be opened, are listed with the reason and stop nothing. Links are
    followed as the scan follows them; one that leads back to a folder above it is listed. Hidden files are passed over.
    Stored values become pixels as they did for the training. Of a file kind that it had none of, the range is fixed
    from all images of the folder, with a note.

    Raises
    ------
    ExportError
        If `folder` is not a folder, or cannot be opened.
    """
    found = NewImages(folder, bundle.image_size, reading_of(choices_from(bundle.reading)))
    paths: list[str] = []
    rows: list[FloatArray] = [np.zeros((0, len(bundle.classes)), dtype=np.float32)]
    done = 0
    call = compiled(bundle.model, np.dtype(np.uint8))
    for batch in found.batches():
        if batch.paths:
            paths += batch.paths
            rows.append(call(np.stack(batch.squares)))
        done += batch.n_done
        progress.report(done, len(found.files), "Predicting: images")
    order = sorted(range(len(paths)), key=lambda row: found.rank[paths[row]])
    return Predictions(
        bundle.classes,
        tuple(paths[row] for row in order),
        np.concatenate(rows)[order] if order else rows[0],
        tuple(sorted(found.skipped, key=lambda one: one.path)),
        tuple(found.notes()),
    )


def write_predictions(file: Path, predictions: Predictions) -> None:
    """Write one row an image: path, class, its probability, and the probability of every class.

    Raises
    ------
    ExportError
        If the file cannot be written.
    """
    heads = ["path", "class", "probability", *(f"p {name}" for name in predictions.classes)]
    rows = []
    for path, row in zip(predictions.paths, predictions.probabilities, strict=True):
        best = int(row.argmax())
        numbers = [f"{value:.6f}" for value in row]
        rows.append([path, predictions.classes[best], numbers[best], *numbers])
    try:
        write_atomically(file, csv_bytes(csv_of(heads, rows)))
    except OSError as error:
        raise ExportError(disk_sentence(error, file)) from error


def _load_model(file: Path, facts: BundleFacts) -> Any:
    keras = import_keras()

    try:
        found = hash_file(file)[0]
    except OSError as error:
        raise ExportError(f"{file} cannot be read ({reason_of(error)}).") from error
    if found != facts.model_sha256:
        raise ExportError(f"{file} is not the model of the bundle; it was changed or truncated.")
    try:
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                check_member(archive, member, LARGEST_MEMBER)
                if member.filename.endswith(".h5") and not heaps_are_whole(io.BytesIO(archive.read(member))):
                    raise ExportError(f"{member.filename} in it is damaged")
        model = keras.saving.load_model(file, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises nearly any exception on files of other programs
        first = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise ExportError(f"{file} cannot be loaded ({first}).") from error
    answers, takes = _shape(model, "output_shape"), _shape(model, "input_shape")
    if answers[-1] != len(facts.classes):
        raise ExportError(f"{file} predicts {answers[-1]} classes, but the bundle lists {len(facts.classes)}.")
    side = facts.image_size
    if len(takes) != 4 or any(each not in (None, side) for each in takes[1:3]) or takes[3] != 3:
        raise ExportError(
            f"{file} expects input of shape {takes}, but the bundle states images of {side} × {side} × 3."
        )
    return model


def _shape(model: Any, name: str) -> tuple[int | None, ...]:
    """Return a model's one input or output shape; that of another kind of model as one that fits nothing."""
    shape = getattr(model, name, None)
    return tuple(shape) if isinstance(shape, tuple) and shape else (None,)
