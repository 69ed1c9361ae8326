"""Colours and marker shapes by meaning, from `resources/style/palette.json`: the same in window and report."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from core.resources import resource_folder

NO_SAMPLERS = ("everything", "matched")


@dataclass(frozen=True)
class Mark:
    """How one thing is drawn.

    Attributes
    ----------
    colour, dark : str
        ``"#RRGGBB"`` on a light and on a dark ground.
    marker : str
        A shape by a neutral name, such as ``"circle"`` or ``"triangle-up"``.
    title : str
        What a legend calls it.
    """

    colour: str
    dark: str
    marker: str
    title: str


def sampler_names() -> tuple[str, ...]:
    """Return the samplers that have a mark, in the order in which they are offered."""
    return tuple(name for name in _palette()["samplers"] if name not in NO_SAMPLERS)


def sampler_mark(name: str) -> Mark:
    """Return how the sampler `name` is drawn; one that the palette does not know is grey under its own name.

    ``matched:NAME``, the random control with NAME's class budgets, is drawn as ``matched``.
    """
    samplers = _palette()["samplers"]
    kind, _, beside = name.partition(":")
    values = samplers.get({"matched-random": "matched"}.get(kind, kind), _palette()["other_sampler"])
    title = values.get("title", name)
    if beside:
        title = f"Matched ({samplers.get(beside, {}).get('title', beside).partition(' (')[0]})"
    return Mark(values["colour"], values.get("dark", values["colour"]), values["marker"], title)


def dark_colours() -> Mapping[str, str]:
    """Return, for each colour that is hard to see on a dark ground, the one to use there."""
    marks = (*_palette()["samplers"].values(), _palette()["other_sampler"])
    return {each["colour"]: each["dark"] for each in marks if "dark" in each}


def cluster_mark(number: int) -> Mark:
    """Return how cluster `number` (>= 0) is drawn; colours and shapes repeat with different periods."""
    colours, markers = _palette()["clusters"], _palette()["cluster_markers"]
    colour = colours[number % len(colours)]
    return Mark(colour, colour, markers[number % len(markers)], f"Cluster {number + 1}")


def class_mark(number: int) -> Mark:
    """Return how the line of class `number` (>= 0) is drawn: as a cluster, without the colours too pale for a line."""
    colours = [colour for colour in _palette()["clusters"] if colour not in _palette()["pale"]]
    markers = _palette()["cluster_markers"]
    colour = colours[number % len(colours)]
    return Mark(colour, colour, markers[number % len(markers)], "")


def medoid_mark() -> Mark:
    """Return how medoids are drawn: black on light, white on dark."""
    values = _palette()["medoid"]
    return Mark(values["colour"], values["dark"], values["marker"], "Medoid")


def set_colour(name: str) -> str:
    """Return the colour of a set: pool, train, validation, test, coreset or left_out."""
    return str(_palette()["sets"][name])


@cache
def _palette() -> Mapping[str, Any]:
    file = resource_folder() / "style" / "palette.json"
    values: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return values
