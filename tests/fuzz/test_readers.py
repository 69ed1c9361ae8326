"""Whatever stands in a file, its reader returns or says in one sentence what is wrong (`readers.py` says within what).

`make fuzz` runs this for half of FUZZ_SECONDS (60), with other files each time. Without that variable the same few
files are made each time, in about half a minute, so that CI only fails for what was changed. A failure names its seed:
FUZZ_SEED=… makes the same files again.
"""

import json
import os
import random
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.readers import NASTY, READERS, ROOT, Reader, check, corpus

SECONDS = float(os.environ.get("FUZZ_SECONDS", "0")) / len(READERS)
SEED = int(os.environ.get("FUZZ_SEED", "0")) or (random.randrange(1, 2**31) if SECONDS else 1)
PER_ROUND = 25


@st.composite
def broken_bytes(draw: st.DrawFn, whole: list[bytes]) -> bytes:
    """A whole file with a few cuts, copies and other bytes in it, or any bytes at all."""
    if draw(st.integers(0, 19)) == 0:
        return draw(st.binary(max_size=400))
    content = bytearray(draw(st.sampled_from(whole)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(content) - 1)))
        n = draw(st.integers(1, 16))
        change = draw(st.sampled_from(["flip", "other", "cut", "drop", "copy", "zeros", "ones", "end"]))
        if change == "flip" and content:
            content[at] ^= 1 << draw(st.integers(0, 7))
        elif change == "other":
            content[at : at + n] = draw(st.binary(min_size=n, max_size=n))
        elif change == "cut":
            del content[at:]
        elif change == "drop":
            del content[at : at + n]
        elif change == "copy":
            content[at:at] = content[at : at + n] * draw(st.integers(1, 200))
        elif change in ("zeros", "ones"):
            content[at : at + n] = (b"\0" if change == "zeros" else b"\xff") * n
        else:
            content += draw(st.binary(max_size=32))
    return bytes(content)


@st.composite
def broken_json(draw: st.DrawFn, whole: list[bytes]) -> bytes:
    """JSON of a whole file with other values in a few of its places."""
    values = json.loads(draw(st.sampled_from(whole)))
    for _ in range(draw(st.integers(1, 3))):
        values = _changed(draw, values)
    return json.dumps(values).encode()


def _changed(draw: st.DrawFn, value: Any) -> Any:
    if not isinstance(value, dict | list) or not value or draw(st.integers(0, 7)) == 0:
        return draw(st.sampled_from(NASTY))
    if isinstance(value, dict):
        name = draw(st.sampled_from(sorted(value)))
        if draw(st.integers(0, 7)) == 0:
            return {key: inner for key, inner in value.items() if key != name}
        return {**value, name: _changed(draw, value[name])}
    at = draw(st.integers(0, len(value) - 1))
    return [*value[:at], _changed(draw, value[at]), *value[at + 1 :]]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", READERS)
def test_no_file_stops_its_reader(kind: str, tmp_path: Path) -> None:
    reader = READERS[kind]
    whole = reader.whole()
    assert whole, "there is no file to begin from"
    for content in whole:
        check(reader, content, tmp_path)
    strategy = broken_bytes(whole)
    if reader.name.endswith((".json", ".coreset")):
        strategy = st.one_of(broken_json(whole), broken_bytes(whole))
    end, seed = time.monotonic() + SECONDS, SEED
    while seed == SEED or time.monotonic() < end:
        print(f"FUZZ_SEED={seed}")

        @hypothesis.seed(seed)
        @settings(max_examples=PER_ROUND, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(strategy)
        def some_files(content: bytes) -> None:
            check(reader, content, tmp_path)

        some_files()
        seed += 1


@pytest.mark.parametrize(("kind", "file"), corpus(), ids=lambda each: each.name if isinstance(each, Path) else each)
def test_files_that_once_stopped_their_reader(kind: str, file: Path, tmp_path: Path) -> None:
    check(READERS[kind], file.read_bytes(), tmp_path)


def _removes_what_is_named(file: Path) -> None:
    Path(file.read_text()).unlink()


def _reads_what_is_named(file: Path) -> None:
    Path(file.read_text()).read_bytes()


@pytest.mark.parametrize("read", [_removes_what_is_named, _reads_what_is_named])
def test_a_reader_that_follows_a_name_out_of_the_folder_is_found(read: Any, tmp_path: Path) -> None:
    reader = Reader("named.txt", list, read)
    (tmp_path / "inside").mkdir()
    inside, outside = tmp_path / "inside" / "own", tmp_path / "outside"
    inside.touch()
    outside.touch()
    assert check(reader, str(inside).encode(), tmp_path / "inside") == "read"
    with pytest.raises(AssertionError, match=f"outside of the folder.*{outside}"):
        check(reader, str(outside).encode(), tmp_path / "inside")


def test_the_metadata_of_an_installation_for_development_may_be_read_and_not_written(tmp_path: Path) -> None:
    metadata = ROOT / "coreset_studio.egg-info" / "entry_points.txt"

    def reads(_file: Path) -> None:
        with suppress(OSError):  # only a clone with an environment of its own has it
            metadata.read_bytes()

    assert check(Reader("any.txt", list, reads), b"", tmp_path) == "read"
    with pytest.raises(AssertionError, match="outside of the folder"):
        check(Reader("any.txt", list, lambda _file: metadata.with_name("new").unlink(missing_ok=True)), b"", tmp_path)
