"""`coreset.json`: all that it takes to know an export, to verify it and to make the same coreset again.

Format 1, the first: see `_manifest_values` for its keys. Readers refuse a newer format with a sentence.
"""

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from core.cache import fingerprint
from core.cluster import WorkerFacts
from core.descriptions import plugins_used
from core.errors import ExportError, InputError
from core.files import reason_of
from core.forms import LIST_BYTES, key, read_form, read_json
from core.output.lists import COLUMNS, NO_COLUMNS, ExtraColumns
from core.output.names import PrivateNames
from core.results import ClassClusters, Coreset, Dataset, ModelUsed, Split, WeightsUsed
from core.selection.class_budgets import rule_over_classes
from core.settings import SelectionSettings, Settings, settings_from_dict, settings_to_dict
from core.settings.chosen_file import without_places
from core.version import __version__

FORMAT = 1
MANIFEST_NAME = "coreset.json"
LIST_NAME = "coreset.csv"

_LIBRARIES = (
    "numpy", "scipy", "scikit-learn", "kmedoids", "pillow", "opencv-python-headless", "tensorflow-cpu", "tensorflow",
    "keras", "onnxruntime",
)  # fmt: skip


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


@dataclass(frozen=True)
class ManifestParts:
    """Input of `manifest_text`.

    Attributes
    ----------
    class_folders : mapping of str to str
    files : tuple of ListedFile
    files_as : str
        How they got there in the end.
    notes : tuple of str
    extra : ExtraColumns
        Additional columns of the list.
    workers : mapping of str to sequence of WorkerFacts
        Workers of a cluster that extracted features, by extractor.
    """

    dataset: Dataset
    coreset: Coreset
    clusters: Sequence[ClassClusters]
    settings: Settings
    weights: Sequence[WeightsUsed]
    class_folders: Mapping[str, str]
    files: tuple[ListedFile, ...]
    files_as: str
    notes: tuple[str, ...]
    names: PrivateNames | None
    extra: ExtraColumns = NO_COLUMNS
    split: Split | None = None
    workers: Mapping[str, Sequence[WorkerFacts]] = field(default_factory=dict)


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that results depend on, those that are installed."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def dataset_fingerprint(dataset: Dataset, *, private: bool = False) -> str:
    """Return what a dataset is known by: the content, class and set of every image and, unless private, its path."""
    rows = [[image.class_name, image.split or "", image.pixels] for image in dataset.images]
    if private:
        return fingerprint("content", sorted(rows))
    return fingerprint("paths", [[image.path, *row] for image, row in zip(dataset.images, rows, strict=True)])


