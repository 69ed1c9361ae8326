"""A comparison goes on without the sampler of a plugin that fails, and says so."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.descriptions import resolve
from coreset_studio.core.pipeline.comparing import compare_stored, run_comparison
from coreset_studio.core.pipeline.stages import Prepared, prepare
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.selection.description import Sampler
from coreset_studio.core.selection.orders import OrderCache
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.selection.sampling import ClassPool, Order
from coreset_studio.core.settings import ClusterSettings, ComparisonSettings, FeatureSettings, Settings

WHY = (
    "Without Fragile and Matched (Fragile): The sampler Fragile of the plugin fragile-samplers 0.3 failed "
    "(ZeroDivisionError: too many). Update or remove the plugin, or select another sampler."
)


def fragile(pool: ClassPool, n: int) -> Order:
    """Return the first rows, unless more than five are wanted."""
    if n > 5:
        raise ZeroDivisionError("too many")
    return Order(np.arange(n), ("first",) * n)


@pytest.fixture(autouse=True)
def _plugin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    module = ModuleType("fragile_samplers")
    module.order = fragile  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    described = Sampler(
        name="fragile", title="Fragile", tip="Takes the first images.", does="fragile_samplers:order", nested=False,
        uses_embedding=False, class_budget="difficulty",
    )  # fmt: skip
    plugin = SimpleNamespace(name="fragile-samplers", version="0.3")
    entry = SimpleNamespace(name="fragile", value="fragile_samplers:order", dist=plugin, load=lambda: described)
    monkeypatch.setattr(metadata, "entry_points", lambda group: [entry] if group == SAMPLERS.group else [])
    resolve.cache_clear()
    SAMPLERS.reload()
    yield
    monkeypatch.undo()
    resolve.cache_clear()
    SAMPLERS.reload()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    place = tmp_path_factory.mktemp("plugins")
    make_demo(place / "demo", n_images=120, side=64)
    comparison = ComparisonSettings(samplers=("fragile",), fractions=(0.1, 0.5), networks=("head",), repetitions=1)
    settings = Settings(
        features=FeatureSettings(extractors=("colour-texture",)), clusters=ClusterSettings(k_max=3),
        comparison=comparison,
    )  # fmt: skip
    return prepare(Study(place / "demo", settings, place / "cache"))


@pytest.fixture
def prepared(demo: Prepared) -> Prepared:
    return replace(demo, orders=OrderCache())


def asking(prepared: Prepared, **changes: Any) -> Prepared:
    settings = prepared.study.settings
    wanted = replace(settings, comparison=replace(settings.comparison, **changes))
    return replace(prepared, study=replace(prepared.study, settings=wanted))


def test_rows_of_a_failing_sampler_are_left_out_and_named(prepared: Prepared, tmp_path: Path) -> None:
    """At half of the pool it fails, at a tenth it would not: none of its rows is shown."""
    told = []
    comparison = run_comparison(prepared, tmp_path, SimpleNamespace(report=lambda *_: None, publish=told.append))
    assert {(row.sampler, row.fraction) for row in comparison.rows} == {("stratified", 0.1), ("stratified", 0.5)}
    assert comparison.sentences[-1] == WHY
    assert sum("Without" in sentence for sentence in comparison.sentences) == 1
    assert {run.key.sampler for run in told} == {"stratified"}
    again = compare_stored(prepared, tmp_path)
    assert [run.key for run in again.runs] == [run.key for run in comparison.runs]
    assert again.sentences == comparison.sentences


def test_a_sampler_of_a_plugin_that_works_stands_among_the_others(prepared: Prepared, tmp_path: Path) -> None:
    comparison = run_comparison(asking(prepared, fractions=(0.1,)), tmp_path)
    assert [row.sampler for row in comparison.rows] == ["fragile", "stratified", "matched:fragile"]
    assert not any("Without" in sentence for sentence in comparison.sentences)
