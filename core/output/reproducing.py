"""Make the coreset of a `coreset.json` again: with which settings, and how the result differs."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

from coreset_studio.core.errors import ExportError
from coreset_studio.core.output.manifest import Manifest, dataset_fingerprint, read_manifest
from coreset_studio.core.results import Coreset, Dataset
from coreset_studio.core.settings import Relabelling, Settings
from coreset_studio.core.settings.relabelling import sorted_records


def records_for(manifest: Manifest, dataset: Dataset) -> tuple[Relabelling, ...]:
    """Return the relabelled images of the manifest, those of a private export found again by class and pixels.

    Parameters
    ----------
    dataset : Dataset
        With the classes of its source. An image that it no longer has, or has under another class, is excluded.
    """
    if not manifest.private:
        return manifest.settings.data.relabelled
    places = _by_content(dataset)
    return sorted_records(
        Relabelling(places[old, pixels].pop(0), old, new, when)
        for old, pixels, new, when in manifest.relabelled
        if places.get((old, pixels))
    )


def settings_for(manifest: Manifest, dataset: Dataset) -> Settings:
    """Return the settings that make the manifest's coreset again from `dataset`.

    Images that were pinned or excluded by hand in a private export are found again by class and pixels; one that the
    dataset no longer has is passed over.
    """
    if not manifest.private:
        return manifest.settings
    by_content: dict[tuple[str, str], str] = {}
    for image in dataset.images:
        by_content.setdefault((image.class_name, image.pixels), image.path)
    pins = {way: tuple(by_content[key] for key in keys if key in by_content) for way, keys in manifest.pinned.items()}
    selection = replace(manifest.settings.selection, pinned_in=pins["in"], pinned_out=pins["out"])
    data = manifest.settings.data
    places = _by_content(dataset)
    left_out = [places[key].pop(0) for key in manifest.left_out if places.get(key)]
    data = replace(data, left_out_images=tuple(sorted({*data.left_out_images, *left_out})))
    return replace(manifest.settings, data=data, selection=selection)


def unnamed_note(file: Path) -> str:
    """Return a note for settings from the manifest of a private export, which does not name images.

    Empty where nothing is missing: for any other file, and for a manifest in which no image was pinned, excluded or
    relabelled.
    """
    try:
        manifest = read_manifest(file)
    except ExportError:
        return ""
    n = len(manifest.left_out) + len(manifest.relabelled) + sum(len(each) for each in manifest.pinned.values())
    if not manifest.private or not n:
        return ""
    images = f"{n:,} image{'s' * (n != 1)} that {'was' if n == 1 else 'were'}"
    return (
        f"{file.name} is of a private export and does not name the {images} pinned, excluded or relabelled, so "
        "this is not applied; coreset rerun finds them by their content."
    )


def same_selection(manifest: Manifest, coreset: Coreset, dataset: Dataset) -> tuple[str, ...]:
    """Describe how `coreset`, reproduced from `dataset`, differs from that of the manifest.

    Returns
    -------
    tuple of str
        Sentences; empty where the same images were selected. Images are compared by class and pixels, in an export that
        is not private by path as well.
    """
    sentences = []
    if dataset_fingerprint(dataset, private=manifest.private) != manifest.dataset_fingerprint:
        sentences.append(
            f"The dataset is not that of the export: it has {len(dataset.images):,} images, that of the export had "
            f"{manifest.n_images:,}, or some were changed, moved or renamed."
        )
    images = [dataset.images[index] for index in coreset.indices]
    if manifest.private:
        before = Counter((each.class_name, each.pixels, "") for each in manifest.chosen)
        now = Counter((image.class_name, image.pixels, "") for image in images)
    else:
        before = Counter((each.class_name, each.pixels, each.path) for each in manifest.chosen)
        now = Counter((image.class_name, image.pixels, image.path) for image in images)
    for found, words in ((before - now, "is in the export and was not selected again"), (now - before, "is new")):
        sentences += [f"{path or f'An image with pixels {pixels[:12]}…'} of class {name} {words}."
                      for name, pixels, path in sorted(found.elements())]  # fmt: skip
    return tuple(sentences)


def _by_content(dataset: Dataset) -> dict[tuple[str, str], list[str]]:
    """Return the paths of images by class and pixels; copies have several."""
    places: dict[tuple[str, str], list[str]] = {}
    for image in dataset.images:
        places.setdefault((image.class_name, image.pixels), []).append(image.path)
    return places
