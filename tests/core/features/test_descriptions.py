"""Extractors as described: what is said of each is there and true, and reading it imports nothing heavy."""

import re
import subprocess
import sys
from collections.abc import Mapping
from importlib.resources import files

import pytest

from coreset_studio.core.descriptions import registry
from coreset_studio.core.features.description import Extractor
from coreset_studio.core.features.extractors import EXTRACTORS, recommended, recommended_without_weights
from coreset_studio.core.features.weight_sets import WEIGHT_SETS

NAMES = ("vgg16", "vgg16-avg", "resnet101v2", "mobilenetv2", "efficientnet-lite0", "colour-texture")
HEAVY = ("numpy", "cv2", "h5py", "tensorflow", "keras", "scipy", "sklearn", "PySide6")


def page_of(extractor: Extractor) -> str:
    package, _, name = extractor.help.partition(":")
    return files(package).joinpath(name).read_text(encoding="utf-8")


def table_of(page: str) -> Mapping[str, str]:
    """What an extractor needs and returns, as its page says."""
    rows = re.findall(r'<tr><td class="quiet">(.*?)</td><td>(.*?)</td></tr>', page)
    return {name: value.replace("&nbsp;", " ") for name, value in rows}


def test_the_registry_is_that_of_the_kind() -> None:
    assert registry("extractor") is EXTRACTORS
    assert tuple(EXTRACTORS)[: len(NAMES)] == NAMES


def test_reading_every_description_imports_nothing_heavy() -> None:
    code = (
        "import dataclasses, sys\n"
        "from coreset_studio.core.descriptions import registry\n"
        "for each in registry('extractor').values():\n"
        "    [getattr(each, field.name) for field in dataclasses.fields(each)]\n"
        "    each.n_features, each.in_words, each.cost.bytes_for(1)\n"
        "from coreset_studio.core.features.extractors import recommended\n"
        "recommended()\n"
        f"print(*sorted(set({HEAVY}) & set(sys.modules)), len(registry('extractor')))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split() == [str(len(EXTRACTORS))]


@pytest.mark.parametrize("name", NAMES)
def test_every_extractor_has_its_facts(name: str) -> None:
    extractor = EXTRACTORS[name]
    assert extractor.title
    assert re.fullmatch(r"[A-Z].*[^.]\.", extractor.tip)
    assert extractor.licence
    assert extractor.source
    assert extractor.cost.seconds_per_image > 0
    assert extractor.cost.bytes_fixed > 0
    if extractor.derived_from:
        assert EXTRACTORS[extractor.derived_from].weights == extractor.weights
        assert len(EXTRACTORS[extractor.derived_from].blocks) == len(extractor.blocks) == 1


@pytest.mark.parametrize("name", NAMES)
def test_the_code_is_what_the_description_says(name: str) -> None:
    extractor = EXTRACTORS[name]
    weight_set = extractor.weight_set
    assert (weight_set.name if weight_set is not None else "") == extractor.weights
    assert weight_set is (WEIGHT_SETS[extractor.weights] if extractor.weights else None)
    if extractor.backbone:
        assert extractor.network is not None
        assert extractor.network.weights is weight_set


@pytest.mark.parametrize("name", NAMES)
def test_the_help_page_says_what_the_description_does(name: str) -> None:
    extractor = EXTRACTORS[name]
    page = page_of(extractor)
    assert page.startswith(f"<h1>{extractor.title}</h1>\n")
    headings = re.findall(r"<h2>(.*?)</h2>", page)
    assert headings == ["When to use it", "When to avoid it", "At a glance", "Source"]
    told = table_of(page)
    assert re.match(rf"{extractor.n_features:,}\b", told["Features per image"])
    assert str(extractor.input_size) in told["Image size"]
    assert told["Time"].startswith(f"about {extractor.cost.seconds_per_image:g} s per image")
    assert told["Memory"] == f"about {extractor.cost.bytes_fixed / 1e6:,.0f} MB"
    assert told["Licence"] == extractor.licence
    assert told["Backbone of the transfer network"].startswith("yes") == extractor.backbone
    weights = EXTRACTORS[name].weight_set
    assert told["Weights"].startswith(f"{weights.title}, {weights.n_bytes / 1e6:.0f} MB" if weights else "none")
    source = page.partition("<h2>Source</h2>")[2]
    for mark in re.findall(r"[A-Z][a-z]+|\d{4}(?:\.\d+)?", extractor.source):
        assert mark in source


def test_pages_stand_for_extractors_alone() -> None:
    pages = {each.name for each in files("coreset_studio.resources").joinpath("help/extractors").iterdir()}
    assert pages == {f"{name}.html" for name in EXTRACTORS}


def test_colour_texture_tells_its_blocks_on_its_page() -> None:
    extractor = EXTRACTORS["colour-texture"]
    told = re.findall(r'<td class="symbol">(\w+)</td><td>(\d+) features', page_of(extractor))
    assert {block: int(width) for block, width in told} == extractor.blocks


def test_what_is_recommended_works_in_its_order() -> None:
    assert recommended() == ("vgg16", "vgg16-avg", "colour-texture")
    assert recommended_without_weights() == ("colour-texture",)


def test_the_paper_used_one_extractor_and_one_backbone() -> None:
    used = [(each.name, each.paper) for each in EXTRACTORS.values() if each.paper]
    assert used == [("vgg16", "extractor"), ("resnet101v2", "backbone")]
