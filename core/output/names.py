"""Names that every file system allows, and names that reveal nothing.

Safe means: Windows, macOS and Linux all take it, and two different names stay different where case or
Unicode form is not distinguished.
"""

import hashlib
import hmac
import re
import secrets
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from coreset_studio.core.data.page_names import exported_name
from coreset_studio.core.data.sources import source_of
from coreset_studio.core.results import Dataset

MAX_BYTES = 100
"""Longest part of a path, in UTF-8: far below 255 bytes (ext4) and 255 UTF-16 units (NTFS, APFS)."""

MAX_PATH = 180
"""Longest relative path, in characters: leaves room for a folder before it under Windows' 260."""

_RESERVED = {"con", "prn", "aux", "nul", "conin$", "conout$"} | {
    f"{device}{number}" for device in ("com", "lpt") for number in "0123456789¹²³"
}
_NAMED = 5
# Characters around a file name in a sentence.
_AROUND = ".,;:!?()[]{}<>'\"«»“”‘’`"
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f-\x9f\ud800-\udfff]')


def safe_name(name: str) -> str:
    """Return `name` as a file or folder name that every common file system takes.

    Forbidden characters, and a dot or a space at either end, become ``_``; a name that Windows reserves gets a
    trailing ``_`` before its first dot; a long name is cut and ends with eight digits of its hash.
    """
    text = _FORBIDDEN.sub("_", unicodedata.normalize("NFC", name))
    start, end = len(text) - len(text.lstrip(". ")), len(text.rstrip(". "))
    text = "_" * len(text) if start >= end else "_" * start + text[start:end] + "_" * (len(text) - end)
    if not text:
        return "_"
    stem, dot, rest = text.partition(".")
    if stem.rstrip(" ").casefold() in _RESERVED:
        text = f"{stem}_{dot}{rest}"
    return _shortened(text, name)


def safe_names(names: Iterable[str], *, taken: Sequence[str] = ()) -> dict[str, str]:
    """Return a safe name for each of `names`, all different even where case and Unicode form are not distinguished.

    Parameters
    ----------
    names : iterable of str
        Such as class names; the result does not depend on their order.
    taken : sequence of str
        Names that are already used in the same folder.
    """
    used = {_folded(name) for name in taken}
    result: dict[str, str] = {}
    # Names that are safe already come first, so that they keep their form.
    for name in sorted(set(names), key=lambda each: (safe_name(each) != each, each)):
        result[name] = free_name(safe_name(name), used)
    return result


def free_name(name: str, used: set[str]) -> str:
    """Return `name`, or the first of ``name-2``, ``name-3``, … that is not in `used`, and add it there.

    Parameters
    ----------
    name : str
        A safe name, or a relative path of safe names.
    used : set of str
        Names without case; grows by the one returned.
    """
    parent, slash, last = name.rpartition("/")
    stem, suffix = _split_suffix(last)
    candidate, number = name, 1
    while _folded(candidate) in used:
        number += 1
        candidate = f"{parent}{slash}{stem}-{number}{suffix}"
    used.add(_folded(candidate))
    return candidate


def why_renamed(name: str, given: str) -> str:
    """Return why `name` became `given`, as the end of a sentence in brackets; empty where it did not.

    Parameters
    ----------
    name : str
        A class or a file, without folders.
    given : str
        What `safe_names` or `free_name` made of it.
    """
    if given == name:
        return ""
    if given != safe_name(name):
        return "the name is already used, and many file systems are not case-sensitive"
    text = unicodedata.normalize("NFC", name)
    if _FORBIDDEN.search(text):
        return "it contains characters that not every system allows in names"
    if text != text.strip(". "):
        return "Windows allows no dot or space at the end of a name"
    if text.partition(".")[0].rstrip(" ").casefold() in _RESERVED:
        return "Windows reserves this name"
    return "it is too long" if len(text.encode()) > MAX_BYTES else "accents are written as one character"


