"""Save the networks of a comparison as model bundles, on request as ONNX too, and say what came of it."""

import math
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from coreset_studio.core.data.readings import stored_choices
from coreset_studio.core.errors import ExportError
from coreset_studio.core.output.bundle_features import known_images
from coreset_studio.core.output.model_bundle import FACTS_NAME, add_onnx, load_bundle, read_facts, save_bundle
from coreset_studio.core.output.onnx_file import FILE_NAME, MOST_IMAGES, OnnxFacts, OnnxFile, missing_packages, to_onnx
from coreset_studio.core.pipeline.planning import PlannedRun
from coreset_studio.core.pipeline.split_parts import SplitPart
from coreset_studio.core.pipeline.stages import fixed_settings
from coreset_studio.core.pipeline.words import bundle_name
from coreset_studio.core.progress import Progress
from coreset_studio.core.results import RunKey, RunResult
from coreset_studio.core.settings import ComparisonSettings
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.comparison_words import network_words, sampler_words
from coreset_studio.core.training.fitting import TrainedRun
from coreset_studio.core.training.pixels import ImageSource, Pixels
from coreset_studio.core.words import percent


class KeptModels:
    """The model bundles of one comparison.

    Parameters
    ----------
    folder : Path or None
        In which they are saved; None: no network is.
    settings : ComparisonSettings
        Its `onnx` and `networks`.

    Attributes
    ----------
    notes_before : tuple of str
        Sentences on what will not be saved as ONNX, known before anything is trained.
    """

    def __init__(self, folder: Path | None, settings: ComparisonSettings) -> None:
        self._folder = folder
        wanted = settings.onnx and folder is not None
        missing = missing_packages() if wanted else ""
        self._with_onnx = wanted and not missing
        self.notes_before = ((missing,) if missing else _not_saved(settings.networks)) if wanted else ()
        self._saved: list[OnnxFacts] = []
        self._refused: dict[str, None] = {}

    def notes(self) -> tuple[str, ...]:
        """Return a sentence on the ONNX files that were written, and one on each network that has none."""
        return (*((saved_sentence(self._saved),) if self._saved else ()), *self._refused)

    def wants(self, planned: PlannedRun) -> bool:
        """Return whether the network of a planned run is saved."""
        return self._folder is not None and _is_kept(planned)

    def keep(
        self, part: SplitPart, planned: PlannedRun, asked: RunResult, trained: TrainedRun | None, progress: Progress
    ) -> None:
        """Save a network of the first split's first repetition; the others would fill the disk with more of the same.

        Parameters
        ----------
        part : SplitPart
        planned : PlannedRun
        asked : RunResult
            As it was asked for.
        trained : TrainedRun or None
            None for a network that was trained, and saved, earlier: its ONNX file is added if that is missing.
        progress : Progress

        Raises
        ------
        ExportError
            If a bundle cannot be written.
        """
        if self._folder is None or not _is_kept(planned):
            return
        if trained is None:
            self._add_onnx(part, planned, asked.key, self._folder / bundle_name(asked.key), progress)
        elif trained.model is not None:
            self._save(part, planned, replace(trained, result=asked), self._folder / bundle_name(asked.key), progress)

    def _save(self, part: SplitPart, planned: PlannedRun, trained: TrainedRun, place: Path, progress: Progress) -> None:
        prepared = part.prepared
        settings = fixed_settings(prepared.study.settings, prepared.dataset)
        size = settings.training.image_size
        known = known_images(
            trained.model,
            prepared.dataset,
            part.indices(planned),
            trained.result.test_indices,
            size,
            prepared.study.cache_folder,
            progress,
        )
        save_bundle(
            place,
            trained,
            settings.training,
            reading=stored_choices(settings.data),
            known=known,
            onnx=self._converted(
                part, planned, trained.model, trained.result.classes, trained.result.note, size, progress
            ),
        )

    def _add_onnx(self, part: SplitPart, planned: PlannedRun, key: RunKey, place: Path, progress: Progress) -> None:
        """Add the ONNX file that a bundle lacks; a bundle that was removed stays away."""
        if not self._with_onnx or not (place / FACTS_NAME).is_file():
            return
        try:
            facts = read_facts(place)
            has_it = facts.onnx is not None and (place / FILE_NAME).is_file()
            if has_it or facts.trained_on.fingerprint != key.fingerprint:
                return
            bundle = load_bundle(place)
            found = self._converted(
                part, planned, bundle.model, bundle.classes, bundle.note, bundle.image_size, progress
            )
            if found is not None:
                add_onnx(place, found)
        except ExportError as error:
            self._refused[f"The {_title(planned)} was not saved as ONNX: {error}"] = None

    def _converted(
        self,
        part: SplitPart,
        planned: PlannedRun,
        model: Any,
        classes: Sequence[str],
        note: str,
        size: int,
        progress: Progress,
    ) -> OnnxFile | None:
        """Return a network as ONNX; None if not requested or not possible, as `notes` then states."""
        if not self._with_onnx:
            return None
        title = _title(planned)
        progress.report(0, 1, f"Saving the {network_words(planned.network)} as ONNX")
        try:
            found = to_onnx(model, _images(part, planned, size), title=title, classes=classes, note=note)
        except ExportError as error:
            self._refused[str(error)] = None
            return None
        self._saved.append(found.facts)
        return found


