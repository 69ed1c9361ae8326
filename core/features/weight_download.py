"""Get official weights from their host, Keras' for the program's own.

Only when asked to, resumable, verified before they count.
"""

import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any

from core.errors import WeightsError
from core.features.network import WeightSet
from core.features.weights import FoundWeights, WeightsEntry, entry_of, find_weights, md5_of, moved, weight_set
from core.files import reason_of, replace, try_to_remove
from core.progress import NO_PROGRESS, Progress
from core.resources import user_data_folder
from core.version import __version__

_BLOCK = 1 << 18
_TIMEOUT = 15.0
_PARTIAL, _PAST_THE_END = 206, 416


def download(name: str, progress: Progress = NO_PROGRESS) -> WeightsEntry:
    """Download the official weights of an extractor or weight set into the user's data folder.

    A download that was cut off goes on where it stopped.

    Parameters
    ----------
    name : str
        Of an extractor or a weight set.
    progress : Progress
        Counts bytes.

    Raises
    ------
    WeightsError
        If the host cannot be reached, the folder cannot be written, or what came is not what was expected.
    CancelledError
        If the user asked to stop; what has come so far is kept.
    """
    weights = weight_set(name)
    return entry_of(download_to(user_data_folder() / "weights", weights, progress=progress))


def download_to(
    folder: Path, weights: WeightSet, *, address: str | None = None, progress: Progress = NO_PROGRESS
) -> FoundWeights:
    """Download `weights` from `address` (default: the official one) into `folder` and verify them.

    Raises
    ------
    WeightsError, CancelledError
        As `download`.
    """
    if not (address or weights.address):
        raise WeightsError(
            f"The weights of {weights.title} cannot be downloaded: no address of them is known. "
            f"Bring a file with `coreset weights import FILE`."
        )
    target = folder / weights.official_file
    part = target.with_name(f".{target.name}.part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _fetch(address or weights.address, part, f"Downloading {weights.title}: bytes", progress)
    except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or error
        raise WeightsError(
            f"The weights of {weights.title} could not be downloaded from {address or weights.address} ({reason})."
            + (" What has come is kept; the same command goes on from there." if part.exists() else "")
        ) from error
    except OSError as error:
        raise WeightsError(f"The weights cannot be written to {folder} ({reason_of(error)}).") from error
    return _verified(part, target, weights)


def _verified(part: Path, target: Path, weights: WeightSet) -> FoundWeights:
    """Move a finished download into place, if it is what it should be; else remove it."""
    try:
        if weights.md5 and md5_of(part) != weights.md5:
            raise WeightsError(
                f"The download of {weights.title} is not the official file (its MD5 differs) and was removed; "
                f"run the command again."
            )
        found = find_weights(weights.name, file=part)
    except WeightsError:
        try_to_remove(part)
        raise
    try:
        replace(part, target)
    except OSError as error:
        raise WeightsError(f"The weights cannot be kept as {target} ({reason_of(error)}).") from error
    return moved(found, target)


def _fetch(address: str, part: Path, message: str, progress: Progress) -> None:
    """Bring the file at `address` to `part`, going on from what is there."""
    done = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(address, headers={"User-Agent": f"coreset-studio/{__version__}"})  # noqa: S310
    if done:
        request.add_header("Range", f"bytes={done}-")
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT)  # noqa: S310 (addresses are constants, https)
    except urllib.error.HTTPError as error:
        if error.code == _PAST_THE_END and done:
            return
        raise
    with response:
        if response.status != _PARTIAL:
            done = 0
        _receive(response, part, done, message, progress)


def _receive(response: Any, part: Path, done: int, message: str, progress: Progress) -> None:
    """Write what comes to `part`, after its first `done` bytes."""
    length = response.headers.get("Content-Length")
    total = done + int(length) if length else 0
    with part.open("r+b" if done else "wb") as stream:
        stream.seek(done)
        progress.report(done, total, message)
        while block := response.read(_BLOCK):
            stream.write(block)
            done += len(block)
            progress.report(min(done, total) if total else done, total, message)
    if total and done != total:
        raise ConnectionError(f"{done:,} of {total:,} bytes came")
