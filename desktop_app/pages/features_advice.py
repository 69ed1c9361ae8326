"""Advice on the Features page: which extractors to fall back on, and which to combine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coreset_studio.core.descriptions import registry
from coreset_studio.core.pipeline.views import ExtractorFact
from coreset_studio.core.results import Estimate, Separation
from coreset_studio.core.words import duration, percent

CLEAR, SOME = 0.7, 0.3
"""Shares of what chance leaves, above which features are said to tell the classes apart, or to do so in part."""
# State of the weights of an extractor that is not known here.
GONE = "gone"
# States of an extractor whose features file has to be chosen or located first.
NO_FILE = ("no file", "file missing", "file changed")
# From benchmarks/results/quality.md: even herding, budgets by difficulty, ten splits.
EVIDENCE = (
    "Measured on a quarter of the PBC images: with 5 % of the images, selection on colour-texture, VGG16 and VGG16 "
    "averaged gained 6.0 points of accuracy over stratified random, in the mean of three linear probes; without "
    "VGG16 averaged 5.1, with colour-texture alone 3.9. VGG16 alone gained 5.7, but 4.8 instead of 6.9 at 1 %. VGG16 "
    "averaged adds no computation time."
)


@dataclass(frozen=True)
class Fallback:
    """Extractors that can work on this machine, the sentence that says why they are used, and whether for weights."""

    extractors: tuple[str, ...]
    sentence: str
    lacks_weights: bool = True


def recommended() -> dict[str, Any]:
    """Return the descriptions of the recommended extractors by name, in their order; of a plugin's none is."""
    extractors = registry("extractor")
    described: Mapping[str, Any] = extractors
    found = {name: each for name, each in described.items() if each.recommended and name not in extractors.plugins}
    return dict(sorted(found.items(), key=lambda item: item[1].recommended))


def fallback(facts: Sequence[ExtractorFact], used: Sequence[str]) -> Fallback | None:
    """Return what to use where extractors that are chosen cannot work here; None where all of them can."""
    known = {fact.name: fact for fact in facts}
    # A features file that is missing is located, not replaced by other features.
    missing = [
        known[name] for name in used
        if name in known and cannot_work(known[name]) and known[name].weights_state not in NO_FILE
    ]  # fmt: skip
    if not missing:
        return None
    left = tuple(name for name in used if name not in {fact.name for fact in missing}) or _without_weights()
    titles = " and ".join(fact.title for fact in missing)
    instead = " and ".join(known[name].title if name in known else name for name in left)
    if any(fact.weights_state == "broken" for fact in missing):
        return Fallback(
            left,
            f"{titles} cannot be used on this computer; using {instead} instead. The reason is shown next to it.",
            lacks_weights=False,
        )
    return Fallback(
        left,
        f"{titles} weights are not installed; using {instead} instead. Import the weights to use your selection.",
    )


def recommends_both(facts: Sequence[ExtractorFact], used: Sequence[str]) -> bool:
    """Return whether all recommended extractors can work here and are not all used."""
    able = {fact.name for fact in facts if not cannot_work(fact)}
    return set(recommended()) <= able and not set(recommended()) <= set(used)


def recommendation(facts: Sequence[ExtractorFact]) -> str:
    """Return what is recommended for these images: which extractors, what they cost here, and what it rests on."""
    known = {fact.name: fact for fact in facts}
    offered = [known[name] for name in recommended() if name in known]
    seconds = sum(fact.estimate.seconds for fact in offered if fact.n_images > fact.n_cached and not fact.follows)
    time = f"about {duration(seconds)} for these images" if seconds > 0 else "already computed"
    return (
        f"Recommended: {_listed([fact.title for fact in offered], 'and')} together ({time}). Based on measurements on "
        "blood cells; not verified for other kinds of images."
    )


def meaning(separation: Separation, largest_class: float) -> str:
    """Return what the separation of the classes means for choosing a coreset, and what to do next.

    Parameters
    ----------
    separation : Separation
    largest_class : float
        Share of the largest class, 0 to 1: so many would be right by chance alone.
    """
    share = f"{percent(round(separation.accuracy, 2))} of the images are most similar to others of their own class"
    # Of what lies between guessing the largest class and no mistake.
    gain = (separation.accuracy - largest_class) / max(1e-9, 1.0 - largest_class)
    if gain >= CLEAR:
        return f"The features separate the classes well: {share}. Next: cluster the images of each class."
    if gain >= SOME:
        return f"The features partly separate the classes: {share}. Next: cluster the images of each class."
    return (
        f"The features hardly separate the classes: {share}; chance level is {percent(round(largest_class, 2))}. Try "
        "another extractor or check the labels before you rely on later results."
    )


def tip_for_both() -> str:
    """Return what taking the recommended extractors does, naming them."""
    return f"Use {_listed([each.in_words for each in recommended().values()], 'and')} together"


def cannot_work(fact: ExtractorFact) -> bool:
    """Return whether an extractor lacks weights or a file that can be used, or its plugin fails or is not here."""
    return fact.weights_state in ("missing", "unusable", "broken", GONE, *NO_FILE)


def gone(used: Sequence[str]) -> tuple[ExtractorFact, ...]:
    """Return the advice on extractors that are used but unknown here, such as those of a missing plugin."""
    known, nothing = registry("extractor"), Estimate(0.0, 0, 0, "")
    return tuple(
        ExtractorFact(name, f"{name} (missing)", "", 0, "", GONE, known.unknown(name), 0, 0, nothing)
        for name in used
        if name not in known
    )


def ways_out(fact: ExtractorFact) -> str:
    """Return what to do about an extractor that cannot work, in the words of the window."""
    if fact.weights_state in ("broken", GONE, *NO_FILE):
        return fact.missing_sentence
    state = "are not installed" if fact.weights_state == "missing" else "cannot be used"
    instead = _listed([recommended()[name].in_words for name in _without_weights()], "or")
    return f"The weights of {fact.title} {state}. Import them, or use {instead}, which requires none."


def _without_weights() -> tuple[str, ...]:
    return tuple(name for name, each in recommended().items() if not each.weights)


def _listed(words: Sequence[str], last: str) -> str:
    return f" {last} ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)
