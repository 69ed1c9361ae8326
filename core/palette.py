"""Colours and marker shapes by meaning, the same in window and report.

Those of samplers are in their descriptions, the others in `resources/style/palette.json`.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from coreset_studio.core.descriptions import registry
from coreset_studio.core.resources import resource_folder


@dataclass(frozen=True)
class Mark:
    """Colour and marker of one thing.

    Attributes
    ----------
    colour : str
        ``"#RRGGBB"``.
    marker : str
        A shape by a neutral name, such as ``"circle"`` or ``"triangle-up"``.
    dark : str
        The colour on a dark ground; empty: the same.
    title : str
        What a legend calls it.
    """

    colour: str
    marker: str
    dark: str = ""
    title: str = ""

    def __post_init__(self) -> None:
        if not self.dark:
            object.__setattr__(self, "dark", self.colour)


def sampler_names() -> tuple[str, ...]:
    """Return the samplers in the order in which they are offered."""
    return tuple(registry("sampler"))


def sampler_mark(name: str) -> Mark:
    """Return how the sampler `name` is drawn; one that is not known here is grey under its own name.

    ``matched:NAME``, the random control with NAME's class budgets, is drawn as ``matched``.
    """
    samplers = registry("sampler")
    kind, _, beside = name.partition(":")
    kind = {"matched-random": "matched"}.get(kind, kind)
    if kind in _palette()["controls"]:
        mark = _mark_of(_palette()["controls"][kind])
        beside_title = samplers[beside].title if beside in samplers else beside
        return replace(mark, title=f"Matched ({beside_title.partition(' (')[0]})") if beside else mark
    if kind not in samplers:
        return replace(_mark_of(_palette()["other_sampler"]), title=name)
    mark = getattr(samplers[kind], "mark", None) or _spare_marks(tuple(_without_mark()))[kind]
    return replace(mark, title=samplers[kind].title)


def _without_mark() -> Iterator[str]:
    return (name for name, sampler in registry("sampler").items() if getattr(sampler, "mark", None) is None)


@cache
def _spare_marks(names: tuple[str, ...]) -> Mapping[str, Mark]:
    """Return a distinct mark for each name.

    The name alone determines which spare mark is tried first, so that another sampler rarely changes it.
    """
    spare = [_mark_of(values) for values in _palette()["spare_samplers"]]
    markers = _palette()["cluster_markers"]
    # Each colour with its own shape first, and with the other shapes once all colours are taken.
    rounds = [
        [replace(mark, marker=markers[(markers.index(mark.marker) + turn) % len(markers)]) for mark in spare]
        for turn in range(len(markers))
    ]
    marks: dict[str, Mark] = {}
    for name in sorted(names):
        first = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]) % len(spare)
        tried = [mark for turn in rounds for mark in (*turn[first:], *turn[:first])]
        marks[name] = next((mark for mark in tried if mark not in marks.values()), tried[0])
    return marks


def _mark_of(values: Mapping[str, str]) -> Mark:
    return Mark(values["colour"], values["marker"], values.get("dark", ""), values.get("title", ""))


def dark_colours() -> Mapping[str, str]:
    """Return, for each colour that is hard to see on a dark ground, the one to use there."""
    marks = [sampler_mark(name) for name in (*_palette()["controls"], *sampler_names(), "")]
    return {mark.colour: mark.dark for mark in marks if mark.dark != mark.colour}


def cluster_mark(number: int) -> Mark:
    """Return how cluster `number` (>= 0) is drawn; colours and shapes repeat with different periods."""
    colours, markers = _palette()["clusters"], _palette()["cluster_markers"]
    colour = colours[number % len(colours)]
    return Mark(colour, markers[number % len(markers)], title=f"Cluster {number + 1}")


def class_mark(number: int) -> Mark:
    """Return how the line of class `number` (>= 0) is drawn: as a cluster, without the colours too pale for a line."""
    colours = [colour for colour in _palette()["clusters"] if colour not in _palette()["pale"]]
    markers = _palette()["cluster_markers"]
    colour = colours[number % len(colours)]
    return Mark(colour, markers[number % len(markers)])


def medoid_mark() -> Mark:
    """Return how medoids are drawn: black on light, white on dark."""
    return replace(_mark_of(_palette()["medoid"]), title="Medoid")


def set_colour(name: str) -> str:
    """Return the colour of a set: pool, train, validation, test, coreset or left_out."""
    return str(_palette()["sets"][name])


@cache
def _palette() -> Mapping[str, Any]:
    file = resource_folder() / "style" / "palette.json"
    values: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return values
