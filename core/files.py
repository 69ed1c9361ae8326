"""Writing a file whole or not at all."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def replace_atomically(file: Path, content: bytes) -> None:
    """Replace `file` by `content` only when all of it is on disk.

    Parameters
    ----------
    file : Path
        Its folder is made where it is missing. A link is followed, so that what it points to is replaced.
    content : bytes

    Raises
    ------
    OSError
        If it cannot be written; the old file is then as it was.
    """
    file = Path(os.path.realpath(file))
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    building = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        # mkstemp makes files that only their owner can read; a project on a shared drive keeps its rights.
        building.chmod(file.stat().st_mode & 0o777 if file.exists() else 0o666 & ~_umask())
        building.replace(file)
    except BaseException:
        with suppress(OSError):
            building.unlink()
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
