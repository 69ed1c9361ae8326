"""What memory a process may still take, from injected readings, and the sentence of a stage that needs more."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from coreset_studio.core import memory
from coreset_studio.core.cli import commands, main
from coreset_studio.core.errors import CoresetError, InputError, MemoryShortError
from coreset_studio.core.memory import FreeMemory, below_address_limit, below_group_limit, free_memory, memory_for

GB = 10**9


@contextmanager
def address_limit(n_bytes: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def group(folder: Path, **files: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        (folder / name.replace("__", ".")).write_text(f"{value}\n", encoding="ascii")
    return folder


def test_without_a_limit_of_the_address_space_there_is_none() -> None:
    if resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY:
        assert below_address_limit() is None


def test_the_address_space_leaves_its_limit_less_what_is_mapped() -> None:
    with address_limit(2**42):
        found = below_address_limit(mapped=2**42 - 5 * GB)
        below = below_address_limit(mapped=2**42 + 1)
        measured = below_address_limit()
    assert found is not None
    assert found.n_bytes == 5 * GB
    assert "ulimit -v" in found.limit
    assert below is not None
    assert below.n_bytes == 0
    assert measured is not None
    assert 0 < measured.n_bytes < 2**42


def test_a_group_of_version_2_leaves_its_limit_less_what_it_holds_but_files(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("0::/inner/mine\n")
    group(tmp_path / "fs", memory__max=8 * GB, memory__current=7 * GB)
    mine = group(tmp_path / "fs" / "inner" / "mine", memory__max=4 * GB, memory__current=3 * GB)
    group(mine, memory__stat=f"anon 1\ninactive_file {GB}\n")
    found = below_group_limit(tmp_path / "fs", own)
    assert found is not None
    assert found.n_bytes == 1 * GB  # the outer group is the narrower one: 8 - 7
    assert "limited to 8.0 GB" in found.limit
    group(tmp_path / "fs", memory__max="max")
    inner = below_group_limit(tmp_path / "fs", own)
    assert inner is not None
    assert inner.n_bytes == 2 * GB  # 4 - (3 - 1)


def test_a_group_of_version_1_whose_path_is_that_of_the_host(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("9:name=systemd:/\n4:memory:/docker/abc\n1:cpu:/\n0::/\n")
    group(
        tmp_path / "fs" / "memory", memory__limit_in_bytes=3 * GB, memory__usage_in_bytes=2 * GB,
        memory__stat="total_inactive_file 500000000\n",
    )  # fmt: skip
    found = below_group_limit(tmp_path / "fs", own)
    assert found is not None
    assert found.n_bytes == 1_500_000_000


@pytest.mark.parametrize("limit", [2**63 - 4096, "max", "nonsense"])
def test_groups_that_limit_nothing_are_none(tmp_path: Path, limit: object) -> None:
    own = tmp_path / "own"
    own.write_text("4:memory:/\n0::/\n")
    group(tmp_path / "fs" / "memory", memory__limit_in_bytes=limit, memory__usage_in_bytes=1)
    group(tmp_path / "fs", memory__max=limit, memory__current=1)
    assert below_group_limit(tmp_path / "fs", own) is None
    assert below_group_limit(tmp_path / "nowhere", tmp_path / "nothing") is None


def test_the_least_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "below_address_limit", lambda: FreeMemory(3 * GB, "a"))
    monkeypatch.setattr(memory, "below_group_limit", lambda: FreeMemory(1, "b"))
    assert free_memory() == FreeMemory(1, "b")
    monkeypatch.setattr(memory, "below_group_limit", lambda: None)
    monkeypatch.setattr(memory, "below_address_limit", lambda: None)
    assert free_memory().limit == ""
    assert free_memory().n_bytes > 0


def test_what_is_too_much_is_refused_in_a_sentence_before_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: FreeMemory(GB, "its container or group is limited to 2.0 GB"))
    begun = []
    with (
        pytest.raises(MemoryShortError) as caught,
        memory_for("Clustering class a (9,000 images)", 2.5 * GB, lambda free: [f"take {free} less"]),
    ):
        begun.append(1)
    assert not begun
    assert str(caught.value) == (
        "Clustering class a (9,000 images) needs about 2.5 GB of memory, but 1.0 GB are free for this program "
        "(its container or group is limited to 2.0 GB). Close other programs, take 1000000000 less or use fewer images."
    )
    assert isinstance(caught.value, CoresetError)
    assert not isinstance(caught.value, InputError)


def test_what_fits_begins_and_a_failed_allocation_inside_is_the_same_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: FreeMemory(GB))
    with memory_for("Reducing", GB):
        pass
    with (
        pytest.raises(MemoryShortError, match="Reducing needs more memory than there is, but 1"),
        memory_for("Reducing", 0.9 * GB),
    ):
        raise MemoryError


def test_small_needs_are_never_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: FreeMemory(0))
    with memory_for("Reducing", memory.LEAST_CHECKED):
        pass
    assert [memory.round_down(n) for n in (0, 7, 99, 101, 5_473)] == [0, 7, 99, 100, 5_400]


def test_large_needs_are_told_where_somebody_listens(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: FreeMemory(100 * GB))
    caplog.set_level("INFO", memory.__name__)
    with memory_for("Clustering class a (9,000 images)", 0.99 * GB):
        pass
    assert not caplog.messages
    with memory_for("Clustering class a (20,000 images)", 1.7 * GB):
        pass
    assert caplog.messages == ["Clustering class a (20,000 images) needs about 1.7 GB of memory."]


def test_the_command_line_tells_what_a_stage_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(_options: object) -> int:
        with memory_for("Clustering class a (20,000 images)", 1.7 * GB):
            return 0

    monkeypatch.setattr(commands, "plugins", run)
    monkeypatch.setattr(memory, "free_memory", lambda: FreeMemory(100 * GB))
    assert main(["plugins"]) == 0
    assert "note: Clustering class a (20,000 images) needs about 1.7 GB of memory.\n" in capsys.readouterr().err
    monkeypatch.setattr(memory, "free_memory", lambda: FreeMemory(GB))
    assert main(["plugins"]) == 1
    assert "coreset: Clustering class a (20,000 images) needs about 1.7 GB" in capsys.readouterr().err
