"""A scanned dataset as a file, so that a second look at the same source need not decode it again."""

import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, astuple, dataclass, field, fields
from pathlib import Path
from typing import Any

from coreset_studio.core.cache import write_atomically
from coreset_studio.core.data.quality import MEASURES
from coreset_studio.core.data.sources import source_of
from coreset_studio.core.errors import CacheError, DatasetError, ReadOnlyCacheError
from coreset_studio.core.files import is_refused, reason_of
from coreset_studio.core.forms import LIST_BYTES, is_number, read_form, read_json
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import Dataset, Image, Reading, Skipped, Stored

_FORMAT = 1
_ROWS_AT_ONCE = 5000
_IMAGE_FIELDS = tuple(each.name for each in fields(Image))
_MORE, _STORED, _ORIGINAL, _QUALITY, _HEADER = "more", "stored", "original_class", "quality", "header"
_FIRST_STORED = 9
"""How many values the first version wrote of how an image is stored."""

_HEADER_PARTS = 4
_LATER_READING = {"window": Reading().window, "channels": Reading().channels}
_COUNTS = {"width": 1, "height": 1, "n_bytes": 0, "modified_ns": -(2**63)}


@dataclass(frozen=True)
class _ScanForm:
    """A scan as its file has it.

    `fields` names the columns of `images`. A field of an image that a file does not name has its default. `stored` is
    named where any image is other than 8 bits, one page and opaque, `original_class` where any was relabelled,
    `reading` where it is not as before it was selected, `header` where any image is DICOM.
    `measures` names what `quality` of an image holds, so that a later version can measure something else.
    """

    format: int
    root: str
    source: str
    kind: str
    fields: tuple[str, ...]
    images: list[Any]
    skipped: tuple[Skipped, ...]
    warnings: tuple[str, ...]
    reading: Reading = field(default_factory=Reading)
    read_as: dict[str, str] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()


def save_dataset(dataset: Dataset, file: Path, progress: Progress = NO_PROGRESS) -> None:
    """Write `dataset` as JSON, whole or not at all.

    Parameters
    ----------
    dataset : Dataset
    file : Path
    progress : Progress

    Raises
    ------
    ReadOnlyCacheError
        If there is no right to write it.
    CacheError
        If it cannot be written for another reason.
    """
    facts = {"format": _FORMAT, "root": str(dataset.root), "source": str(dataset.source), "kind": dataset.kind}
    measured = any(image.quality is not None for image in dataset.images)
    named = {
        _MORE: bool(dataset.columns),
        _STORED: any(image.stored for image in dataset.images),
        _ORIGINAL: any(image.original_class for image in dataset.images),
        _QUALITY: measured,
        _HEADER: any(image.header for image in dataset.images),
    }
    names = tuple(name for name in _IMAGE_FIELDS if named.get(name, True))
    images = ([_plain(getattr(image, name)) for name in names] for image in dataset.images)
    reading = _reading_values(dataset.reading) if dataset.reading != Reading() else None
    later = {"read_as": dict(dataset.read_as), "others": dataset.others, "columns": dataset.columns, "reading": reading}
    later["measures"] = MEASURES if measured else ()
    later = {name: value for name, value in later.items() if value}
    skipped = ({"path": each.path, "reason": each.reason} for each in dataset.skipped)
    total = len(dataset.images) + len(dataset.skipped)
    parts = [
        _json({**facts, "fields": names})[:-1],
        b',"images":[', *_encoded(images, 0, total, progress),
        b'],"skipped":[', *_encoded(skipped, len(dataset.images), total, progress),
        b'],"warnings":', _json(dataset.warnings), b"," + _json(later)[1:] if later else b"}",
    ]  # fmt: skip
    try:
        write_atomically(file, b"".join(parts))
    except OSError as error:
        kind = ReadOnlyCacheError if is_refused(error) else CacheError
        raise kind(
            f"{file} cannot be written ({reason_of(error)}). Free some space or choose another folder."
        ) from error


def _json(values: Any) -> bytes:
    return json.dumps(values, ensure_ascii=True, separators=(",", ":")).encode()


def _encoded(rows: Iterator[Any], done: int, total: int, progress: Progress) -> Iterator[bytes]:
    """Yield rows as the inside of a JSON list, some thousands at a time, and report how many of all are done."""
    comma = b""
    while some := list(itertools.islice(rows, _ROWS_AT_ONCE)):
        if done >= _ROWS_AT_ONCE:  # no report for a few images
            progress.report(done, total, "Storing the scan: images")
        yield comma + _json(some)[1:-1]
        comma = b","
        done += len(some)


