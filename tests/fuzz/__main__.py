"""Give broken files to every reader and say what came of it: `make fuzz`.

    python -m tests.fuzz [READER ...] [--seconds N] [--seed N] [--write]

Atheris makes the files, guided by what of the reader each of them reaches, in a process for each reader with limits of
time and memory. It is there for Linux and Python 3.11 to 3.13 (`pip install '.[fuzz]'`); without it, and after it,
Hypothesis makes them. What a reader fails on lies in `out/fuzz`; the smallest such files, once mended, belong in
`tests/fuzz/corpus`. With --write the table goes to `benchmarks/results/fuzz.md`.

The exit code is 1 where a reader failed.
"""

import argparse
import importlib.util
import os
import platform
import random
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

from tests.fuzz.readers import READERS, ROOT, folder_of

OUT = ROOT / "out" / "fuzz"
RESULTS = ROOT / "benchmarks" / "results" / "fuzz.md"
# To import and instrument the program, which takes minutes on a busy machine; libFuzzer itself ends a file that hangs.
SLACK_SECONDS = 300
ENDED_BY = ("timeout-", "oom-", "crash-", "leak-")


@dataclass
class Found:
    """What came of the files for one reader; `failures` are files, one for each place that an error comes from."""

    name: str
    tried: int = 0
    read: int = 0
    refused: int = 0
    failures: tuple[str, ...] = ()


def guided(name: str, seconds: float, seed: int) -> Found:
    """Fuzz one reader with Atheris; where a file ends its process, go on with the next seed."""
    folder = OUT / folder_of(name)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if old.is_file():
            old.unlink()
    found, end = Found(name), time.monotonic() + seconds
    while (left := end - time.monotonic()) >= 1:
        with tempfile.TemporaryDirectory() as place:
            command = [sys.executable, "-m", "tests.fuzz.guided", name, str(round(left)), str(seed), str(folder)]
            environment = {**os.environ, "TMPDIR": place, "PYTHONHASHSEED": "0"}
            with (folder / "output").open("ab") as output:
                try:
                    code = subprocess.run(
                        command, cwd=ROOT, env=environment, stdout=output, stderr=output, timeout=left + SLACK_SECONDS
                    ).returncode
                except subprocess.TimeoutExpired:
                    code = -1
                    (folder / "hung").write_text("The process did not end; nothing tells by which file.")
        if (folder / "counts").is_file() and len(counts := (folder / "counts").read_bytes()) == 32:
            tried, read, refused, _ = struct.unpack("<4q", counts)
            found.tried, found.read, found.refused = found.tried + tried, found.read + read, found.refused + refused
        elif code:
            print((folder / "output").read_text(encoding="utf-8", errors="replace")[-2000:])
        if not code:
            break
        (folder / "counts").unlink(missing_ok=True)
        seed += 1
    failed = {file.name.removesuffix(".txt") for file in folder.glob("*.txt")}
    failed |= {file.name for file in folder.iterdir() if file.name.startswith(ENDED_BY) or file.name == "hung"}
    found.failures = tuple(sorted(failed))
    if not found.tried:
        found.failures += ("nothing was tried",)
    return found


def by_hypothesis(names: list[str], seconds: float, seed: int) -> int:
    """Run the tests of the readers for so long, and return how that ended."""
    environment = {**os.environ, "FUZZ_SECONDS": f"{seconds:.0f}", "FUZZ_SEED": str(seed)}
    chosen = [f"tests/fuzz/test_readers.py::test_no_file_stops_its_reader[{name}]" for name in names]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen], cwd=ROOT, env=environment
    ).returncode


def table(found: list[Found]) -> list[str]:
    """Return what came of it as a table in Markdown."""
    lines = ["| reader | files tried | read | refused in a sentence | failures |", "|---|---:|---:|---:|---:|"]
    lines += [f"| {one.name} | {one.tried:,} | {one.read:,} | {one.refused:,} | {len(one.failures)} |" for one in found]
    return lines


def markdown(found: list[Found], seconds: float) -> str:
    """Return the page that `--write` keeps."""
    n_failures = sum(len(one.failures) for one in found)
    machine = f"{platform.system()}, Python {platform.python_version()}"
    lines = [
        "# Broken files",
        "",
        "Made by `python -m tests.fuzz --write`: for every reader Atheris made files, guided by what of its code they",
        f"reach, for {seconds:.0f} s. A failure is a place in the code from which an error comes that is no sentence",
        "of the program, ten seconds, a gigabyte for what is refused, a file outside of the folder, or a crash.",
        "What a reader passes over counts as read: damaged runs and entries of the cache, which are made again.",
        "",
        *table(found),
        "",
        f"In all {sum(one.tried for one in found):,} files, {n_failures} failures. {machine}.",
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("readers", nargs="*", metavar="READER", help=", ".join(READERS))
    parser.add_argument("--seconds", type=float, default=float(os.environ.get("FUZZ_SECONDS", "60")), help="in all")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("FUZZ_SEED", "0")), help="default: any")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.relative_to(ROOT)}")
    chosen = parser.parse_args()
    unknown = sorted(set(chosen.readers) - set(READERS))
    if unknown:
        parser.error(f"there is no reader {unknown[0]!r}; choose from {', '.join(READERS)}")
    names = chosen.readers or list(READERS)
    seed = chosen.seed or random.randrange(1, 2**31)
    print(f"FUZZ_SEED={seed}", flush=True)
    if importlib.util.find_spec("atheris") is None:
        print("Atheris is not installed (it is there for Linux on x86-64 and ARM); Hypothesis alone makes the files.")
        return by_hypothesis(names, chosen.seconds, seed)
    found, each = [], chosen.seconds / 2 / len(names)
    for name in names:
        found.append(guided(name, each, seed))
        print(f"{name}: {found[-1].tried:,} files, {len(found[-1].failures)} failures", flush=True)
        for failure in found[-1].failures:
            print(f"  {(OUT / folder_of(name) / failure).relative_to(ROOT)}")
    print("", *table(found), "", sep="\n", flush=True)
    if chosen.write:
        RESULTS.write_text(markdown(found, each), encoding="utf-8")
    code = by_hypothesis(names, chosen.seconds / 2, seed)
    return 1 if code or any(one.failures for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())
