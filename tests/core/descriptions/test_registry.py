"""Registries: what is found, in which order, what is left out and how that is told."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import resources
from typing import Any

import pytest

from coreset_studio.core.descriptions import (
    NO_PLUGINS,
    Cost,
    Description,
    Registry,
    all_kinds,
    plugin_problems,
    plugins_used,
    registry,
    resolve,
    takes_plugins,
)
from coreset_studio.core.selection.description import Sampler
from coreset_studio.core.selection.samplers import SAMPLERS

Install = Callable[[Registry[Any], str, Mapping[str, str], Mapping[str, str]], None]
KINDS = list(all_kinds())
DESCRIBED = [(kind, name) for kind, known in all_kinds().items() for name in known]
SAMPLER = """
from coreset_studio.core.selection.description import Sampler

{name} = Sampler(name="{of}", title="{title}", tip="Takes the first.", does="plug.code:order", uses_embedding=False)
"""


def test_importing_all_descriptions_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from coreset_studio.core.descriptions import all_kinds\n"
        "n = sum(len(known) for known in all_kinds().values())\n"
        "heavy = {'numpy', 'scipy', 'sklearn', 'cv2', 'h5py', 'PIL', 'matplotlib', 'tensorflow', 'keras', 'PySide6'}\n"
        "print(n, sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split(maxsplit=1) == [str(len(DESCRIBED)), "[]\n"]


@pytest.mark.parametrize(("kind", "name"), DESCRIBED)
def test_a_description_has_its_facts_its_page_and_its_code(kind: str, name: str) -> None:
    description = registry(kind)[name]
    assert description.name == name
    assert description.title
    assert description.tip
    package, _, file = description.help.partition(":")
    page = resources.files(package).joinpath(file).read_text(encoding="utf-8")
    assert f"<h1>{description.title}</h1>" in page.replace("&nbsp;", " ").replace("&#39;", "'")
    assert description.code is resolve(description.does)
    if description.settings is not None:
        description.settings()


@pytest.mark.parametrize("kind", KINDS)
def test_names_are_told_apart_and_titles_too(kind: str) -> None:
    known = registry(kind)
    assert len(known) > 0
    titles = [description.title for description in known.values()]
    assert len(set(titles)) == len(titles)
    assert [each.place for each in known.values()] == sorted(each.place for each in known.values())
    assert known.unknown("nothing").startswith(("There is no ",))
    assert all(name in known.unknown("nothing") for name in known)


def test_a_plugin_is_found_behind_the_programs_own_and_named(install_plugin: Install) -> None:
    before = list(SAMPLERS)
    module = {"__init__.py": SAMPLER.format(name="FIRST", of="first", title="First")}
    install_plugin(SAMPLERS, "plug", module, {"first": "plug:FIRST"})
    assert list(SAMPLERS) == [*before, "first"]
    assert str(SAMPLERS.plugins["first"]) == "plug 1.2"
    assert SAMPLERS.problems == ()
    assert plugins_used({"sampler": ("first", "herding")}) == {"sampler first": SAMPLERS.plugins["first"]}


@pytest.mark.parametrize(
    ("text", "value", "sentence"),
    [
        ("raise RuntimeError('no')", "plug:FIRST", "was not loaded (RuntimeError: no)"),
        ("import nowhere_at_all", "plug:FIRST", "was not loaded (ModuleNotFoundError"),
        ("OTHER = 3", "plug:FIRST", "was not loaded (AttributeError"),
        ("raise SystemExit(3)", "plug:FIRST", "was not loaded (SystemExit: 3)"),
        ("FIRST = 3", "plug:FIRST", "plug:FIRST is not a coreset_studio.core.selection.description.Sampler"),
        (SAMPLER.format(name="FIRST", of="herding", title="M"), "plug:FIRST", "the name herding is taken by"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named_and_left_out(
    install_plugin: Install, text: str, value: str, sentence: str
) -> None:
    before = list(SAMPLERS)
    install_plugin(SAMPLERS, "plug", {"__init__.py": text}, {"first": value})
    assert list(SAMPLERS) == before
    (problem,) = SAMPLERS.problems
    assert problem.sentence.startswith("The sampler first of the plugin plug 1.2 was not loaded")
    assert sentence in problem.sentence
    assert problem in plugin_problems()
    assert SAMPLERS.unknown("first") == problem.sentence
    assert SAMPLERS["herding"].title == "Herding"


def test_of_two_plugins_of_one_name_the_first_is_taken(install_plugin: Install) -> None:
    for package in ("plug_a", "plug_b"):
        module = {"__init__.py": SAMPLER.format(name="FIRST", of="first", title=package)}
        install_plugin(SAMPLERS, package, module, {"first": f"{package}:FIRST"})
    assert SAMPLERS["first"].title == "plug_a"
    (problem,) = SAMPLERS.problems
    assert "of the plugin plug_b 1.2 was not loaded: the name first is taken by plug_a 1.2." in problem.sentence


def test_the_packaged_program_takes_none_and_says_so(install_plugin: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    module = {"__init__.py": SAMPLER.format(name="FIRST", of="first", title="First")}
    install_plugin(SAMPLERS, "plug", module, {"first": "plug:FIRST"})
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    SAMPLERS.reload()
    assert not takes_plugins()
    assert "first" not in SAMPLERS
    assert NO_PLUGINS[1:].rstrip(".") in SAMPLERS.unknown("first")


def test_a_cost_is_a_polynomial() -> None:
    cost = Cost(seconds=1, seconds_per_image=0.5, seconds_per_pair=0.25, bytes_fixed=100, bytes_per_pair=2)
    assert cost.seconds_for(4) == 1 + 2 + 4
    assert cost.bytes_for(4) == 132


def test_a_cost_counts_pairs_as_far_as_they_are_held() -> None:
    cost = Cost(bytes_fixed=100, bytes_per_image=10, bytes_per_number=8, bytes_per_pair=2, pairs_up_to=4)
    assert cost.bytes_for(4, 3) == 100 + 40 + 8 * 12 + 2 * 16
    assert cost.bytes_for(5) == 150
    in_parts = replace(cost, in_parts=True)
    assert in_parts.bytes_for(5) == 150 + 2 * 9
    assert in_parts.bytes_for(8) == 180 + 2 * 16
    assert in_parts.bytes_for(9) == 190 + 2 * 9


def test_code_is_named_and_found(install_plugin: Install) -> None:
    assert resolve("coreset_studio.core.selection.description:Sampler") is Sampler
    assert resolve("coreset_studio.core.descriptions:Cost.seconds_for") is Cost.seconds_for
    with pytest.raises(ImportError):
        resolve("coreset_studio.core.nothing:x")
    description = Description(name="a", title="A", tip="A", does="coreset_studio.core.descriptions:Cost")
    assert description.code is Cost
