"""The workflows of GitHub: what cannot be run here is at least consistent with the repository."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SYSTEMS = ["ubuntu-22.04", "windows-2022", "macos-14"]


def jobs(name: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8"))
    found: dict[str, Any] = read["jobs"]
    return found


def steps(job: dict[str, Any]) -> list[str]:
    """Return the names of the steps that have one, in their sequence."""
    return [step["name"] for step in job["steps"] if "name" in step]


def named(job: dict[str, Any], name: str) -> dict[str, Any]:
    (step,) = [step for step in job["steps"] if step.get("name") == name]
    found: dict[str, Any] = step
    return found


def test_the_form_is_that_of_github() -> None:
    """As `make lint` checks it, and a key that does not exist is found."""
    tool = shutil.which("check-jsonschema", path=str(Path(sys.executable).parent))
    if tool is None:
        pytest.skip("check-jsonschema is not installed")
    command = [tool, "--builtin-schema", "vendor.github-workflows", *map(str, FILES)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize(("name", "job"), [("package", "build"), ("tests", "quick")])
def test_all_systems_are_tried_and_one_does_not_stop_the_others(name: str, job: str) -> None:
    strategy = jobs(name)[job]["strategy"]
    assert strategy["matrix"]["os"] == SYSTEMS
    assert strategy["fail-fast"] is False


def test_no_job_runs_for_ever() -> None:
    limits = [job.get("timeout-minutes") for file in FILES for job in jobs(file.stem).values()]
    assert len(limits) == 4
    assert all(isinstance(limit, int) and limit <= 120 for limit in limits)


def test_packages_are_kept_before_they_are_tried_and_a_slow_start_stops_nothing() -> None:
    build = jobs("package")["build"]
    names = steps(build)
    assert names.index("Sums") < names.index("Keep the packages") < names.index("Smoke test") < names.index("Start")
    assert "not within_two_seconds" in named(build, "Smoke test")["run"]
    assert named(build, "Start")["continue-on-error"] is True
    assert float(named(build, "Start")["env"]["CORESET_START_SECONDS"]) > 2
    assert named(jobs("tests")["quick"], "Keep the results")["if"] == "${{ !cancelled() }}"
    within = (ROOT / "tests" / "packaging" / "test_frozen.py").read_text(encoding="utf-8")
    assert "within_two_seconds(" in within


def test_every_supported_python_is_tried() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'requires-python = ">=3.11,<3.14"' in text
    assert jobs("tests")["quick"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]


def test_what_is_run_is_there() -> None:
    """Scripts exist, extras are those of the project, and the weights those of `make package`."""
    text = "".join(file.read_text(encoding="utf-8") for file in FILES)
    scripts = set(re.findall(r"packaging[/\\\\][\w./\\\\-]+\.(?:py|sh|iss)", text))
    assert len(scripts) == 4
    assert [name for name in scripts if not (ROOT / name.replace("\\", "/")).is_file()] == []
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for extras in re.findall(r"\.\[([\w,]+)\]", text):
        assert [extra for extra in extras.split(",") if f"\n{extra} = [" not in project] == []
    fetched = re.search(r"fetch_weights\.py ([\w -]+)\n", text)
    assert fetched is not None
    assert f"fetch_weights.py {fetched[1]} --quiet" in (ROOT / "Makefile").read_text(encoding="utf-8")
