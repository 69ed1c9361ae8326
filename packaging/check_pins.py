"""Check that every pin of constraints.txt has a wheel on each system and Python: `python packaging/check_pins.py`.

For each target pip resolves the pins that apply there, with `--dry-run --platform … --only-binary :all:`, so nothing is
installed and no package is built. Then the requirements of the program and its extras are followed through the metadata
of these wheels, as the target would: what is installed there must be pinned. This requires a package index.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "packaging"))
from check_system import GLIBC, MACOS  # noqa: E402

STATED = ("", "macOS {}.{}".format(*MACOS), "glibc {}.{}".format(*GLIBC))
"""The oldest systems that installers check and documents state; nothing for Windows."""
EXTRAS = ("cpu", "dev", "models", "weights", "package", "fuzz", "cluster")
PYTHONS = ("3.11", "3.12", "3.13")
# pip takes older macOS versions from `macosx_14_0` by itself, but not older glibc versions from a newer one.
_GLIBC = (17, 24, 26, 27, 28, 31, 34, 35)
LONGEST_SECONDS = 240
"""How long pip may take for one target; it asks for more than a hundred packages."""
_VERSION = re.compile(r"(macosx|manylinux)_(\d+)_(\d+)_")
_NO_WHEEL = re.compile(r"No matching distribution found for ([\w.-]+)==")


@dataclass(frozen=True)
class System:
    """A system that the program is installed on.

    Attributes
    ----------
    name : str
    platforms : tuple of str
        Platform tags of wheels that it accepts.
    facts : dict of str to str
        What environment markers are evaluated with. pip's ``--platform`` chooses wheels alone; markers it evaluates for
        the system that it runs on.
    """

    name: str
    platforms: tuple[str, ...]
    facts: dict[str, str]


SYSTEMS = (
    System(
        "Windows x64", ("win_amd64",),
        {"sys_platform": "win32", "platform_system": "Windows", "platform_machine": "AMD64", "os_name": "nt"},
    ),
    System(
        "macOS 14 arm64", ("macosx_14_0_arm64",),
        {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64", "os_name": "posix"},
    ),
    System(
        "Linux x86_64", ("manylinux2014_x86_64", *(f"manylinux_2_{minor}_x86_64" for minor in _GLIBC)),
        {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64", "os_name": "posix"},
    ),
)  # fmt: skip


def environment(system: System, python: str) -> dict[str, str]:
    """Return what markers are evaluated with on a system and Python."""
    return {
        **system.facts,
        "python_version": python,
        "python_full_version": f"{python}.0",
        "implementation_name": "cpython",
        "implementation_version": f"{python}.0",
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_version": "",
        "extra": "",
    }


def pins(facts: dict[str, str]) -> dict[str, str]:
    """Return the pinned versions that apply in an environment, by canonical name."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]
    applying = [one for one in found if one.marker is None or one.marker.evaluate(facts)]
    return {canonicalize_name(one.name): str(one.specifier).removeprefix("==") for one in applying}


