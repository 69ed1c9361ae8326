"""Rows of a features file as the output of an extractor."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from coreset_studio.core.cache import ArrayCache, fingerprint
from coreset_studio.core.errors import FeatureError
from coreset_studio.core.features.decoding import Batch, ImageToDecode
from coreset_studio.core.features.extractors.features_file import FeaturesFileSettings
from coreset_studio.core.features.extractors.features_file.forms import Opened, list_beside, open_features
from coreset_studio.core.features.extractors.features_file.looking import find, locate, rows_of
from coreset_studio.core.features.extractors.features_file.matching import Matched, match
from coreset_studio.core.features.steps import Compute, FileState, Pixels, Prepared, Steps
from coreset_studio.core.features.weight_files import Tensors
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import Dataset, FloatArray
from coreset_studio.core.settings import settings_in_keys
from coreset_studio.core.settings.chosen_file import ChosenFile

MATCH_STAGE = "features-file-rows"
_VERSION = 1
NOT_CHOSEN = (
    "No features file is chosen. Choose one (--features-file, “Features file” on the Features page), or deselect the "
    "extractor."
)
NO_NEW_IMAGES = (
    "Features from a file exist only for the images that the file has a row for; they cannot be computed for others."
)


class FileRows:
    """The rows of a features file; see `core.features.steps.StoredRows`.

    Parameters
    ----------
    settings : FeaturesFileSettings
    """

    def __init__(self, settings: FeaturesFileSettings) -> None:
        self._settings = settings

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the file; empty where none is chosen."""
        return self._settings.file.digest if self._settings.file is not None else ""

    @property
    def label(self) -> str:
        """The notice that must be shown with every result; it names the file."""
        file = self._settings.file
        if file is None:
            return ""
        facts = [file.name] if file.name else []
        facts += [f"{file.rows:,} × {file.n_features:,}", f"SHA-256 {file.digest[:12]}…"]
        return f"Features from a file ({', '.join(facts)}): not checked by this program."

    def state(self, dataset: Dataset, cache_folder: Path) -> FileState:
        """Return whether the file, and its list of paths if it has one, can be read now."""
        file, paths = self._settings.file, self._settings.paths
        if file is None:
            return FileState(FileState.NOT_CHOSEN, NOT_CHOSEN)
        state = find(file, dataset.source, cache_folder)
        if state.name == FileState.THERE and paths is not None:
            listed = find(paths, dataset.source, cache_folder, "list of paths")
            return state if listed.name == FileState.THERE else listed
        if state.file is not None and state.name == FileState.THERE and file.paths_digest:
            listed = self._list_beside(state.file, cache_folder)
            return state if listed.name == FileState.THERE else listed
        return state

    def known(self, dataset: Dataset, cache_folder: Path) -> Matched | None:
        """Return which images have a row if that was found out before; nothing is read."""
        stored = ArrayCache(cache_folder).load(MATCH_STAGE, self._key(dataset))
        if stored is None:
            return None
        contents = sorted({image.pixels for image in dataset.images})
        numbers = np.asarray(stored.arrays["numbers"]).tolist()
        rows = {pixels: number for pixels, number in zip(contents, numbers, strict=True) if number >= 0}
        return Matched(rows, dict(stored.facts["reasons"]), tuple(stored.facts["notes"]))

    def match(self, dataset: Dataset, cache_folder: Path, progress: Progress = NO_PROGRESS) -> Matched:
        """Return which images have a row; the file is read if that was not found out before.

        Raises
        ------
        FeatureError
            If no file is chosen, it is not found, has changed or is damaged, or has no row of any image.
        """
        found = self.known(dataset, cache_folder)
        if found is not None:
            return found
        with ExitStack() as stack:
            opened = self._opened(stack, dataset, cache_folder)
            found = match(opened.name, list(rows_of(opened, progress)), dataset.images)
        contents = sorted({image.pixels for image in dataset.images})
        numbers = np.array([found.rows.get(pixels, -1) for pixels in contents], dtype=np.int64)
        facts = {"reasons": dict(found.reasons), "notes": list(found.notes)}
        ArrayCache(cache_folder).store(MATCH_STAGE, self._key(dataset), {"numbers": numbers}, facts)
        return found

    def batches(
        self, dataset: Dataset, wanted: Sequence[ImageToDecode], cache_folder: Path, progress: Progress = NO_PROGRESS
    ) -> Generator[Batch, None, None]:
        """Yield the rows of `wanted`, in the sequence of the file.

        Raises
        ------
        FeatureError
            As `match`.
        """
        rows = self.match(dataset, cache_folder, progress).rows
        keys = {rows[item.key]: item.key for item in wanted}
        with ExitStack() as stack:
            opened = self._opened(stack, dataset, cache_folder)
            start = 0
            for part in opened.parts():
                here = [number for number in range(start, start + len(part.rows)) if number in keys]
                start += len(part.rows)
                if here:
                    places = np.array(here) - (start - len(part.rows))
                    yield Batch(tuple(keys[number] for number in here), part.rows[places], ())

    def _opened(self, stack: ExitStack, dataset: Dataset, cache_folder: Path) -> Opened:
        file, paths = self._settings.file, self._settings.paths
        if file is None:
            raise FeatureError(NOT_CHOSEN)
        place = locate(file, dataset.source, cache_folder)
        listed = locate(paths, dataset.source, cache_folder, "list of paths") if paths is not None else None
        if listed is None and file.paths_digest:
            beside = self._list_beside(place, cache_folder)
            if beside.file is None or beside.name != FileState.THERE:
                raise FeatureError(beside.sentence)
            listed = beside.file
        opened = stack.enter_context(open_features(place, listed))
        if dict(opened.blocks) != dict(file.blocks):
            raise FeatureError(f"{place.name} is not as it was chosen; choose it again.")
        return opened

    def _list_beside(self, place: Path, cache_folder: Path) -> FileState:
        """Return whether the list of paths next to the features file is there and unchanged."""
        file = self._settings.file
        if file is None:
            return FileState(FileState.NOT_CHOSEN, NOT_CHOSEN)
        beside = place.with_name(file.paths_name) if file.paths_name else list_beside(place)
        where = beside.as_posix() if beside is not None else ""
        chosen = ChosenFile(digest=file.paths_digest, name=file.paths_name, place=where)
        return find(chosen, place.parent, cache_folder, "list of paths")

    def _key(self, dataset: Dataset) -> str:
        """Return what the matching is cached under: the file, and paths and contents of all images."""
        images = [[image.path, image.pixels, image.file] for image in dataset.images]
        return fingerprint(_VERSION, settings_in_keys(self._settings), images)


def steps(settings: FeaturesFileSettings) -> Steps:
    """Return the code of the extractor for its settings."""
    edges = np.cumsum(list(settings.blocks.values()))[:-1]

    def load(tensors: Tensors | None) -> Compute:
        del tensors

        def compute(batch: Prepared) -> Mapping[str, FloatArray]:
            return dict(zip(settings.blocks, np.split(batch, edges, axis=1), strict=True))

        return compute

    return Steps(prepare=_refuse, load=load, stored=FileRows(settings))


def _refuse(rgb: Pixels) -> Prepared:
    del rgb
    raise FeatureError(NO_NEW_IMAGES)
