"""`coreset.json`: all that it takes to know an export, to verify it and to make the same coreset again.

Format 1, the first: see `core.output.manifest_writing` for its keys. Readers refuse a newer format with a sentence.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from coreset_studio.core.cache import fingerprint
from coreset_studio.core.errors import ExportError, InputError
from coreset_studio.core.files import reason_of
from coreset_studio.core.forms import LIST_BYTES, key, read_form, read_json
from coreset_studio.core.results import Dataset, ModelUsed, WeightsUsed
from coreset_studio.core.settings import Settings, settings_from_dict
from coreset_studio.core.version import __version__

FORMAT = 1
MANIFEST_NAME = "coreset.json"
LIST_NAME = "coreset.csv"


@dataclass(frozen=True)
class ListedFile:
    """A file of an export.

    Attributes
    ----------
    file : str
        Relative to the export, forward slashes.
    sha256 : str
    n_bytes : int
    set_name : str
        ``"coreset"``, ``"validation"``, ``"test"``, ``"remainder"``, or empty for the list.
    path : str
        Relative to the dataset; empty in a private export and for the list.
    """

    file: str
    sha256: str
    n_bytes: int
    set_name: str = ""
    path: str = ""


@dataclass(frozen=True)
class Chosen:
    """A selected image: `path` is a private name in a private export, `pixels` its content."""

    path: str
    class_name: str
    pixels: str
    rank: int


@dataclass(frozen=True)
class Manifest:
    """The contents of a `coreset.json`.

    Attributes
    ----------
    file : Path
    version : str
        Of the program that wrote it.
    settings : Settings
        In a private export without what names images; `records_for` and `settings_for` find those again.
    private : bool
    dataset_fingerprint : str
    n_images : int
        Of the dataset.
    kind : str
        Of the dataset: the name of its source.
    class_folders : mapping of str to str
    chosen : tuple of Chosen
    pinned : mapping of {"in", "out"} to tuple of (str, str)
        (class, pixels) of images pinned by hand.
    left_out : tuple of (str, str)
        (class, pixels) of images excluded by hand; of a private export alone.
    relabelled : tuple of (str, str, str, str)
        (class in the source, pixels, new class, time) of relabelled images; of a private export alone.
    files : tuple of ListedFile
    weights : tuple of WeightsUsed
    notes : tuple of str
    plugins : mapping of str to str
        Name and version of the plugin by what it added, such as ``"sampler first"``; empty where none was used.
    intact : bool
        Whether the file is as the program wrote it.
    """

    file: Path
    version: str
    settings: Settings
    private: bool
    dataset_fingerprint: str
    n_images: int
    kind: str
    class_folders: Mapping[str, str]
    chosen: tuple[Chosen, ...]
    pinned: Mapping[Literal["in", "out"], tuple[tuple[str, str], ...]]
    files: tuple[ListedFile, ...]
    weights: tuple[WeightsUsed, ...]
    notes: tuple[str, ...]
    plugins: Mapping[str, str]
    intact: bool
    left_out: tuple[tuple[str, str], ...] = ()
    relabelled: tuple[tuple[str, str, str, str], ...] = ()


def dataset_fingerprint(dataset: Dataset, *, private: bool = False) -> str:
    """Return what a dataset is known by: the content, class and set of every image and, unless private, its path."""
    rows = [[image.class_name, image.split or "", image.pixels] for image in dataset.images]
    if private:
        return fingerprint("content", sorted(rows))
    return fingerprint("paths", [[image.path, *row] for image, row in zip(dataset.images, rows, strict=True)])


def read_manifest(file: Path) -> Manifest:
    """Read a `coreset.json`, or that of the export folder `file`.

    Raises
    ------
    ExportError
        If it cannot be read, is of a newer format, or was not written by this program.
    """
    try:
        if file.is_dir():
            file = file / MANIFEST_NAME
            if not file.exists():
                raise ExportError(
                    f"{file.parent} is not an export: it contains no {MANIFEST_NAME}. Choose the folder of an export."
                )
        values = read_json(file, limit=LIST_BYTES)
    except OSError as error:
        raise ExportError(
            f"{file} cannot be read ({reason_of(error)}). Expected an export or its {MANIFEST_NAME}."
        ) from error
    except ValueError as error:
        raise ExportError(f"{file} is not valid JSON ({error}); it was changed or truncated.") from error
    number = values.get("format") if isinstance(values, dict) else None
    if isinstance(number, bool) or not isinstance(number, int) or values.get("program") != "coreset-studio":
        raise ExportError(f"{file} is not the {MANIFEST_NAME} of an export.")
    if number < 1:
        raise ExportError(f"{file} has format {number}, which does not exist; the first is 1. It was changed.")
    if number > FORMAT:
        raise ExportError(
            f"{file} has format {number}; this version ({__version__}) reads up to {FORMAT}. Update the program."
        )
    try:
        return _manifest(file, values)
    except (KeyError, ValueError, InputError) as error:
        words = f"{error} is missing" if isinstance(error, KeyError) else str(error).rstrip(".")
        raise ExportError(f"{file} is damaged: {words}.") from error


def digest_of(values: Mapping[str, Any]) -> str:
    """Return SHA-256 over the manifest's values without their own digest."""
    plain = {key: value for key, value in values.items() if key != "digest"}
    return hashlib.sha256(json.dumps(plain, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


@dataclass(frozen=True)
class _DatasetForm:
    """The dataset in a manifest."""

    fingerprint: str
    images: int
    kind: str


@dataclass(frozen=True)
class _ChosenForm:
    """A selected image as a manifest has it; `rank` counts from 1."""

    path: str
    class_name: str = key("class")
    pixels: str = key("pixels")
    rank: int = key("rank")


@dataclass(frozen=True)
class _FileForm:
    """A file as a manifest has it."""

    file: str
    sha256: str
    n_bytes: int = key("bytes")
    set_name: str = key("set")
    path: str = key("path")


@dataclass(frozen=True)
class _WeightsForm:
    """Weights as a manifest has them."""

    extractor: str
    sha256: str
    state: Literal["none", "verified", "unverified", "untrained", "file"]
    model: ModelUsed | None = None


@dataclass(frozen=True)
class _ManifestForm:
    """The parts of a `coreset.json` that are read; the rest is for readers."""

    version: str
    settings: dict[str, Any]
    private: bool
    dataset: _DatasetForm
    class_folders: dict[str, str]
    chosen: tuple[_ChosenForm, ...]
    pinned: dict[str, tuple[tuple[str, str], ...]]
    files: tuple[_FileForm, ...]
    weights: tuple[_WeightsForm, ...]
    notes: tuple[str, ...]
    plugins: dict[str, str] = field(default_factory=dict)
    left_out: tuple[tuple[str, str], ...] = ()
    relabelled: tuple[tuple[str, str, str, str], ...] = ()


def _manifest(file: Path, values: Mapping[str, Any]) -> Manifest:
    form = read_form(values, _ManifestForm)
    return Manifest(
        file=file,
        version=form.version,
        settings=settings_from_dict(form.settings),
        private=form.private,
        dataset_fingerprint=form.dataset.fingerprint,
        n_images=form.dataset.images,
        kind=form.dataset.kind,
        class_folders=form.class_folders,
        chosen=tuple(Chosen(each.path, each.class_name, each.pixels, each.rank - 1) for each in form.chosen),
        pinned={"in": form.pinned["in"], "out": form.pinned["out"]},
        files=tuple(
            ListedFile(_inside(each.file), each.sha256, each.n_bytes, each.set_name, each.path) for each in form.files
        ),
        weights=tuple(WeightsUsed(each.extractor, each.sha256, each.state, each.model) for each in form.weights),
        notes=form.notes,
        plugins=form.plugins,
        intact=values.get("digest") == digest_of(values),
        left_out=form.left_out,
        relabelled=form.relabelled,
    )


def _inside(name: str) -> str:
    """Return `name` if it stays inside the export; a manifest from elsewhere may not lead out of it."""
    parts = name.split("/")
    if not name or name.startswith("/") or {"\\", "\0"} & set(name) or ":" in parts[0] or {"", ".", ".."} & set(parts):
        raise ValueError(f"it names the file {name!r}, which is not inside the export")
    return name
