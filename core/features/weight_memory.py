"""Remember what weight files were found to hold, by path, size and time, so that looking again costs nothing."""

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coreset_studio.core.cache import default_cache_folder, write_atomically
from coreset_studio.core.forms import read_json

_FILE = "weights.json"
_VERSION = 1


@dataclass(frozen=True)
class Remembered:
    """Weights found in a file.

    Attributes
    ----------
    name : str
        The weight set.
    digest : str
        SHA-256 (hex) over the tensors.
    official : bool
        Whether the digest or the file's MD5 was known then.
    """

    name: str
    digest: str
    official: bool


def recall(file: Path) -> Remembered | None:
    """Return the remembered facts of `file` if it is unchanged, or None."""
    entry = _entries().get(str(file.resolve()))
    try:
        if entry is None or entry["stamp"] != _stamp(file):
            return None
        return Remembered(str(entry["name"]), str(entry["digest"]), bool(entry["official"]))
    except (KeyError, TypeError, OSError):
        return None


def remember(file: Path, held: Remembered) -> None:
    """Keep what `file` holds, in the user's cache folder; where that cannot be written it only costs time later."""
    entries = _entries()
    with suppress(OSError):
        entries[str(file.resolve())] = {
            "stamp": _stamp(file),
            "name": held.name,
            "digest": held.digest,
            "official": held.official,
        }
        text = json.dumps({"version": _VERSION, "files": entries}, indent=1)
        write_atomically(default_cache_folder() / _FILE, text.encode())


def _entries() -> dict[str, Any]:
    try:
        content = read_json(default_cache_folder() / _FILE)
        files = content["files"] if content["version"] == _VERSION else {}
        return files if isinstance(files, dict) else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _stamp(file: Path) -> list[int]:
    status = file.stat()
    return [status.st_size, status.st_mtime_ns]
