"""Base of all kinds of description."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from coreset_studio.core.descriptions.choice import SettingsPart


@dataclass(frozen=True, kw_only=True)
class Cost:
    """About what something takes: a + b·n + c·n² for n images, as measured on two cores of a workstation.

    Attributes
    ----------
    seconds, seconds_per_image, seconds_per_pair : float
    bytes_fixed, bytes_per_image, bytes_per_pair : float
        Memory at the peak.
    bytes_per_number : float
        Memory at the peak for each number of the images' embedding.
    pairs_up_to : int
        The most images of which anything is held for every pair; 0: any number.
    in_parts : bool
        More images than `pairs_up_to` are divided into equal parts, one held after the other; else nothing is held for
        their pairs.
    basis : str
        What the figures rest on, in a few words.
    """

    seconds: float = 0.0
    seconds_per_image: float = 0.0
    seconds_per_pair: float = 0.0
    bytes_fixed: float = 0.0
    bytes_per_image: float = 0.0
    bytes_per_pair: float = 0.0
    bytes_per_number: float = 0.0
    pairs_up_to: int = 0
    in_parts: bool = False
    basis: str = "as measured on two cores"

    def seconds_for(self, n_images: int) -> float:
        """Return the seconds that `n_images` take."""
        return self.seconds + self.seconds_per_image * n_images + self.seconds_per_pair * n_images**2

    def bytes_for(self, n_images: int, n_components: int = 0) -> int:
        """Return the memory that `n_images` take at the peak, each with an embedding of `n_components` numbers."""
        together = n_images
        if 0 < self.pairs_up_to < n_images:
            n_parts = -(-n_images // self.pairs_up_to)
            together = -(-n_images // n_parts) if self.in_parts else 0
        of_images = (self.bytes_per_image + self.bytes_per_number * n_components) * n_images
        return round(self.bytes_fixed + of_images + self.bytes_per_pair * together**2)


@dataclass(frozen=True, kw_only=True)
class Description:
    """One thing that can be selected by name.

    Attributes
    ----------
    name : str
        As on the command line and in stored forms; lower case, hyphens. It never changes.
    title : str
        As in the window and in reports.
    tip : str
        One sentence: what it does or prefers.
    does : str
        ``"module:attribute"`` of the code; imported when it is first needed.
    source : str
        Paper and section, standard, or where else it comes from.
    references : tuple of str
        What a publication that uses it cites: keys in `resources/references.bib`.
    methods : str
        What it is in the Methods section of a publication: a noun phrase, true for all of its settings. Empty: its
        title.
    help : str
        ``"package:file"`` of its Help page, HTML; empty: the page is made of the facts alone.
    cost : Cost
    settings : type of SettingsPart or None
        The settings that it reads, and the only ones that it is given; None where it has none.
    place : int
        Lists are ordered by this, then by name.
    is_proper : bool
        Whether the title begins with a proper name, such as "Matthews correlation", and so keeps its capital inside a
        sentence. Abbreviations such as "F1" and "VGG16" keep theirs without it.
    """

    name: str
    title: str
    tip: str
    does: str
    source: str = ""
    references: tuple[str, ...] = ()
    methods: str = ""
    help: str = ""
    cost: Cost = Cost()
    settings: type[SettingsPart] | None = None
    place: int = 1000
    is_proper: bool = False

    @property
    def title_inside(self) -> str:
        """The title as written inside a sentence: ``"worst-class recall"``, but ``"F1"``."""
        return self.title if self.is_proper else inside_sentence(self.title)

    @property
    def code(self) -> Any:
        """The object that `does` names, imported when first used."""
        return resolve(self.does)


def inside_sentence(title: str) -> str:
    """Return a title without its capital, unless its first word is written with capitals or digits inside."""
    first = title.split(" ", 1)[0]
    is_plain = first == "A" or (first.replace("-", "").isalpha() and first[1:].islower())
    return title[:1].lower() + title[1:] if is_plain else title


@cache
def resolve(reference: str) -> Any:
    """Return what ``"module:attribute"`` names.

    Raises
    ------
    ImportError, AttributeError
        If there is no such module or attribute.
    """
    module, _, attribute = reference.partition(":")
    found: Callable[..., Any] | Any = importlib.import_module(module)
    for name in attribute.split("."):
        found = getattr(found, name)
    return found
