"""Fuzz one reader, guided by what of its code each file reaches; started by `python -m tests.fuzz`.

    python -m tests.fuzz.guided READER SECONDS SEED FOLDER

The process ends with the fuzzing. Files that the reader fails on go to FOLDER, the smallest for each failure; how many
were tried stands in FOLDER/counts. What cannot be caught (ten seconds, the limit of memory, a crash) ends the process,
and libFuzzer leaves the file in FOLDER too.
"""

import io
import json
import random
import struct
import sys
import tempfile
import traceback
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(
    include=["coreset_studio", "PIL.PngImagePlugin", "PIL.TiffImagePlugin", "PIL.JpegImagePlugin", "PIL.GifImagePlugin",
             "PIL.BmpImagePlugin", "PIL.WebPImagePlugin", "numpy.lib._format_impl"],
    enable_loader_override=False,
):  # fmt: skip
    from tests.fuzz.readers import MEMORY_LIMIT, NASTY, READERS, SECONDS_LIMIT, check, corpus

COUNTS = ("tried", "read", "refused", "failed")
LONGEST = 1 << 16


class Fuzzing:
    """Files for one reader, and what came of them.

    Parameters
    ----------
    name : str
        Of the reader.
    folder : Path
        For what fails.
    place : Path
        An empty folder to read in.
    """

    def __init__(self, name: str, folder: Path, place: Path) -> None:
        self._reader = READERS[name]
        self._folder = folder
        self._place = place
        self._counts = dict.fromkeys(COUNTS, 0)
        self._known: dict[str, int] = {}
        self._stream = (folder / "counts").open("wb", buffering=0)

    def try_one(self, content: bytes) -> None:
        """Let the reader read one file."""
        self._counts["tried"] += 1
        try:
            self._counts[check(self._reader, content, self._place)] += 1
        except Exception as error:
            self._counts["failed"] += 1
            self._keep(content, error)
        # In a file, since the process may be ended at any moment by what it reads.
        self._stream.seek(0)
        self._stream.write(struct.pack("<4q", *self._counts.values()))

    def _keep(self, content: bytes, error: Exception) -> None:
        """Keep the smallest file for each place in the code that an error comes from."""
        last = traceback.extract_tb(error.__traceback__)[-1]
        said = str(error) if isinstance(error, AssertionError) else ""
        key = f"{type(error).__name__}-{Path(last.filename).stem}-{last.lineno}-{zlib.crc32(said[:40].encode()):08x}"
        if len(content) < self._known.get(key, LONGEST + 1):
            self._known[key] = len(content)
            (self._folder / key).write_bytes(content)
            (self._folder / f"{key}.txt").write_text("".join(traceback.format_exception(error)), encoding="utf-8")


def mutated(data: bytes, max_size: int, seed: int) -> bytes:
    """Return a file with something changed in it, in its own form now and then: checksums would hide the rest."""
    chance = random.Random(seed)
    way = chance.random()
    try:
        if way < 0.5 and data[:1] in (b"{", b"["):
            return json.dumps(_changed_values(chance, json.loads(data))).encode()[:max_size]
        if way < 0.8 and data[:2] == b"PK":
            return _changed_archive(chance, data, max_size)[:max_size]
        if way < 0.8 and data[:4] == b"\x89PNG":
            return _with_checksums(atheris.Mutate(data, max_size))[:max_size]
    except Exception:
        return atheris.Mutate(data, max_size)
    return atheris.Mutate(data, max_size)


def _changed_values(chance: random.Random, value: Any) -> Any:
    if not isinstance(value, dict | list) or not value or chance.random() < 0.1:
        return chance.choice(NASTY)
    if isinstance(value, dict):
        name = chance.choice(sorted(value))
        if chance.random() < 0.1:
            return {key: inner for key, inner in value.items() if key != name}
        return {**value, name: _changed_values(chance, value[name])}
    at = chance.randrange(len(value))
    return [*value[:at], _changed_values(chance, value[at]), *value[at + 1 :]]


def _changed_archive(chance: random.Random, data: bytes, max_size: int) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(each, archive.read(each)) for each in archive.infolist()]
    at = chance.randrange(len(members))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number, (each, content) in enumerate(members):
            new = atheris.Mutate(content, max_size) if number == at else content
            archive.writestr(each.filename, new, each.compress_type)
    return stream.getvalue()


def _with_checksums(data: bytes) -> bytes:
    """Return a PNG whose chunks have the checksums that belong to them."""
    whole, at = bytearray(data), 8
    while at + 12 <= len(whole):
        length = int.from_bytes(whole[at : at + 4], "big")
        end = at + 8 + length
        if end + 4 > len(whole):
            break
        whole[end : end + 4] = zlib.crc32(whole[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(whole)


def main() -> None:
    name, seconds, seed, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    warnings.simplefilter("ignore")
    place = Path(tempfile.mkdtemp())  # below that of the process that started this one, and removed with it
    grown, seeds = folder / "grown", place / "seeds"
    grown.mkdir(parents=True, exist_ok=True)
    seeds.mkdir()
    known = [file.read_bytes() for kind, file in corpus() if kind == name]
    for number, content in enumerate([*READERS[name].whole(), *known]):
        (seeds / str(number)).write_bytes(content)
    fuzzing = Fuzzing(name, folder, place)
    options = [
        f"-max_total_time={seconds}",
        f"-seed={seed}",
        f"-timeout={SECONDS_LIMIT:.0f}",
        # What is read may take more than what is refused, which `check` looks at.
        f"-rss_limit_mb={2 * MEMORY_LIMIT // 1_000_000}",
        f"-max_len={LONGEST}",
        f"-artifact_prefix={folder}/",
        "-print_final_stats=0",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], *options, str(grown), str(seeds)], fuzzing.try_one, custom_mutator=mutated)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
