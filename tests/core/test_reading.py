"""What is no regular file is not read, and what unpacks to far more than it is, is not unpacked."""

import os
import socket
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from coreset_studio.core.reading import (
    ZIP_RATIO,
    IrregularFileError,
    OversizeError,
    check_member,
    open_regular,
    read_regular,
)


def test_pipes_devices_and_sockets_are_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        for name in ("pipe", "link", "socket", "/dev/zero", "/dev/null"):
            with pytest.raises(IrregularFileError) as raised:
                open_regular(Path(name))
            assert raised.value.strerror == "it is not a regular file"
            assert raised.value.filename == name


def test_a_file_is_read_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("file")
    with open_regular(tmp_path / "link") as stream:
        assert stream.read() == b"abc"
        assert stream.name == str(tmp_path / "link")
    assert read_regular(tmp_path / "file", 3) == b"abc"
    with pytest.raises(OversizeError, match="3 bytes; at most 2"):
        read_regular(tmp_path / "file", 2)


def test_a_small_file_takes_little_memory_whatever_the_limit(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    tracemalloc.start()
    try:
        assert read_regular(tmp_path / "file", 256_000_000) == b"abc"
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc here")
def test_a_file_that_says_it_is_empty_is_read_whole_or_refused() -> None:
    status = Path("/proc/self/status")
    assert read_regular(status, 1_000_000).startswith(b"Name:")
    with pytest.raises(OversizeError, match="at most 20"):
        read_regular(status, 20)


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_a_name_that_no_file_can_have(name: str) -> None:
    with pytest.raises(OSError, match="not a valid file name"):
        open_regular(Path(name))


def member_of(size: int, packed: int) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo("x.npy")
    member.file_size, member.compress_size = size, packed
    return member


def test_what_an_archive_unpacks_to_has_a_limit(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        check_member(archive, member_of(50_000_000, 1), 10**9)
        check_member(archive, member_of(900_000_000, 900_000_000 // ZIP_RATIO), 10**9)
        with pytest.raises(OversizeError, match=r"needs 2\.0 GB unpacked; at most 1\.0 GB"):
            check_member(archive, member_of(2 * 10**9, 10**9), 10**9)
        with pytest.raises(OversizeError, match=r"900 MB unpacked and 1\.0 MB packed"):
            check_member(archive, member_of(900_000_000, 1_000_000), 10**9)