def manifest_text(parts: ManifestParts) -> bytes:
    """Return the bytes of a `coreset.json`."""
    values = _manifest_values(parts)
    values["digest"] = _digest(values)
    return json.dumps(values, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace") + b"\n"


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


def _manifest_values(parts: ManifestParts) -> dict[str, Any]:
    private = parts.names is not None
    settings = parts.settings
    dataset, coreset = parts.dataset, parts.coreset
    pinned = {
        "in": _pinned(dataset, settings.selection.pinned_in),
        "out": _pinned(dataset, settings.selection.pinned_out),
    }
    named: dict[str, Any] = {}
    settings = replace(settings, features=without_places(settings.features, private=private))
    if private:
        named = _named_by_content(dataset, settings)
        settings = replace(
            settings,
            data=replace(settings.data, left_out_images=(), relabelled=()),
            selection=_nameless(settings.selection),
        )
    return {
        "program": "coreset-studio",
        "format": FORMAT,
        "version": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "libraries": library_versions(),
        "private": private,
        "settings": settings_to_dict(settings),
        "seeds": {"split": settings.data.split_seed, "clusters": settings.clusters.seed, "selection": coreset.seed},
        "dataset": {
            "name": "" if private else dataset.source.name,
            "kind": dataset.kind,
            "images": len(dataset.images),
            "classes": list(dataset.classes),
            "fingerprint": dataset_fingerprint(dataset, private=private),
        },
        **({"sets": sets_values(dataset, parts.split)} if parts.split is not None else {}),
        "weights": [_weights_values(each) for each in parts.weights],
        "coreset": {
            "sampler": coreset.sampler,
            **({"class_budgets": rule} if (rule := rule_over_classes(coreset, settings.selection)) else {}),
            "images": len(coreset.indices),
            "fraction": coreset.fraction,
            "nested": coreset.nested,
            "budgets": dict(coreset.budgets),
            "pool": dict(coreset.pool_sizes),
            **({"parts": dict(coreset.parts)} if coreset.parts else {}),
        },
        "clusters": {each.class_name: _cluster_values(each, parts) for each in parts.clusters},
        "pinned": pinned,
        **_parent_values(settings.selection, coreset),
        **_worker_values(parts.workers),
        **named,
        "chosen": _chosen_values(parts),
        "class_folders": dict(parts.class_folders),
        "files_as": parts.files_as,
        "columns": {**COLUMNS, **parts.extra.columns},
        "files": [
            {"file": f.file, "sha256": f.sha256, "bytes": f.n_bytes, "set": f.set_name, "path": f.path}
            for f in parts.files
        ],
        "notes": list(parts.notes),
        **_plugin_values(parts),
    }


def sets_values(dataset: Dataset, split: Split) -> dict[str, Any]:
    """Return how many images each set has, and what counts for how they were divided."""
    return {
        "pool": len(split.pool),
        "validation": len(split.validation),
        "test": len(split.test),
        "excluded": len(split.left_out),
        "relabelled": sum(bool(image.original_class) for image in dataset.images),
        "grouped": any(image.group for image in dataset.images),
        "predefined": split.is_predefined,
    }


def _weights_values(weights: WeightsUsed) -> dict[str, Any]:
    """Return weights, or a model of the user, as a manifest has them."""
    model = {"model": asdict(weights.model)} if weights.model is not None else {}
    return {"extractor": weights.extractor, "sha256": weights.digest, "state": weights.state, **model}


def _nameless(selection: SelectionSettings) -> SelectionSettings:
    """Return selection settings as a private export has them: without what names images."""
    earlier = selection.continue_from
    nameless = earlier.without_names() if earlier is not None else None
    return replace(selection, pinned_in=(), pinned_out=(), continue_from=nameless)


def _parent_values(selection: SelectionSettings, coreset: Coreset) -> dict[str, Any]:
    """Return which earlier coreset this one continues from; nothing where there is none, as before there could be."""
    earlier = selection.continue_from
    if earlier is None:
        return {}
    parent = {"name": earlier.name, "sha256": earlier.digest, "images": len(earlier.images), "kept": len(coreset.kept)}
    return {"parent": parent}


def _worker_values(workers: Mapping[str, Sequence[WorkerFacts]]) -> dict[str, Any]:
    """Return processors and versions of workers of a cluster; nothing where there were none, as before clusters."""
    values = {name: [asdict(each) for each in facts] for name, facts in workers.items() if facts}
    return {"workers": values} if values else {}


def _plugin_values(parts: ManifestParts) -> dict[str, Any]:
    """Return which plugins selected and read; nothing where there were none, as before plugins existed."""
    selection, features = parts.settings.selection, parts.settings.features
    used = plugins_used(
        {
            "sampler": [selection.sampler.removeprefix("matched:"), parts.coreset.sampler],
            "extractor": features.extractors,
            "source": [parts.dataset.kind],
            "export format": [parts.settings.export.files],
        }
    )
    return {"plugins": {name: str(plugin) for name, plugin in used.items()}} if used else {}


def _named(parts: ManifestParts, index: int) -> str:
    path = parts.dataset.images[index].path
    return path if parts.names is None else parts.names.name(path)


def _cluster_values(clusters: ClassClusters, parts: ManifestParts) -> dict[str, Any]:
    return {
        "k": clusters.k,
        "chosen_by": clusters.chosen_by,
        "mean_silhouette": clusters.mean_silhouette,
        "sizes": [int(size) for size in clusters.sizes],
        "medoids": [_named(parts, int(medoid)) for medoid in clusters.medoids],
    }


def _chosen_values(parts: ManifestParts) -> list[dict[str, Any]]:
    images = parts.dataset.images
    return [
        {
            "path": _named(parts, int(index)),
            "class": images[index].class_name,
            "pixels": images[index].pixels,
            "rank": int(rank) + 1,
        }
        for index, rank in zip(parts.coreset.indices, parts.coreset.ranks, strict=True)
    ]


def _pinned(dataset: Dataset, paths: Iterable[str]) -> list[list[str]]:
    chosen = set(paths)
    return [[image.class_name, image.pixels] for image in dataset.images if image.path in chosen]


def _named_by_content(dataset: Dataset, settings: Settings) -> dict[str, Any]:
    """Return images that were excluded or relabelled by hand by their content; nothing where there are none."""
    dates = {record.path: record.when for record in settings.data.relabelled}
    relabelled = [
        [image.original_class, image.pixels, image.class_name, dates[image.path]]
        for image in dataset.images
        if image.original_class and image.path in dates
    ]
    left_out = _pinned(dataset, settings.data.left_out_images)
    return {**({"left_out": left_out} if left_out else {}), **({"relabelled": relabelled} if relabelled else {})}


def _digest(values: Mapping[str, Any]) -> str:
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
        intact=values.get("digest") == _digest(values),
        left_out=form.left_out,
        relabelled=form.relabelled,
    )


def _inside(name: str) -> str:
    """Return `name` if it stays inside the export; a manifest from elsewhere may not lead out of it."""
    parts = name.split("/")
    if not name or name.startswith("/") or {"\\", "\0"} & set(name) or ":" in parts[0] or {"", ".", ".."} & set(parts):
        raise ValueError(f"it names the file {name!r}, which is not inside the export")
    return name
