"""How samplers are drawn: as they describe it, and a spare mark for those that do not."""

from collections.abc import Iterator
from importlib import metadata
from types import SimpleNamespace
from typing import Any

import pytest

from coreset_studio.core.palette import dark_colours, sampler_mark, sampler_names
from coreset_studio.core.selection.description import Sampler
from coreset_studio.core.selection.samplers import SAMPLERS

# Colour on light, on dark, shape and title, as window and report have shown them since the first version.
SHOWN = {
    "everything": ("#333333", "#DDDDDD", "hexagon", "Whole pool"),
    "random": ("#7A7A7A", "#A0A0A0", "circle", "Random (RS)"),
    "stratified": ("#56B4E9", "#56B4E9", "square", "Stratified random"),
    "matched": ("#B07D48", "#B07D48", "triangle-down", "Matched random"),
    "intelligent": ("#0072B2", "#3D9BD3", "triangle-up", "Intelligent (IS)"),
    "balanced-herding": ("#D55E00", "#D55E00", "diamond", "Balanced herding"),
    "even-herding": ("#6A3D9A", "#B18BE0", "star", "Even herding"),
    "facility-location": ("#009E73", "#009E73", "pentagon", "Facility location"),
    "max-herding": ("#5B8C00", "#9CCC3C", "diamond", "MaxHerding"),
    "graph-coverage": ("#CC79A7", "#CC79A7", "hexagon", "Graph coverage"),
    "global-graph-coverage": ("#C2185B", "#F06292", "plus", "Global graph coverage"),
    "herding": ("#B3A200", "#F0E442", "plus", "Herding"),
    "medoid": ("#E69F00", "#E69F00", "star", "Medoid coreset"),
    "k-center": ("#882255", "#C46A94", "cross", "k-Center greedy"),
    "typiclust": ("#44AA99", "#44AA99", "triangle-up", "TypiClust"),
    "moderate": ("#332288", "#8F83D6", "square", "Moderate"),
}


def look(name: str) -> tuple[str, str, str, str]:
    mark = sampler_mark(name)
    return mark.colour, mark.dark, mark.marker, mark.title


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Install samplers of these names, which describe no mark."""

    def install(*names: str) -> None:
        made = [Sampler(name=name, title=name.upper(), tip="Made for a test.", does="made:order") for name in names]
        dist = SimpleNamespace(name="made", version="1")
        entries = [SimpleNamespace(name=each.name, value="", dist=dist, load=lambda each=each: each) for each in made]
        monkeypatch.setattr(metadata, "entry_points", lambda group: entries if group == SAMPLERS.group else [])
        SAMPLERS.reload()

    yield install
    monkeypatch.undo()
    SAMPLERS.reload()


@pytest.mark.parametrize("name", list(SHOWN))
def test_samplers_and_controls_look_as_they_always_did(name: str) -> None:
    assert look(name) == SHOWN[name]


def test_every_sampler_is_offered() -> None:
    assert sampler_names() == tuple(SAMPLERS)
    assert {*SHOWN} - {"everything", "matched"} <= set(SAMPLERS)


def test_no_two_samplers_look_alike() -> None:
    looks = {(sampler_mark(name).colour, sampler_mark(name).marker) for name in sampler_names()}
    assert len(looks) == len(SAMPLERS)


def test_matched_random_is_named_after_what_it_stands_beside() -> None:
    assert look("matched:intelligent") == (*SHOWN["matched"][:3], "Matched (Intelligent)")
    assert look("matched:gone")[3] == "Matched (gone)"
    assert look("matched-random") == SHOWN["matched"]


def test_a_sampler_that_is_not_known_is_grey_under_its_own_name() -> None:
    assert look("gone") == ("#666666", "#B0B0B0", "circle", "gone")


def test_colours_that_are_hard_to_see_in_the_dark_have_another() -> None:
    """In the order in which the report names them."""
    expected = {colour: dark for colour, dark, *_ in SHOWN.values() if colour != dark}
    wanted = [*expected.items(), ("#666666", "#B0B0B0")]
    assert [item for item in dark_colours().items() if item in wanted] == wanted


def test_samplers_of_plugins_have_marks_of_their_own(plugins: Any) -> None:
    names = [f"made-{number}" for number in range(20)]
    plugins(*names)
    assert set(names) <= set(sampler_names())
    everything = [look(name)[:3] for name in (*SHOWN, *names)]
    assert len(set(everything)) == len(everything)
    assert look("made-3")[3] == "MADE-3"
    # There are eight spare colours, and samplers of the program without a mark of their own take some of them.
    own = [name for name, sampler in SAMPLERS.items() if name not in names and sampler.mark is None]
    few = names[: 8 - len(own)]
    plugins(*few)
    spare = {look(name)[0] for name in (*few, *own)}
    assert len(spare | {shown[0] for shown in SHOWN.values()}) == len(few) + len(own) + len(SHOWN)


def test_the_spare_mark_of_a_sampler_does_not_hang_on_when_it_is_asked_for(plugins: Any) -> None:
    plugins("made-1", "made-2")
    before = look("made-2")
    plugins("made-2")
    alone = look("made-2")
    plugins("made-2", "made-1")
    assert look("made-2") == before
    assert alone == before
    assert look("made-1")[:3] != before[:3]
