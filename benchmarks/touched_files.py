"""How many files a new metric, sampler, network and so on touches, measured by adding one of each.

    python -m benchmarks.touched_files [KIND ...] [--all-tests] [--out FILE]

Each folder in `benchmarks/additions` is the smallest honest addition of its kind: new files where they belong in the
repository, with a Help page and a test of its own that uses the addition as a user would, and for a setting the changes
to files that are there. For each kind the tracked files are copied into a temporary folder, the addition is put there,
and in that copy run its own test, the quick tests that know what there is of its kind (with --all-tests: all quick
tests), ruff, mypy and the import rules. What was touched is told by comparing the copy with the repository afterwards.

Expected: nothing beyond one file or folder, its Help page and its test, and no test that fails; else the exit code is
1. With all kinds the figures are written to `benchmarks/results/touched_files.md`.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ADDITIONS = ROOT / "benchmarks" / "additions"
RESULTS = ROOT / "benchmarks" / "results" / "touched_files.md"
QUICK = "not slow and not real_data and not xvfb and not frozen"
# Left behind by the tools themselves.
IGNORED = {"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".import_linter_cache", ".hypothesis", "build"}
# Tests that list descriptions of all kinds, settings, flags or pages; those that are not there yet are left out.
GENERAL = (
    "tests/core/descriptions",
    "tests/core/cli/test_flags.py",
    "tests/core/cli/test_plugins.py",
    "tests/core/cli/test_cli.py::test_every_command_explains_itself_with_an_example",
    "tests/core/test_project.py",
    "tests/core/test_reference.py",
    "tests/core/test_settings.py",
    "tests/core/test_settings_stored.py",
    "tests/desktop_app/dialogs/test_help_pages.py",
    "tests/desktop_app/dialogs/test_help_window.py",
    "tests/packaging/test_wheel.py",
)

HEAD = """\
# Files touched by an addition

Made by `python -m benchmarks.touched_files`, which adds one of each kind in a copy of the repository, with a Help page
and a test of its own, and runs tests and lint there. *Before* is the number of files in the version before descriptions
owned their facts. *Beyond* counts the files besides the one file or folder, the Help page and the test; for a setting
of a section besides its field, `docs/settings.md`, the code that reads it, and the test.

