"""Get official weights from their host, Keras' for the program's own.

Only on request, resumable, and verified before use. Each process downloads into a file of its own; what one that
was stopped or killed has left is taken over by the next one.
"""

import ssl
import urllib.error
import urllib.request
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

from coreset_studio.core.errors import WeightsError
from coreset_studio.core.features.network import WeightSet
from coreset_studio.core.features.weights import FoundWeights, entry_of, find_weights, md5_of, moved, weight_set
from coreset_studio.core.files import (
    is_leftover,
    move,
    put_file_in_place,
    reason_of,
    replace,
    temporary_name,
    try_to_remove,
)
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.resources import user_data_folder
from coreset_studio.core.results import WeightsEntry
from coreset_studio.core.version import __version__

_BLOCK = 1 << 18
_TIMEOUT = 15.0
_PARTIAL, _PAST_THE_END = 206, 416
_OWN_CERTIFICATES = (
    " The certificate of the host is not trusted here. If your institution's proxy replaces certificates, set "
    "SSL_CERT_FILE to a file with its certificate, or download the file in a browser and import it with "
    "`coreset weights import FILE`."
)


def download(name: str, progress: Progress = NO_PROGRESS) -> WeightsEntry:
    """Download the official weights of an extractor or weight set into the user's data folder.

    A download that was cut off continues where it stopped.

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
        If the user cancelled; what has come so far is kept.
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
        if not weights.command:
            raise WeightsError(
                f"The weights of {weights.title} cannot be downloaded: their address is not known. "
                f"Import a file with `coreset weights import FILE`."
            )
        raise WeightsError(
            f"The weights of {weights.title} cannot be downloaded: no host has them as a file of Keras. Get them with "
            f"`{weights.command}` in a copy of the source code, and import the file with "
            f"`coreset weights import FILE`."
        )
    target = folder / weights.official_file
    kept, part = target.with_name(f".{target.name}.part"), temporary_name(target)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _take_over(target, kept, part)
        try:
            _fetch(address or weights.address, part, f"Downloading {weights.title}: bytes", progress)
        except BaseException:
            _leave(part, kept)
            raise
    except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or error
        distrusts = isinstance(reason, ssl.SSLCertVerificationError)
        raise WeightsError(
            f"The weights of {weights.title} could not be downloaded from {address or weights.address} ({reason})."
            + (_OWN_CERTIFICATES if distrusts else "")
            + (" The downloaded part is kept; the same command resumes from there." if kept.exists() else "")
        ) from error
    except OSError as error:
        raise WeightsError(f"The weights cannot be written to {folder} ({reason_of(error)}).") from error
    return _verified(part, target, weights, kept)


def _take_over(target: Path, kept: Path, part: Path) -> None:
    """Go on, as `part`, from what an earlier download left as `kept`, or one that was killed under its own name."""
    killed = [
        place for place in target.parent.iterdir() if place.name.startswith(f".{target.name}.") and is_leftover(place)
    ]
    for left in sorted((kept, *killed), key=_size, reverse=True):
        if part.exists():
            try_to_remove(left)
            continue
        # Two may need the same: it is moved for one of them, and the other one finds nothing.
        with suppress(OSError):
            move(left, part)


def _leave(part: Path, kept: Path) -> None:
    """Keep what has come so far as `kept`, unless another process has left more there."""
    with suppress(OSError):
        if _size(part) > _size(kept):
            replace(part, kept)
    try_to_remove(part)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _verified(part: Path, target: Path, weights: WeightSet, kept: Path) -> FoundWeights:
    """Move a finished download into place, if it is valid; else remove it."""
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
        put_file_in_place(part, target)
    except OSError as error:
        _leave(part, kept)
        raise WeightsError(f"The weights cannot be stored as {target} ({reason_of(error)}).") from error
    return moved(found, target)


def _fetch(address: str, part: Path, message: str, progress: Progress) -> None:
    """Download the file at `address` to `part`, resuming a partial download."""
    done = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(address, headers={"User-Agent": f"coreset-studio/{__version__}"})  # noqa: S310
    if done:
        request.add_header("Range", f"bytes={done}-")
    try:
        response = urllib.request.urlopen(  # noqa: S310 (addresses are constants, https)
            request, timeout=_TIMEOUT, context=_trust()
        )
    except urllib.error.HTTPError as error:
        if error.code == _PAST_THE_END and done:
            return
        raise
    with response:
        if response.status != _PARTIAL:
            done = 0
        _receive(response, part, done, message, progress)


def _trust() -> ssl.SSLContext:
    """Return the certificates that a host is checked with: those of the system, or certifi's if it has none.

    OpenSSL looks for them where it was built to. Python for macOS has none there, nor has the packaged program on
    another distribution than that on which it was built. SSL_CERT_FILE and SSL_CERT_DIR name others.
    """
    context = ssl.create_default_context()
    folder = ssl.get_default_verify_paths().capath  # certificates of a folder are only loaded when they are needed
    if not context.cert_store_stats()["x509_ca"] and not (folder and any(Path(folder).iterdir())):
        import certifi

        context.load_verify_locations(certifi.where())
    return context


def _receive(response: Any, part: Path, done: int, message: str, progress: Progress) -> None:
    """Write the received bytes to `part`, after its first `done` bytes."""
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
        raise ConnectionError(f"{done:,} of {total:,} bytes arrived")
