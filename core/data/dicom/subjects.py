"""Patients, studies and series of DICOM images, without anything that identifies them.

What a scan stores are keyed hashes, with a key that stays on this computer; what it shows are numbers in the order of
the paths. Neither can be traced back to an identifier by who has an export, a project or the cache alone.
"""

import hashlib
import hmac
import os
import secrets
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from coreset_studio.core.data.headers import HeaderFacts
from coreset_studio.core.data.page_names import file_and_page
from coreset_studio.core.reading import read_regular
from coreset_studio.core.resources import user_data_folder
from coreset_studio.core.results import Image

COLUMNS = ("DICOM patient", "DICOM study", "DICOM series", "DICOM slice")
"""Names of what a dataset shows of its DICOM images."""

GROUPED_BY = {"patient": 0, "study": 1, "series": 2}
"""Place of each value of the setting `header_groups` in the columns and in `Image.header`."""

_NAMES = {"patient": "PatientID", "study": "StudyInstanceUID", "series": "SeriesInstanceUID"}
_KEY_FILE = "dicom-pseudonyms.key"
_KEY_BYTES = 32
_DIGITS = 24
_KEY_DIGITS = 6


def hashed(header: HeaderFacts) -> tuple[str, ...]:
    """Return keyed hashes of patient, study and series, and the place in the series, as `Image.header` has them."""
    key = _key(user_data_folder() / _KEY_FILE)
    names = (("patient", header.patient), ("study", header.study), ("series", header.series))
    return (*(_hash(key, kind, name) for kind, name in names), repr(float(header.place)))


def is_current(header: tuple[str, ...]) -> bool:
    """Return whether hashes were made with the key of this computer, so that they are equal to new ones."""
    mark = _mark(_key(user_data_folder() / _KEY_FILE))
    return all(not each or each.startswith(mark) for each in header[:3])


def _hash(key: bytes, kind: str, name: str) -> str:
    if not name:
        return ""
    digits = hmac.new(key, f"{kind}\n{name}".encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
    return f"{_mark(key)}-{digits[:_DIGITS]}"


def _mark(key: bytes) -> str:
    return hashlib.sha256(b"mark\n" + key).hexdigest()[:_KEY_DIGITS]


@lru_cache(maxsize=4)
def _key(file: Path) -> bytes:
    """Return the key in a file, which is made if it is not there; one of this process if it cannot be kept."""
    with suppress(OSError):
        found = read_regular(file, 2 * _KEY_BYTES)
        if len(found) == _KEY_BYTES:
            return found
    key = secrets.token_bytes(_KEY_BYTES)
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(key)
        try:
            # Another process may make it at the same time; the first one counts.
            os.link(temporary, file)
        except FileExistsError:
            key = read_regular(file, 2 * _KEY_BYTES)
        except OSError:
            temporary.replace(file)
        finally:
            temporary.unlink(missing_ok=True)
    return key


def with_subjects(
    images: Sequence[Image], columns: tuple[str, ...], grouped_by: str
) -> tuple[tuple[Image, ...], tuple[str, ...], list[str]]:
    """Return images with columns for patient, study, series and slice, and with groups where there are none.

    Parameters
    ----------
    images : sequence of Image
        Sorted by path.
    columns : tuple of str
        Of the dataset so far.
    grouped_by : str
        A value of the setting `header_groups`.

    Returns
    -------
    images : tuple of Image
    columns : tuple of str
        As they were if no image is DICOM.
    notes : list of str
        What was assumed, and how to change it.
    """
    if not any(image.header for image in images):
        return tuple(images), columns, []
    numbered = [_numbered(images, at) for at in range(3)]
    slices = _slices(images, numbered[2])
    place = GROUPED_BY.get(grouped_by)
    has_groups = any(image.group for image in images)
    names = numbered[place] if place is not None and not has_groups else [""] * len(images)
    notes = _group_notes(names, grouped_by, has_groups=has_groups, offered=numbered)
    if len(set(names) - {""}) < 2:
        names = [""] * len(images)
    # What no header states is no column.
    shown = [
        (title, texts)
        for title, texts in zip(COLUMNS, (*numbered, slices), strict=True)
        if any(texts) and title not in columns
    ]
    found = [
        replace(
            image,
            group=image.group or names[at],
            more=(*(image.more or ("",) * len(columns)), *(texts[at] for _, texts in shown)),
        )
        for at, image in enumerate(images)
    ]
    return tuple(found), (*columns, *(title for title, _ in shown)), notes


def _numbered(images: Sequence[Image], at: int) -> list[str]:
    """Return a name such as ``"patient-003"`` for each image, numbered in the order of the first paths."""
    hashes = [image.header[at] if image.header else "" for image in images]
    order = {one: number for number, one in enumerate(dict.fromkeys(filter(None, hashes)), 1)}
    digits = max(3, len(str(len(order))))
    word = COLUMNS[at].split()[-1]
    return [f"{word}-{order[one]:0{digits}d}" if one else "" for one in hashes]


def _slices(images: Sequence[Image], series: Sequence[str]) -> list[str]:
    """Return the place of each image in its series, such as ``"002-0013"``, so that sorting by it shows the series."""
    found = [""] * len(images)
    in_order = sorted(
        (at for at, name in enumerate(series) if name),
        key=lambda at: (series[at], float(images[at].header[3]), *_file_order(images[at].path)),
    )
    counts: Counter[str] = Counter()
    digits = max(4, len(str(len(images))))
    for at in in_order:
        counts[series[at]] += 1
        found[at] = f"{series[at].removeprefix('series-')}-{counts[series[at]]:0{digits}d}"
    return found


def _file_order(path: str) -> tuple[str, int]:
    return file_and_page(path)


def _group_notes(
    names: Sequence[str], grouped_by: str, *, has_groups: bool, offered: Sequence[Sequence[str]]
) -> list[str]:
    """Return in one note what names the groups, and how to change it."""
    if grouped_by not in GROUPED_BY or has_groups:
        return []
    what = f"the DICOM {_NAMES[grouped_by]}"
    n, without = len(set(names) - {""}), sum(1 for name in names if not name)
    if n == 0:
        return [f"No image has {what.replace('the ', 'a ')}, so images are divided individually. {_CHANGE}"]
    if n == 1:
        others = [name for name, at in GROUPED_BY.items() if len(set(offered[at]) - {""}) > 1]
        advice = f" --header-groups {others[0]} keeps {_PLURAL[others[0]]} together." if others else ""
        return [
            f"All images have the same DICOM {_NAMES[grouped_by]}, so it is not used to keep images together.{advice}"
        ]
    rest = f", but {without:,} images have none and are divided individually" if without else ""
    note = (
        f"The images are from {n:,} {_PLURAL[grouped_by]} according to {what}, and those of one are never divided by "
        f"the split{rest}. {_CHANGE}"
    )
    return [note]


_PLURAL = {"patient": "patients", "study": "studies", "series": "series"}
_CHANGE = "Change it with --header-groups study, series or none, or give groups by --group-pattern or a table."