def renamed_note(renamed: Mapping[str, str], one: str, several: str) -> str:
    """Return a sentence that names what has another name in an export, and why; empty where nothing has.

    Parameters
    ----------
    renamed : mapping of str to str
        New names by old ones, equal where they stay.
    one, several : str
        What they are, such as ``"class"`` and ``"classes"``.
    """
    changed = {name: given for name, given in sorted(renamed.items()) if given != name.rpartition("/")[2]}
    if not changed:
        return ""
    each = [
        f"“{name}” is {given} ({why_renamed(name.rpartition('/')[2], given)})"
        for name, given in list(changed.items())[:_NAMED]
    ]
    rest = len(changed) - len(each)
    more = f"; and {rest:,} more" if rest else ""
    have = f"1 {one} has" if len(changed) == 1 else f"{len(changed):,} {several} have"
    return f"{have} another name in the export: {'; '.join(each)}{more}. coreset.json lists all names."


def safe_path(parts: Sequence[str]) -> str:
    """Return the relative path of safe names for `parts`; a path that would be too long loses its middle to a hash."""
    kept = [safe_name(part) for part in parts if part not in ("", ".", "..")]
    path = "/".join(kept)
    if len(path) <= MAX_PATH or len(kept) <= 1:
        return path
    return f"{_digits('/'.join(kept[:-1]))}/{kept[-1]}"


def parts_inside_class(dataset: Dataset, index: int) -> tuple[str, ...]:
    """Return the parts of an image's path below its class: sub-folders and file name."""
    *folders, name = source_of(dataset.kind).reader.parts_below_class(dataset.images[index])
    return (*folders, exported_name(name))


class PrivateNames:
    """Names that cannot be traced back: keyed hashes under a random key that is never written anywhere.

    Inside one export or report the same path always gets the same name; another export has other names. Without
    the key no path can be found by hashing guesses.

    Parameters
    ----------
    paths : iterable of str
        Those that `scrub` looks for.
    key : bytes, optional
        For tests only.
    """

    def __init__(self, paths: Iterable[str] = (), *, key: bytes | None = None) -> None:
        self._key = key if key is not None else secrets.token_bytes(32)
        self._by_last_word: dict[str, list[str]] = {}
        for path in paths:
            for text in {path, path.rpartition("/")[2]}:
                for word in text.split()[-1:]:
                    self._by_last_word.setdefault(word, []).append(path)

    def name(self, path: str, suffix: str | None = None) -> str:
        """Return 16 hex digits for `path`, with `suffix` or else the path's own in lower case.

        A suffix that is not of letters and digits, or longer than five, is left away: it may be part of a name.
        """
        digits = hmac.new(self._key, path.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:16]
        end = PurePosixPath(path).suffix.lower() if suffix is None else suffix
        return digits + (end if re.fullmatch(r"\.[a-z][a-z0-9]{1,4}", end) else "")

    def scrub(self, text: str) -> str:
        """Return `text` with every known path, and every file name of one, replaced by its private name."""
        words = {end for word in text.split() for end in (word, word.strip(_AROUND), word.rstrip(_AROUND))}
        found = {path for word in words for path in self._by_last_word.get(word, ())}
        known = {text: self.name(path) for path in sorted(found) for text in (path.rpartition("/")[2], path)}
        if not known:
            return text
        pattern = "|".join(re.escape(each) for each in sorted(known, key=lambda each: (-len(each), each)))
        return re.sub(pattern, lambda match: known[match[0]], text)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFC", name).casefold())


def _digits(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _split_suffix(name: str) -> tuple[str, str]:
    suffix = PurePosixPath(name).suffix
    return (name[: -len(suffix)], suffix) if 0 < len(suffix) <= 6 else (name, "")


def _shortened(text: str, original: str) -> str:
    if len(text.encode()) <= MAX_BYTES:
        return text
    stem, suffix = _split_suffix(text)
    room = MAX_BYTES - len(suffix.encode()) - 9
    cut = stem.encode()[:room].decode(errors="ignore").rstrip(". ")
    return f"{cut}~{_digits(original)}{suffix}"
