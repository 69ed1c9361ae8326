"""A class that the user corrected: it replaces the class that an image has in its source."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from coreset_studio.core.errors import SettingsError


@dataclass(frozen=True)
class Relabelling:
    """The corrected class of one image. Image files and tables are never changed.

    Attributes
    ----------
    path : str
        Of the image in the dataset.
    old : str
        Class in the source when it was corrected.
    new : str
        Class from now on, which may be one that the source does not have.
    when : str
        Time of the correction, ISO 8601 in UTC to the second, such as ``"2026-11-27T09:30:00+00:00"``. It changes no
        result.

    Raises
    ------
    SettingsError
        If a text is empty, the class is unchanged, or the time is not valid.
    """

    path: str
    old: str
    new: str
    when: str

    def __post_init__(self) -> None:
        if not self.path:
            raise SettingsError("A relabelled image has no path; expected its path in the dataset.")
        if not self.old.strip() or not self.new.strip():
            which = "new" if self.old.strip() else "old"
            raise SettingsError(f"The {which} class of {self.path} is empty; expected the name of a class.")
        if self.new == self.old:
            raise SettingsError(f"{self.path} is relabelled from {self.old!r} to the same class; remove the record.")
        if not _is_time(self.when):
            raise SettingsError(
                f"The time of relabelling {self.path} must be in UTC, such as 2026-11-27T09:30:00+00:00; found "
                f"{self.when!r}."
            )


def utc_text(time: datetime) -> str:
    """Return a time with a time zone as `Relabelling.when` has it."""
    return time.astimezone(UTC).isoformat(timespec="seconds")


def sorted_records(records: Iterable[Relabelling]) -> tuple[Relabelling, ...]:
    """Return records by path.

    Raises
    ------
    SettingsError
        If an image has two.
    """
    found = tuple(sorted(records, key=lambda record: record.path))
    path, count = next(iter(Counter(record.path for record in found).most_common(1)), ("", 0))
    if count > 1:
        raise SettingsError(f"{path} is relabelled {count} times; keep one record for each image.")
    return found


def with_relabelled(
    records: Iterable[Relabelling], paths: Iterable[str], new: str, old: Mapping[str, str], when: str
) -> tuple[Relabelling, ...]:
    """Return records with another class for some images; for one whose class in the source this is, there is none.

    Parameters
    ----------
    records : iterable of Relabelling
    paths : iterable of str
    new : str
    old : mapping of str to str
        Class of each image in the source, by path.
    when : str

    Raises
    ------
    SettingsError
        If `new` is empty.
    """
    new = unicodedata.normalize("NFC", new).strip()  # as the classes of a dataset are
    found = {record.path: record for record in records}
    for path in dict.fromkeys(paths):
        before = found.pop(path, None)
        if new == old[path]:
            continue
        is_same = before is not None and (before.old, before.new) == (old[path], new)
        found[path] = before if before is not None and is_same else Relabelling(path, old[path], new, when)
    return sorted_records(found.values())


def _is_time(text: str) -> bool:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return False
    return time.utcoffset() == timedelta(0) and text == utc_text(time)
