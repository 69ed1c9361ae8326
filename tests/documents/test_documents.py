"""Every command, option, target, module, path and link that the documents name exists."""

import argparse
import html
import importlib.util
import re
import shlex
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from coreset_studio.core.cli.parser import build_parser
from coreset_studio.core.version import __version__

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([
    *ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / ".github").rglob("*.md"),
    *(ROOT / "resources" / "help").rglob("*.html"),
])  # fmt: skip
FOLDERS = ("benchmarks", "core", "desktop_app", "docs", "packaging", "resources", "tests", ".github", ".ci")
# A command ends where the shell would start another, or where a document goes on with words.
_COMMAND = re.compile(r"(?<![\w./-])coreset (?P<rest>[a-z][^`\n|;&]*)")
_PLACEHOLDER = re.compile(r"[<>{}*…]|\.\.\.|NAME|VERSION")


def _code(file: Path) -> Iterator[str]:
    """Yield what a document sets as code, a line each."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".html":
        for found in re.findall(r"<(?:code|pre)[^>]*>(.*?)</(?:code|pre)>", text, re.DOTALL):
            yield from html.unescape(re.sub(r"<[^>]+>", "", found)).splitlines()
        return
    yield from re.findall(r"(?<!`)`([^`\n]+)`", text)
    for line in text.splitlines():
        if line.startswith("    "):
            yield line.strip().removeprefix("$ ")


@cache
def _commands() -> dict[str, set[str]]:
    """Return the options of each command, also of those inside others, such as `coreset weights list`."""

    def options(parser: argparse.ArgumentParser) -> set[str]:
        return {option for action in parser._actions for option in action.option_strings}

    found: dict[str, set[str]] = {}

    def walk(parser: argparse.ArgumentParser, above: str, inherited: set[str]) -> None:
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for name, inner in action.choices.items():
                    found[f"{above}{name}"] = inherited | options(inner)
                    walk(inner, f"{above}{name} ", found[f"{above}{name}"])

    walk(build_parser(defaultdict(lambda: lambda _: 0)), "", set())
    return found


def _named_commands(file: Path) -> Iterator[tuple[str, list[str]]]:
    for line in _code(file):
        for found in _COMMAND.finditer(line):
            # Two columns in the README: the command, and what it does.
            rest = re.split(r"\s{2,}|\s#", found["rest"])[0]
            try:
                words = shlex.split(rest)
            except ValueError:
                words = rest.split()
            yield rest, words


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_command_and_option_exists(file: Path) -> None:
    known = _commands()
    for line, words in _named_commands(file):
        command = words[0]
        assert command in known, f"coreset {line}"
        if len(words) > 1 and f"{command} {words[1]}" in known:
            command = f"{command} {words[1]}"
        for word in words:
            option = word.split("=")[0]
            if option.startswith("--") and not _PLACEHOLDER.search(option):
                assert option in known[command], f"{option} of coreset {line}"


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_target_and_module_exists(file: Path) -> None:
    targets = set(re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split())
    for line in _code(file):
        for target in re.findall(r"(?:^|\s)make ([a-z][\w-]*)", line):
            assert target in targets, f"make {target}"
        for module in re.findall(r"python[\d.]* -m ([\w.]+)", line):
            try:
                assert importlib.util.find_spec(module) is not None, module
            except ModuleNotFoundError:
                pytest.fail(module)


@pytest.mark.parametrize(
    "file", [each for each in DOCUMENTS if each.suffix == ".md"], ids=lambda file: str(file.relative_to(ROOT))
)
def test_every_path_and_link_exists(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:|#", link):
            assert (file.parent / link.partition("#")[0]).exists(), link
    for path in re.findall(r"(?<!`)`((?:" + "|".join(map(re.escape, FOLDERS)) + r")/[^`\s]*)`", text):
        if not _PLACEHOLDER.search(path):
            assert (ROOT / path.partition("::")[0]).exists(), path


def test_the_version_is_the_same_in_the_citation() -> None:
    cited = re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    assert cited is not None
    assert cited[1] == __version__


def test_a_command_an_option_or_a_path_that_there_is_not_is_found(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_text(
        "Run `coreset pick cells/` or\n\n    coreset select cells/ --share 0.1    words\n", encoding="utf-8"
    )
    lines = [line for line, _ in _named_commands(file)]
    assert lines == ["pick cells/", "select cells/ --share 0.1"]
    with pytest.raises(AssertionError, match="pick"):
        test_every_command_and_option_exists(file)
    file.write_text("`coreset select cells/ --share 0.1`", encoding="utf-8")
    with pytest.raises(AssertionError, match="--share"):
        test_every_command_and_option_exists(file)
    file.write_text("[words](none.md) and `core/none.py`, `make none`", encoding="utf-8")
    with pytest.raises(AssertionError, match=r"none\.md"):
        test_every_path_and_link_exists(file)
    with pytest.raises(AssertionError, match="make none"):
        test_every_target_and_module_exists(file)
