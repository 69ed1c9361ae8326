"""Write `coreset.json`: what `core.output.manifest` reads, and more for people and other programs."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from coreset_studio.core.cluster import WorkerFacts
from coreset_studio.core.descriptions import plugins_used
from coreset_studio.core.libraries import library_versions
from coreset_studio.core.output.lists import COLUMNS, NO_COLUMNS, ExtraColumns
from coreset_studio.core.output.manifest import FORMAT, ListedFile, dataset_fingerprint, digest_of
from coreset_studio.core.output.names import PrivateNames
from coreset_studio.core.results import ClassClusters, Coreset, Dataset, Split, WeightsUsed
from coreset_studio.core.selection.class_budgets import rule_over_classes
from coreset_studio.core.settings import SelectionSettings, Settings, settings_to_dict
from coreset_studio.core.settings.chosen_file import without_places
from coreset_studio.core.version import __version__


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


def manifest_text(parts: ManifestParts) -> bytes:
    """Return the bytes of a `coreset.json`."""
    values = _manifest_values(parts)
    values["digest"] = digest_of(values)
    return json.dumps(values, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace") + b"\n"


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
        "relabelled": len(dataset.corrected),
        **({"unlabelled": n} if (n := len(dataset.without_label)) else {}),
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