def _is_kept(planned: PlannedRun) -> bool:
    return NETWORKS[planned.network].is_saved and not planned.repetition and not planned.split


def saved_sentence(saved: Collection[OnnxFacts]) -> str:
    """Return how many networks were saved as ONNX, and how far they are from those of Keras."""
    n, images = len(saved), min(facts.images for facts in saved)
    largest = _rounded_up(max(facts.largest_difference for facts in saved))
    return (
        f"{n} network{'s were' if n > 1 else ' was'} also saved as ONNX (model.onnx); on {images:,} "
        f"image{'s' * (images != 1)} {'each ' * (n > 1)}the probabilities differ from those of the Keras "
        f"model{'s' * (n > 1)} by at most {largest}."
    )


def _rounded_up(value: float) -> str:
    """Return a number >= 0 with one digit, never less than it is."""
    if value == 0:
        return "0"
    power = math.floor(math.log10(value))
    return f"{math.ceil(value / 10**power) * 10.0**power:.0e}"


def _not_saved(networks: Collection[str]) -> tuple[str, ...]:
    """Return a sentence on networks that are not saved at all, such as a linear probe."""
    named = [NETWORKS[name] for name in networks if name in NETWORKS]
    others = " and ".join(each.words for each in NETWORKS.values() if each.is_saved)
    return tuple(
        f"The {network.words} is not saved as ONNX, since it has no Keras model"
        f"{', but is trained on features' * network.sees_embeddings}; these can be saved: {others}."
        for network in named
        if not network.is_saved
    )


def _title(planned: PlannedRun) -> str:
    words = network_words(planned.network)
    return f"{words} ({sampler_words(planned.sampler)}, {percent(planned.fraction)})"


def _images(part: SplitPart, planned: PlannedRun, image_size: int) -> Pixels:
    """Return validation images, or training images where there are none that can be read, evenly spread."""
    for indices in (part.split.validation, part.indices(planned)):
        spread = np.unique(np.linspace(0, max(0, len(indices) - 1), MOST_IMAGES).round().astype(np.int64))
        source = ImageSource(part.prepared.dataset, indices[spread[: len(indices)]], image_size)
        found, squares = source.readable(np.arange(len(source)))
        if len(found):
            return squares
    raise ExportError(
        f"The {_title(planned)} was not saved as ONNX, since no image is left to compare it on; it is saved as "
        "model.keras alone."
    )