| kind | before | files touched | new | changed | beyond | tests of its own | other tests | failed |
|---|---|---:|---:|---:|---:|---:|---:|---:|"""


@dataclass(frozen=True)
class Kind:
    """What can be added.

    Attributes
    ----------
    name : str
        Its folder in `benchmarks/additions` has underscores for the blanks.
    before : str
        Files touched in the version before descriptions owned their facts, as counted then.
    home : tuple of str
        The one file or folder, and what else the goal allows beside Help page and test.
    known_by : tuple of str
        Existing tests that know what there is of the kind.
    written_by : str
        The module that writes a generated file anew; empty where none is to be run.
    """

    name: str
    before: str
    home: tuple[str, ...]
    known_by: tuple[str, ...]
    written_by: str = ""

    @property
    def folder(self) -> Path:
        """Where the addition lies."""
        return ADDITIONS / self.name.replace(" ", "_")

    @property
    def new(self) -> list[str]:
        """Return the new files, as they are called in the repository."""
        files = (file for file in self.folder.rglob("*") if file.is_file() and not IGNORED & set(file.parts))
        return sorted(file.relative_to(self.folder).as_posix() for file in files if file.name != "changes.diff")

    def is_expected(self, file: str) -> bool:
        """Return whether the goal allows it to touch a file."""
        at_home = any(file == place or file.startswith(f"{place}/") for place in self.home)
        return at_home or (file in self.new and file.startswith(("resources/help/", "tests/")))


SELECTING = ("tests/core/selection/test_descriptions.py", "tests/core/selection/test_samplers_all.py")
KINDS = (
    Kind(
        "metric",
        "8",
        ("core/training/metrics/mcc.py",),
        ("tests/core/training/test_metrics.py", "tests/core/training/test_evaluation.py",
         "tests/core/training/test_comparison.py", "tests/core/output/test_report.py",
         "tests/core/output/test_figures.py", "tests/core/output/test_tables.py"),
    ),
    Kind(
        "sampler setting",
        "7",
        ("core/selection/samplers/moderate", "resources/help/samplers/moderate.html"),
        (*SELECTING, "tests/core/selection/test_baselines.py", "tests/core/selection/test_orders.py"),
    ),
    Kind(
        "section setting",
        "not counted",
        # The field, the list of settings, and the code that reads it.
        ("core/settings/choices.py", "docs/settings.md", "core/selection/class_budgets.py"),
        ("tests/core/selection/test_budgets.py", "tests/core/selection/test_selecting.py"),
        written_by="coreset_studio.core.reference",
    ),
    Kind(
        "sampler",
        "2, and then 9 failing tests",
        ("core/selection/samplers/k_means_plus_plus",),
        (*SELECTING, "tests/core/test_palette.py", "tests/desktop_app/pages/test_coreset_help.py",
         "tests/desktop_app/pages/test_coreset_page.py::test_the_samplers_come_from_the_registry"),
    ),
    Kind(
        "network",
        "15 or more",
        ("core/training/architectures/nearest_neighbour",),
        ("tests/core/training/test_network_descriptions.py", "tests/core/training/test_plugin_networks.py",
         "tests/core/pipeline/test_plugin_networks.py", "tests/core/pipeline/test_run_keys.py",
         "tests/core/test_estimate.py"),
    ),
    Kind(
        "dataset source",
        "12 to 16",
        ("core/data/sources/lst",),
        ("tests/core/data/test_sources.py", "tests/core/data/sources", "tests/core/data/test_scanning.py"),
    ),
    Kind(
        "extractor",
        "not counted",
        ("core/features/extractors/grey_histogram",),
        ("tests/core/features/test_descriptions.py", "tests/core/features/test_extractors.py",
         "tests/core/features/test_weights.py", "tests/core/pipeline/test_recommended.py"),
    ),
    Kind(
        "export format",
        "not counted",
        ("core/output/formats/zip_archive",),
        ("tests/core/output/test_formats.py", "tests/core/output/test_export.py", "tests/core/output/test_verify.py",
         "tests/desktop_app/pages/test_coreset_export.py"),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Tested:
    """How many tests ran, and the names of those that failed."""

    n_run: int
    failed: tuple[str, ...]


@dataclass(frozen=True)
class Measured:
    """What one addition took.

    Attributes
    ----------
    new, changed : tuple of str
        Files.
    own, known : Tested
        Its own test, and the others.
    faults : tuple of str
        What ruff, mypy and the import rules find, with the tool's name in front.
    """

    kind: Kind
    new: tuple[str, ...]
    changed: tuple[str, ...]
    own: Tested
    known: Tested
    faults: tuple[str, ...]

    @property
    def touched(self) -> tuple[str, ...]:
        """All files."""
        return (*self.new, *self.changed)

    @property
    def beyond(self) -> tuple[str, ...]:
        """Those that the goal does not allow."""
        return tuple(file for file in self.touched if not self.kind.is_expected(file))

    @property
    def is_as_it_should_be(self) -> bool:
        """Whether the goal is reached."""
        is_tried = self.own.n_run > 0 and self.known.n_run > 0
        return is_tried and not (self.beyond or self.own.failed or self.known.failed or self.faults)


class Copy:
    """A copy of the repository's files that commands run in.

    Parameters
    ----------
    place : Path
        An empty folder. What tools keep for the next time stays there when the copy is made anew.
    """

    def __init__(self, place: Path) -> None:
        self.folder = place / "coreset-studio"
        self._kept = place / "kept"
        self._files = tracked()

    def make(self) -> None:
        """Make it anew, as the repository is."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for file in self._files:
            target = self.folder / file
            target.parent.mkdir(parents=True, exist_ok=True)
            # With its time, by which Python and mypy tell whether they know it.
            shutil.copy2(ROOT / file, target)
        self.run(str(ROOT / "packaging" / "link.py"), str(self.folder))
        found = self.run("-c", "import coreset_studio.core; print(coreset_studio.core.__file__)").stdout.strip()
        found = os.path.realpath(found)
        if found != str(self.folder / "core" / "__init__.py"):
            raise SystemExit(f"The copy would run the code of {found}.")

    def add(self, kind: Kind) -> None:
        """Put an addition there."""
        if not kind.new:
            raise SystemExit(f"There is no addition of a {kind.name} in {kind.folder}.")
        for test in kind.known_by:
            if not (self.folder / test.partition("::")[0]).exists():
                raise SystemExit(f"{test} is gone; name the tests that know what there is of the kind {kind.name}.")
        for file in kind.new:
            target = self.folder / file
            if target.exists():
                raise SystemExit(f"{file} is there already; the addition of a {kind.name} cannot be tried.")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(kind.folder / file, target)
        changes = kind.folder / "changes.diff"
        if changes.exists():
            command = ["git", "apply", "-C1", str(changes)]
            # Not relative to a repository that the temporary folder happens to lie in.
            environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(self.folder.parent)}
            done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(f"{changes} does not fit the files any more; change it with them.\n{done.stderr}")
        if kind.written_by:
            done = self.run("-m", kind.written_by)
            if done.returncode:
                raise SystemExit(f"python -m {kind.written_by} fails with the {kind.name}.\n{done.stderr}")

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run Python there, with the copy's own code."""
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(self.folder / "build" / "link"), str(self.folder))),
            "PYTHONPYCACHEPREFIX": str(self._kept / "python"),
            "MYPY_CACHE_DIR": str(self._kept / "mypy"),
            "RUFF_NO_CACHE": "true",
            "QT_QPA_PLATFORM": "offscreen",
        }
        return subprocess.run(
            [sys.executable, *words], cwd=self.folder, env=environment, capture_output=True, text=True
        )

    def differences(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the files that are new, and those that were changed or removed."""
        there = {
            file.relative_to(self.folder).as_posix(): file
            for file in self.folder.rglob("*")
            if file.is_file() and not IGNORED & set(file.relative_to(self.folder).parts)
        }
        changed = [file for file in self._files if file not in there or digest(there[file]) != digest(ROOT / file)]
        return tuple(sorted(set(there) - set(self._files))), tuple(changed)

    def test(self, places: Iterable[str]) -> Tested:
        """Run quick tests and return how they went."""
        chosen = [place for place in places if place[0] == "-" or (self.folder / place.partition("::")[0]).exists()]
        report = self._kept / "tests.xml"
        report.unlink(missing_ok=True)
        words = ["-q", "-m", QUICK, "-p", "no:cacheprovider", f"--junitxml={report}", *chosen]
        done = self.run("-m", "pytest", *words)
        if not report.exists():
            raise SystemExit(f"pytest did not come to an end.\n{done.stdout}\n{done.stderr}")
        cases = list(ET.parse(report).getroot().iter("testcase"))
        failed = [
            f"{case.get('classname')}::{case.get('name')}"
            for case in cases
            if case.find("failure") is not None or case.find("error") is not None
        ]
        return Tested(len(cases), tuple(failed))

    def faults(self, touched: Sequence[str]) -> tuple[str, ...]:
        """Return what the tools of `make lint` find in the files touched."""
        python = [file for file in touched if file.endswith(".py")]
        typed = [f"build/link/coreset_studio/{file}" for file in python if file.startswith("core/")]
        rules = "from importlinter.cli import lint_imports_command; lint_imports_command()"
        commands: Mapping[str, list[str]] = {
            "ruff check": ["-m", "ruff", "check", *python],
            "ruff format": ["-m", "ruff", "format", "--check", *python],
            "mypy": ["-m", "mypy", *typed],
            "lint-imports": ["-c", rules, "--no-cache"],
        }
        found = []
        for name, words in commands.items():
            done = self.run(*words)
            if done.returncode:
                found.append(f"{name}: {(done.stdout + done.stderr).strip()}")
        return tuple(found)


def tracked() -> list[str]:
    """Return the files of the repository: those that git knows, and new ones that it does not ignore."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return sorted({name for name in names if name and (ROOT / name).is_file()})


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def measure(kind: Kind, copy: Copy, *, all_tests: bool) -> Measured:
    """Add one of a kind, try it, and tell what it took."""
    copy.make()
    copy.add(kind)
    mine = [file for file in kind.new if file.startswith("tests/")]
    own = copy.test(mine)
    known = copy.test(["tests", *(f"--ignore={file}" for file in mine)] if all_tests else [*kind.known_by, *GENERAL])
    faults = copy.faults([file for files in copy.differences() for file in files])
    new, changed = copy.differences()
    return Measured(kind, new, changed, own, known, faults)


def markdown(found: Sequence[Measured]) -> str:
    """Return the figures as they are kept."""
    lines = [HEAD]
    for one in found:
        n_failed = len(one.own.failed) + len(one.known.failed)
        figures = (len(one.touched), len(one.new), len(one.changed), len(one.beyond), one.own.n_run, one.known.n_run)
        lines.append(f"| {one.kind.name} | {one.kind.before} | {' | '.join(map(str, figures))} | {n_failed} |")
    for one in found:
        lines += ["", f"## {one.kind.name[0].upper()}{one.kind.name[1:]}", ""]
        for words, files in (("new", one.new), ("changed", one.changed)):
            lines += [f"- `{file}` ({words}{'' if one.kind.is_expected(file) else ', beyond'})" for file in files]
    return "\n".join(lines) + "\n"


def tell(one: Measured, seconds: float) -> None:
    n_failed = len(one.own.failed) + len(one.known.failed)
    print(
        f"{one.kind.name}: {len(one.touched)} files touched ({len(one.new)} new, {len(one.changed)} changed), "
        f"{len(one.beyond)} beyond the goal; {one.own.n_run} tests of its own and {one.known.n_run} others, "
        f"{n_failed} failed; {seconds:.0f} s"
    )
    for file in one.beyond:
        print(f"  beyond: {file}")
    for name in (*one.own.failed, *one.known.failed):
        print(f"  failed: {name}")
    for fault in one.faults:
        print("  " + fault.replace("\n", "\n    "))
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [kind.name for kind in KINDS]
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=", ".join(names))
    parser.add_argument("--all-tests", action="store_true", help="run all quick tests of the repository")
    parser.add_argument("--out", type=Path, help=f"default with all kinds {RESULTS.relative_to(ROOT)}")
    chosen = parser.parse_args()
    unknown = sorted(set(chosen.kinds) - set(names))
    if unknown:
        parser.error(f"there is no kind {unknown[0]!r}; choose from {', '.join(names)}")
    found = []
    with tempfile.TemporaryDirectory() as place:
        copy = Copy(Path(place))
        for kind in KINDS:
            if not chosen.kinds or kind.name in chosen.kinds:
                started = time.perf_counter()
                found.append(measure(kind, copy, all_tests=chosen.all_tests))
                tell(found[-1], time.perf_counter() - started)
    out = chosen.out or (None if chosen.kinds else RESULTS)
    if out is not None:
        out.write_text(markdown(found), encoding="utf-8")
    return 0 if all(one.is_as_it_should_be for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
