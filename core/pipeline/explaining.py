"""Grad-CAM maps of a saved network: of images of a dataset, and of the images of a folder as files."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import PIL.Image

from coreset_studio.core.data.readings import choices_from, reading_of, stored_choices
from coreset_studio.core.errors import ExportError
from coreset_studio.core.files import temporary_folder
from coreset_studio.core.heat_map import OPACITY, overlaid
from coreset_studio.core.output.model_bundle import Bundle, Predictions, load_bundle, write_predictions
from coreset_studio.core.output.new_images import NewImages
from coreset_studio.core.output.placing import disk_sentence
from coreset_studio.core.pipeline.stages import fixed_settings, open_dataset
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import NO_PROGRESS, Progress, Publisher
from coreset_studio.core.results import Dataset, ExplainedImage, FloatArray, IntArray, PredictionFile
from coreset_studio.core.training.grad_cam import GradCam
from coreset_studio.core.training.pixels import ImageSource, Pixels

BATCH = 16
CSV = "probabilities.csv"
NOT_FOUND = "The image was not found in the dataset any more. Scan again."
PREDICTED = -1
"""In place of a class: the one with the highest probability."""


def explain_images(
    study: Study, bundle: Path, paths: Sequence[str], progress: Publisher[ExplainedImage] = NO_PROGRESS
) -> int:
    """Publish the Grad-CAM maps of images of a dataset, in their order, and return how many images have one.

    Images are decoded and resized as for the training of the network. An image that can no longer be read as it was
    scanned, or that was not found, is published with the reason.

    Parameters
    ----------
    study : Study
    bundle : Path
        Folder of the network.
    paths : sequence of str
        Images of the dataset.
    progress : Publisher

    Raises
    ------
    ExportError
        If the network cannot be loaded, or its images were read by other rules than those of the dataset.
    TrainingError
        If the network is built so that it has no such maps.
    """
    dataset = open_dataset(study.source, study.cache_folder, progress, settings=study.settings.data)
    progress.report(0, len(paths), "Loading the network: images")
    loaded = load_bundle(bundle)
    _check_reading(loaded, study, dataset)
    cam = GradCam(loaded.model)
    places = {image.path: index for index, image in enumerate(dataset.images)}
    found = [path for path in paths if path in places]
    for path in paths:
        if path not in places:
            progress.publish(ExplainedImage(path, "", {}, {}, NOT_FOUND))
    source = ImageSource(dataset, np.array([places[path] for path in found], dtype=np.int64), loaded.image_size)
    n_explained = 0
    for rows in _batches(len(found)):
        readable, squares = source.readable(rows)
        explained = _explained(cam, loaded, dataset, [found[row] for row in readable], places, squares)
        n_explained += len(explained)
        for path in (found[row] for row in rows):
            reason = source.lost.get(places[path], "")
            progress.publish(explained.get(path) or ExplainedImage(path, "", {}, {}, reason))
        progress.report(int(rows[-1]) + 1, len(found), "Computing maps: images")
    return n_explained


def _batches(n: int) -> Iterator[IntArray]:
    """Yield the rows of a batch: the first image alone, which is waited for."""
    starts = [0, *range(1, n, BATCH)]
    for start, stop in zip(starts, [*starts[1:], n], strict=True):
        if stop > start:
            yield np.arange(start, stop)


def _explained(
    cam: GradCam, bundle: Bundle, dataset: Dataset, paths: Sequence[str], places: Mapping[str, int], squares: Pixels
) -> dict[str, ExplainedImage]:
    if not paths:
        return {}
    outputs = {name: output for output, name in enumerate(bundle.classes)}
    labels = [dataset.images[places[path]].class_name for path in paths]
    own = np.array([outputs.get(name, PREDICTED) for name in labels], dtype=np.int64)
    found = cam(squares, np.stack([np.full(len(own), PREDICTED), own], axis=1))
    explained = {}
    for row, path in enumerate(paths):
        predicted = bundle.classes[found.probabilities[row].argmax()]
        maps = {predicted: found.maps[row, 0]}
        if own[row] != PREDICTED:
            maps[labels[row]] = found.maps[row, 1]
        probabilities = dict(zip(bundle.classes, map(float, found.probabilities[row]), strict=True))
        explained[path] = ExplainedImage(path, predicted, probabilities, maps)
    return explained


def _check_reading(bundle: Bundle, study: Study, dataset: Dataset) -> None:
    """Refuse a network whose images became pixels by other rules: its maps would be of other pixels."""
    mine = reading_of(choices_from(stored_choices(fixed_settings(study.settings, dataset).data)))
    its = reading_of(choices_from(bundle.reading))
    if its != mine:
        raise ExportError(
            "The network was trained on images that were read with other settings (grey levels, transparency, pages, "
            "window or channels) than those of this dataset. Restore those settings and scan again, or train again."
        )


def explain_folder(
    bundle: Path,
    folder: Path,
    out: Path,
    class_name: str = "",
    opacity: float = OPACITY,
    progress: Progress = NO_PROGRESS,
) -> PredictionFile:
    """Write the images of a folder with their Grad-CAM maps over them as PNG, and all probabilities as CSV.

    Images are decoded and resized as for the training of the network, and written in this size: as the network takes
    them. What cannot be read is listed with the reason and stops nothing.

    Parameters
    ----------
    bundle : Path
        Folder of the network.
    folder : Path
    out : Path
        A new or empty folder.
    class_name : str
        Class of the maps; empty: for each image the class with the highest probability.
    opacity : float
        Of the largest value of each map, 0 to 1.
    progress : Progress

    Raises
    ------
    ExportError
        If the network cannot be loaded or does not know the class, or a folder cannot be used.
    TrainingError
        If the network is built so that it has no such maps.
    """
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise ExportError(f"{out} already exists; expected a new or empty folder. Name another folder.")
    if not 0 < opacity <= 1:
        raise ExportError(f"The opacity is {opacity:g}; expected a number above 0 and at most 1, such as {OPACITY:g}.")
    loaded = load_bundle(bundle)
    if class_name and class_name not in loaded.classes:
        raise ExportError(f"The network has no class {class_name!r}; its classes are {', '.join(loaded.classes)}.")
    cam = GradCam(loaded.model)
    images = NewImages(folder, loaded.image_size, reading_of(choices_from(loaded.reading)))
    wanted = loaded.classes.index(class_name) if class_name else None
    paths: list[str] = []
    rows: list[FloatArray] = [np.zeros((0, len(loaded.classes)), dtype=np.float32)]
    try:
        with temporary_folder(out) as building:
            done = 0
            for batch in images.batches():
                if batch.paths:
                    squares = np.stack(batch.squares)
                    found = cam(squares, None if wanted is None else np.full((len(squares), 1), wanted))
                    paths += batch.paths
                    rows.append(found.probabilities)
                    for path, square, values in zip(batch.paths, squares, found.maps[:, 0], strict=True):
                        _write(building / PurePosixPath(f"{path}.png"), overlaid(square, values, opacity))
                done += batch.n_done
                progress.report(done, len(images.files), "Computing maps: images")
            order = sorted(range(len(paths)), key=lambda row: images.rank[paths[row]])
            predictions = Predictions(
                loaded.classes,
                tuple(paths[row] for row in order),
                np.concatenate(rows)[order],
                tuple(sorted(images.skipped, key=lambda one: one.path)),
                tuple(images.notes()),
            )
            write_predictions(building / CSV, predictions)
    except OSError as error:
        raise ExportError(disk_sentence(error, out)) from error
    return PredictionFile(out / CSV, predictions.n_images, predictions.skipped, predictions.notes)


def _write(file: Path, rgb: Pixels) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(rgb).save(file, format="PNG")
