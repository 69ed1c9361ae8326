"""Reading what may be anything: only regular files, whose size is checked before they are read."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO
from zipfile import ZipFile, ZipInfo

from coreset_studio.core.words import byte_size

ZIP_RATIO = 100
"""How many times smaller than its content a large member of an archive may be; images are about twice smaller."""

ZIP_UNSUSPICIOUS_BYTES = 100_000_000
_PIECE_BYTES = 2**20
"""Members up to this size may have any ratio: a column of equal labels is tiny when packed."""


Identity = tuple[int, int] | str
"""What two names of one file or folder have in common."""


class IrregularFileError(OSError):
    """The file is a pipe, a device or a socket: reading it could block, or never end."""


class OversizeError(OSError):
    """The file is larger than any valid one."""


def identity_of(place: Path) -> Identity:
    """Return what is the same for all names of a file or folder; links are followed.

    Raises
    ------
    OSError
        If it cannot be accessed.
    """
    facts = place.stat()
    # Some network drives number no files; there they are known by where they really are.
    return (facts.st_dev, facts.st_ino) if facts.st_ino else os.path.realpath(place)


def open_regular(file: Path) -> BinaryIO:
    """Open a file for reading, unless it is none.

    Links are followed. Pipes are not waited for, and devices are not read.

    Raises
    ------
    IrregularFileError
        If it is neither a file nor a folder.
    OSError
        If it cannot be opened; ValueError is turned into it where the name can be no file's.
    """
    # Without O_NONBLOCK, opening a pipe without a writer never returns.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(file, flags)
    except ValueError as error:  # NUL, or text that no file system can write
        raise OSError(errno.EINVAL, f"it is not a valid file name: {error}", repr(str(file))) from error
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.EOPNOTSUPP):  # a socket
            raise IrregularFileError(errno.EINVAL, "it is not a regular file", str(file)) from error
        raise
    try:
        mode = os.fstat(handle).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(file))
        if not stat.S_ISREG(mode):
            raise IrregularFileError(errno.EINVAL, "it is not a regular file", str(file))
        # Not `os.fdopen`: what is opened is to be known by its name.
        return open(str(file), "rb", opener=lambda *_: handle)
    except BaseException:
        os.close(handle)
        raise


def read_regular(file: Path, limit: int) -> bytes:
    """Return the bytes of a regular file.

    Parameters
    ----------
    file : Path
    limit : int
        The most bytes that are read.

    Raises
    ------
    OversizeError
        If it has more.
    IrregularFileError, OSError
        As `open_regular`.
    """
    with open_regular(file) as stream:
        size = os.fstat(stream.fileno()).st_size
        # Asking for `limit` bytes would take as much memory for a file of ten.
        data = stream.read(size + 1) if size <= limit else b""
        # A file of /proc has 0 bytes; others may grow meanwhile.
        while size < len(data) <= limit and (more := stream.read(min(_PIECE_BYTES, limit + 1 - len(data)))):
            data += more
    if size > limit or len(data) > limit:
        raise OversizeError(
            errno.EFBIG, f"it has {max(size, len(data)):,} bytes; at most {limit:,} are read", str(file)
        )
    return data


def check_member(archive: ZipFile, member: ZipInfo, limit: int) -> None:
    """Make sure that a member of an archive can be unpacked.

    Parameters
    ----------
    archive : ZipFile
    member : ZipInfo
    limit : int
        The most bytes that it may have unpacked.

    Raises
    ------
    OversizeError
        If it is larger, or packed so much smaller that it is made to fill the memory.
    """
    size = member.file_size
    if size > limit:
        raise OversizeError(
            errno.EFBIG,
            f"{member.filename} needs {byte_size(size)} unpacked; at most {byte_size(limit)} are read",
            archive.filename,
        )
    if size > ZIP_UNSUSPICIOUS_BYTES and size > ZIP_RATIO * max(1, member.compress_size):
        raise OversizeError(
            errno.EFBIG,
            f"{member.filename} has {byte_size(size)} unpacked and {byte_size(member.compress_size)} packed; "
            f"at most {ZIP_RATIO} times the packed size is unpacked",
            archive.filename,
        )