def roots() -> list[str]:
    """Return the requirements of the program and of its extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for extra in EXTRAS for line in project["optional-dependencies"][extra]]
    return [*project["dependencies"], *extras]


def resolve(system: System, python: str, pinned: dict[str, str]) -> tuple[dict[str, list[str]], list[str], list[str]]:
    """Ask pip for the wheels of all pins.

    Returns
    -------
    requirements : dict of str to list of str
        Of each pin that has a wheel, the requirements of that wheel.
    missing : list of str
        Pins without a wheel.
    wheels : list of str
        Names of the files.

    Raises
    ------
    RuntimeError
        If pip failed for another reason, such as a package index that cannot be reached.
    """
    left, missing = dict(pinned), []
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        while True:
            command = [
                sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--dry-run",
                "--timeout", "15", "--retries", "1",
                "--no-deps", "--ignore-installed", "--target", scratch, "--report", str(report),
                "--only-binary", ":all:", "--implementation", "cp", "--python-version", python,
                *(word for platform in system.platforms for word in ("--platform", platform)),
                *(f"{name}=={version}" for name, version in left.items()),
            ]  # fmt: skip
            try:
                answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LONGEST_SECONDS)
            except subprocess.TimeoutExpired:
                raise RuntimeError(f"pip was stopped after {LONGEST_SECONDS} s, for {system.name}.") from None
            if answer.returncode == 0:
                break
            without = _NO_WHEEL.search(answer.stderr)
            # pip also says that nothing matches where it could not ask.
            if without is None or "Retrying (" in answer.stderr:
                raise RuntimeError(f"pip failed for {system.name}, Python {python}: {answer.stderr[-2000:]}")
            name = canonicalize_name(without.group(1))
            missing.append(f"{name}=={left.pop(name)}")
        found = json.loads(report.read_text(encoding="utf-8"))["install"]
    wheels = [one["download_info"]["url"].rsplit("/", 1)[1] for one in found]
    facts = [one["metadata"] for one in found]
    return {canonicalize_name(one["name"]): one.get("requires_dist", []) for one in facts}, missing, wheels


def oldest_system(wheels: list[str]) -> str:
    """Return the oldest macOS or glibc on which all wheels run; empty if they are for any, as those for Windows are."""
    newest, kind = (0, 0), ""
    for wheel in wheels:
        platforms = unquote(wheel).removesuffix(".whl").rsplit("-", 1)[1].replace("manylinux2014", "manylinux_2_17")
        # A wheel with several tags runs wherever one of them fits.
        of_one = [
            ((int(tag[2]), int(tag[3])), tag[1])
            for tag in (_VERSION.match(each) for each in platforms.split("."))
            if tag is not None
        ]
        if of_one and min(of_one)[0] > newest:
            newest, kind = min(of_one)
    return f"{'macOS' if kind == 'macosx' else 'glibc'} {newest[0]}.{newest[1]}" if kind else ""


def unpinned(requirements: dict[str, list[str]], wanted: list[str], facts: dict[str, str]) -> list[str]:
    """Return what is installed in an environment without being pinned.

    Parameters
    ----------
    requirements : dict of str to list of str
        Of each pinned package, what it requires.
    wanted : list of str
        What is asked for.
    facts : dict of str to str
        What markers are evaluated with.
    """
    seen: set[tuple[str, str]] = set()
    without = set()
    waiting = [(line, "") for line in wanted]
    while waiting:
        line, extra = waiting.pop()
        one = Requirement(line)
        if one.marker is not None and not one.marker.evaluate({**facts, "extra": extra}):
            continue
        name = canonicalize_name(one.name)
        if name not in requirements:
            without.add(name)
        for asked in ("", *one.extras):
            if (name, asked) not in seen:
                seen.add((name, asked))
                waiting += [(each, asked) for each in requirements.get(name, [])]
    return sorted(without)


def check(system: System, python: str) -> dict[str, Any]:
    """Return the pins that apply on a system and Python: how many, those without a wheel, and what they require."""
    facts = environment(system, python)
    pinned = pins(facts)
    requirements, missing, wheels = resolve(system, python, pinned)
    known = {**{name: [] for name in pinned}, **requirements}
    without_pin = unpinned(known, roots(), facts)
    return {"pins": len(pinned), "no wheel": missing, "not pinned": without_pin, "requires": oldest_system(wheels)}


def main() -> int:
    """Print a row for each system and Python; return 1 if a pin has no wheel or a requirement is not pinned."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--system", choices=[one.name for one in SYSTEMS], help="check this system alone")
    parser.add_argument("--python", choices=PYTHONS, help="check this Python alone")
    options = parser.parse_args()
    print("| system | Python | pins | requires | no wheel | not pinned |\n|---|---|---|---|---|---|")
    is_good = True
    for system in (one for one in SYSTEMS if options.system in (None, one.name)):
        for python in PYTHONS if options.python is None else (options.python,):
            row = check(system, python)
            words = [", ".join(row[key]) or "–" for key in ("no wheel", "not pinned")]
            cells = [system.name, python, str(row["pins"]), row["requires"] or "–", *words]
            print(f"| {' | '.join(cells)} |", flush=True)
            is_good &= not row["no wheel"] and not row["not pinned"]
            if row["requires"] not in STATED:
                print(f"packaging/check_system.py and docs state {' and '.join(STATED)}; change them.", file=sys.stderr)
                is_good = False
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
