"""Kept orders: one for all that a sampler is given, and a sampler is given what it says that it uses."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib import metadata
from importlib.metadata import EntryPoint, EntryPoints
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from coreset_studio.core import memory
from coreset_studio.core.descriptions import SettingsPart, choice
from coreset_studio.core.errors import MemoryShortError, SamplerFailedError, SelectionError
from coreset_studio.core.selection.description import Sampler
from coreset_studio.core.selection.kernel import Kernel, Kernels
from coreset_studio.core.selection.orders import OrderCache, put_in_order, sampler_bytes
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.selection.sampling import ClassPool, Order
from coreset_studio.core.settings import SelectionSettings, with_own

MakeSampler = Callable[..., Sampler]
Plug = Callable[[Sampler], Sampler]


@dataclass(frozen=True, kw_only=True)
class Tilt(SettingsPart):
    """Settings that no other sampler has; the second is without the facts of one, as a careless plugin may have it."""

    tilt: int = choice(0, neutral=0, title="Tilt", tip="Where to begin")
    bare: int = 0


def tilted(pool: ClassPool, n: int, settings: Tilt) -> Order:
    """Return rows from a place on that the settings say."""
    rows = np.roll(np.arange(pool.n_images), -(settings.tilt + settings.bare))[:n]
    return Order(rows, ("tilted",) * len(rows))


def make_pool(n: int = 12, seed: int = 3) -> ClassPool:
    random = np.random.default_rng(5)
    labels = np.sort(random.integers(0, 3, n))
    labels[:3] = [0, 1, 2]
    return ClassPool("cells", random.normal(size=(n, 4)).astype(np.float32), labels, np.array([0, 1, 2]), seed)


# --- one order for all that the sampler is given ----------------------------------------------------------------


@pytest.mark.parametrize("setting", ["tilt", "bare"])
def test_another_value_of_its_own_setting_is_another_order(make_sampler: MakeSampler, setting: str) -> None:
    sampler, pool, orders = make_sampler(tilted, settings=Tilt), make_pool(), OrderCache()

    def order(value: int) -> Order:
        return orders.get(sampler, pool, 4, SelectionSettings(own={"made": Tilt(**{setting: value})}))

    assert order(0).rows[:4].tolist() == [0, 1, 2, 3]
    assert order(5).rows[:4].tolist() == [5, 6, 7, 8]
    assert order(5) is order(5)
    assert order(0) is orders.get(sampler, pool, 4, SelectionSettings())


def test_settings_of_other_samplers_make_no_new_order(make_sampler: MakeSampler) -> None:
    pool, orders = make_pool(), OrderCache()
    changed = with_own(SelectionSettings(), "balanced-herding", mu=0.7)
    changed = with_own(changed, "intelligent", budget_over_clusters="neyman")
    for name in ("herding", "stratified", "medoid"):
        assert orders.get(SAMPLERS[name], pool, 4, changed) is orders.get(SAMPLERS[name], pool, 4, SelectionSettings())
    for name in ("balanced-herding", "intelligent"):
        one, other = (orders.get(SAMPLERS[name], pool, 4, each) for each in (changed, SelectionSettings()))
        assert one is not other


def test_what_a_sampler_does_not_use_makes_no_new_order() -> None:
    pool, orders = make_pool(), OrderCache()
    other_seed = replace(pool, seed=pool.seed + 1)
    other_clusters = replace(pool, labels=pool.labels[::-1].copy(), medoids=np.array([11, 10, 9]))
    herding, stratified, intelligent = (SAMPLERS[name] for name in ("herding", "stratified", "intelligent"))

    def is_shared(sampler: Sampler, other: ClassPool) -> bool:
        wanted = SelectionSettings()
        return orders.get(sampler, pool, 4, wanted) is orders.get(sampler, other, 4, wanted)

    assert is_shared(herding, other_seed)
    assert is_shared(herding, other_clusters)
    assert not is_shared(stratified, other_seed)
    assert is_shared(stratified, replace(pool, embedding=pool.embedding.copy()))
    assert not is_shared(herding, replace(pool, embedding=pool.embedding.copy()))
    assert not is_shared(intelligent, other_clusters)


# --- a sampler sees what it says that it uses --------------------------------------------------------------------


@pytest.mark.parametrize("uses_seed", [False, True])
@pytest.mark.parametrize("uses_embedding", [False, True])
@pytest.mark.parametrize("uses_clusters", [False, True])
def test_a_sampler_is_given_what_it_says_that_it_uses(
    make_sampler: MakeSampler, uses_clusters: bool, uses_embedding: bool, uses_seed: bool
) -> None:
    seen: list[ClassPool] = []

    def look(pool: ClassPool, n: int) -> Order:
        seen.append(pool)
        return Order(np.arange(n), ("",) * n)

    facts = {"uses_clusters": uses_clusters, "uses_embedding": uses_embedding, "uses_seed": uses_seed}
    pool, orders = make_pool(), OrderCache()
    orders.kernels = Kernels()
    orders.get(make_sampler(look, **facts), pool, 2, SelectionSettings())
    (given,) = seen
    assert given.class_name == "cells"
    assert given.n_images == 12
    assert given.labels.tolist() == (pool.labels.tolist() if uses_clusters else [0] * 12)
    assert given.medoids.tolist() == ([0, 1, 2] if uses_clusters else [0])
    assert given.embedding is pool.embedding if uses_embedding else given.embedding.shape == (12, 0)
    assert (given.make_kernel is Kernel) != uses_embedding
    assert given.seed == (3 if uses_seed else 0)


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_what_samplers_say_that_they_use_is_all_that_they_use(name: str) -> None:
    """With everything that a class has they choose the same."""
    sampler, pool = SAMPLERS[name], make_pool(40)
    own = () if sampler.settings is None else (sampler.settings(),)
    for n in (1, 7, 40):
        whole, seen = sampler.code(pool, n, *own), sampler.order(pool, n)
        assert whole.rows.tolist() == seen.rows.tolist()
        assert whole.reasons == seen.reasons


def test_a_sampler_over_the_whole_pool_cannot_ask_for_what_the_pool_has_not(make_sampler: MakeSampler) -> None:
    for facts in ({"uses_embedding": True}, {"uses_embedding": False, "uses_clusters": True}):
        with pytest.raises(ValueError, match="the sampler made selects from the whole pool"):
            make_sampler(tilted, scope="pool", **facts)


# --- what a sampler gives ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (np.arange(3), "3 rows with 3 reasons; expected 4"),
        (np.array([0, 1, 1, 2]), "not distinct integers from 0 to 11"),
        (np.array([0, 1, 2, 12]), "not distinct integers from 0 to 11"),
        (np.array([-1, 1, 2, 3]), "not distinct integers from 0 to 11"),
        (np.arange(4.0), "not distinct integers from 0 to 11"),
    ],
)
def test_rows_that_cannot_be_are_refused(make_sampler: MakeSampler, rows: np.ndarray, says: str) -> None:
    sampler = make_sampler(lambda _pool, _n: Order(rows, ("",) * len(rows)))
    with pytest.raises(ValueError, match=says):
        put_in_order(sampler, make_pool(), 4)


def test_a_sampler_that_is_not_nested_cannot_say_that_it_is(make_sampler: MakeSampler) -> None:
    """Otherwise a coreset would depend on what was chosen before it."""

    def turned(_pool: ClassPool, n: int) -> Order:
        return Order(np.arange(n)[::-1], ("",) * n)

    orders, pool = OrderCache(), make_pool()
    orders.get(make_sampler(turned), pool, 4, SelectionSettings())
    with pytest.raises(ValueError, match="declared nested"):
        orders.get(make_sampler(turned), pool, 9, SelectionSettings())
    honest = make_sampler(turned, nested=False)
    assert orders.get(honest, pool, 9, SelectionSettings()).rows.tolist() == list(range(9))[::-1]


# --- samplers of plugins -----------------------------------------------------------------------------------------


def broken(_pool: ClassPool, _n: int) -> Order:
    return {}["no such key"]  # type: ignore[no-any-return]


def refusing(_pool: ClassPool, _n: int) -> Order:
    raise SelectionError("There are too few images for this.")


def hungry(_pool: ClassPool, _n: int) -> Order:
    raise MemoryError


def greedy(pool: ClassPool, _n: int) -> Order:
    return Order(np.arange(pool.n_images), ("",) * pool.n_images)


@pytest.fixture
def plug_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Plug]:
    """Register a sampler as an installed package does."""
    described: dict[str, Sampler] = {}

    class Made(EntryPoint):
        def load(self) -> Any:
            return described[self.name]

    def entry_points(group: str) -> EntryPoints:
        plugin: Any = SimpleNamespace(name="tilted-samplers", version="1.2")
        entries = (Made(name, "tilted:DESCRIPTION", group)._for(plugin) for name in described)
        return EntryPoints(entries if group == SAMPLERS.group else ())

    def plug(sampler: Sampler) -> Sampler:
        described[sampler.name] = sampler
        SAMPLERS.reload()
        return sampler

    monkeypatch.setattr(metadata, "entry_points", entry_points)
    yield plug
    monkeypatch.undo()
    SAMPLERS.reload()


def test_a_failing_sampler_of_a_plugin_is_named(make_sampler: MakeSampler, plug_in: Plug) -> None:
    sampler = plug_in(make_sampler(broken))
    with pytest.raises(SamplerFailedError) as caught:
        OrderCache().get(sampler, make_pool(), 4, SelectionSettings())
    assert str(caught.value) == (
        "The sampler Made of the plugin tilted-samplers 1.2 failed (KeyError: 'no such key'). "
        "Update or remove the plugin, or select another sampler."
    )
    with pytest.raises(SamplerFailedError, match=r"of the plugin .* it returned 12 rows with 12 reasons; expected 4"):
        put_in_order(plug_in(make_sampler(greedy)), make_pool(), 4)


def test_what_a_plugin_says_on_purpose_is_said_as_it_is(make_sampler: MakeSampler, plug_in: Plug) -> None:
    with pytest.raises(SelectionError, match=r"^There are too few images for this\.$"):
        put_in_order(plug_in(make_sampler(refusing)), make_pool(), 4)
    with pytest.raises(
        MemoryShortError, match=r"^Selecting from class cells \(12 images\) by made needs more memory than"
    ):
        put_in_order(plug_in(make_sampler(hungry)), make_pool(), 4)


def test_a_sampler_that_needs_more_than_is_free_is_not_called(
    make_sampler: MakeSampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = np.zeros((2_000, 3), dtype=np.float32)
    pool = replace(ClassPool.plain("a", len(rows), 0), embedding=rows)
    monkeypatch.setattr(memory, "free_memory", lambda: memory.FreeMemory(50_000_000))
    called = []

    def counted(pool: ClassPool, n: int) -> Order:
        called.append(n)
        return greedy(pool, n)

    sampler = make_sampler(counted, SAMPLERS["facility-location"])
    with pytest.raises(MemoryShortError) as caught:
        put_in_order(sampler, pool, 2_000)
    assert not called
    assert "by facility location needs about 127 MB of memory, but 50 MB are free" in str(caught.value)
    assert "select by stratified random instead" in str(caught.value)
    monkeypatch.setattr(memory, "free_memory", lambda: memory.FreeMemory(150_000_000))
    put_in_order(sampler, pool, 2_000)
    assert called == [2_000]


def test_a_fault_of_the_programs_own_samplers_stays_a_fault(make_sampler: MakeSampler) -> None:
    with pytest.raises(KeyError):
        put_in_order(make_sampler(broken), make_pool(), 4)


@pytest.mark.parametrize("name", [name for name, each in SAMPLERS.items() if each.cost.bytes_fixed])
def test_an_order_does_not_follow_from_the_memory_that_is_free(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.random.default_rng(1).standard_normal((1_600, 4)).astype(np.float32)
    pool = replace(ClassPool.plain("a", len(rows), 2), embedding=rows)
    found = []
    for n_bytes in (sampler_bytes(SAMPLERS[name], pool), 10**13):
        monkeypatch.setattr(memory, "free_memory", lambda n_bytes=n_bytes: memory.FreeMemory(n_bytes))
        found.append(put_in_order(SAMPLERS[name], pool, 40))
    np.testing.assert_array_equal(found[0].rows, found[1].rows)