def _plain(value: Any) -> Any:
    if not isinstance(value, Stored):
        return value
    values, plain = list(astuple(value)), astuple(Stored())
    # Fields that were added later are excluded where they are neutral, so that earlier versions read the file.
    while len(values) > _FIRST_STORED and values[-1] == plain[len(values) - 1]:
        values.pop()
    return values


def _reading_values(reading: Reading) -> dict[str, Any]:
    """Return the stored form of a reading, without fields that were added later and are neutral."""
    values = asdict(reading)
    return {
        name: value for name, value in values.items() if name not in _LATER_READING or value != _LATER_READING[name]
    }


def _stored(values: Any) -> Stored | None:
    """Return how an image is stored from its row.

    Raises
    ------
    ValueError, TypeError
        If it cannot be so.
    """
    if values is None:
        return None
    kinds = [type(getattr(Stored(), each.name)) for each in fields(Stored)]
    good = isinstance(values, list) and _FIRST_STORED <= len(values) <= len(kinds)
    if not good or any(type(value) is not kind for value, kind in zip(values, kinds, strict=False)):
        raise ValueError(f"stored is {values!r}")
    return Stored(*values)


def _measured(values: Any, n_measures: int) -> tuple[float, ...] | None:
    """Return the measures of an image's quality from its row.

    Raises
    ------
    ValueError
        If they cannot be so.
    """
    if values is None:
        return None
    good = isinstance(values, list) and len(values) == n_measures
    if not good or not all(is_number(value, float) and math.isfinite(value) for value in values):
        raise ValueError(f"quality is {values!r}")
    return tuple(float(value) for value in values)


def _image(names: tuple[str, ...], row: Any, n_more: int, measures: tuple[str, ...]) -> Image:
    """Return an image from its row, after checking that each value is what it should be.

    Raises
    ------
    ValueError, TypeError
        If one is not. `pixels` names files in the cache, and must not lead out of it.
    """
    values = dict(zip(names, row, strict=True))
    if _STORED in values:
        values[_STORED] = _stored(values[_STORED])
    if _QUALITY in values:
        measured = _measured(values[_QUALITY], len(measures))
        # What another version measured is measured again at the next scan.
        values[_QUALITY] = measured if measures == MEASURES else None
    for name, value in values.items():
        if name in _COUNTS:
            good = type(value) is int and (value >= _COUNTS[name])
        elif name == _HEADER:
            good = _is_header(value)
        elif name == _MORE:
            good = isinstance(value, list) and len(value) == n_more and all(isinstance(each, str) for each in value)
        else:
            good = isinstance(value, str) or (name == "split" and value is None) or name in (_STORED, _QUALITY)
        if not good:
            raise ValueError(f"{name} is {value!r}")
    split, pixels = values["split"], values["pixels"]
    if split not in (None, "train", "validation", "test") or not pixels.isalnum():
        raise ValueError(f"the split is {split!r}, the content {pixels!r}")
    tuples = {name: tuple(values.get(name, ())) for name in (_MORE, _HEADER)}
    return Image(**{**values, **tuples})


def _is_header(value: Any) -> bool:
    """Return whether a value is what is kept of a header: three hashes and a number, or nothing."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        return False
    if not value:
        return True
    try:
        return len(value) == _HEADER_PARTS and math.isfinite(float(value[-1]))
    except ValueError:
        return False


def load_dataset(file: Path) -> Dataset:
    """Read what `save_dataset` wrote. The files may have changed; `scan` checks that.

    Raises
    ------
    DatasetError
        If there is no such file, or it is truncated, damaged or of another version.
    MissingSourceError
        If nothing that is installed knows its kind of source.
    """
    try:
        form = read_form(read_json(file, limit=LIST_BYTES), _ScanForm)
        if form.format != _FORMAT or not set(form.fields) <= set(_IMAGE_FIELDS):
            raise DatasetError(f"{file.name} was written by another version; scan the images again.")
        return Dataset(
            root=Path(form.root),
            source=Path(form.source),
            kind=source_of(form.kind).name,
            images=tuple(_image(form.fields, row, len(form.columns), form.measures) for row in form.images),
            skipped=form.skipped,
            warnings=form.warnings,
            reading=form.reading,
            read_as=form.read_as,
            others=form.others,
            columns=form.columns,
        )
    except OSError as error:
        raise DatasetError(f"{file} cannot be read ({reason_of(error)}).") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{file.name} is damaged; scan the images again.") from error
