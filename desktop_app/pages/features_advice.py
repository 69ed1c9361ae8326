"""What the Features page advises: which extractors to fall back on, and which to choose by together."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.pipeline.views import ExtractorFact

FALLBACK = "colour-texture"
RECOMMENDED = ("colour-texture", "vgg16", "vgg16-avg")
# From benchmarks/results/quality.md: even herding, budgets by difficulty, ten splits.
WHY_BOTH = (
    "Measured on a quarter of the PBC images: 5 % chosen by colour-texture, VGG16 and VGG16 averaged gained 6.0 points "
    "of accuracy over stratified random (mean of three judges); without the average 5.1, colour-texture alone 3.9. "
    "VGG16 alone gained 5.7, but 4.8 against 6.9 at 1 %. The average costs nothing more."
)


@dataclass(frozen=True)
class Fallback:
    """Extractors that can work on this machine, and the sentence that says why they are used."""

    extractors: tuple[str, ...]
    sentence: str


def fallback(facts: Sequence[ExtractorFact], used: Sequence[str]) -> Fallback | None:
    """Return what to use where extractors that are chosen cannot work here; None where all of them can."""
    known = {fact.name: fact for fact in facts}
    missing = [known[name] for name in used if name in known and cannot_work(known[name])]
    if not missing:
        return None
    left = tuple(name for name in used if name not in {fact.name for fact in missing}) or (FALLBACK,)
    titles = " and ".join(fact.title for fact in missing)
    instead = " and ".join(known[name].title if name in known else name for name in left)
    return Fallback(
        left,
        f"The weights of {titles} are not on this machine, so {instead} is used. "
        "Import or download the weights below to use what was chosen.",
    )


def recommends_both(facts: Sequence[ExtractorFact], used: Sequence[str]) -> bool:
    """Return whether all recommended extractors can work here and are not all used."""
    able = {fact.name for fact in facts if not cannot_work(fact)}
    return set(RECOMMENDED) <= able and not set(RECOMMENDED) <= set(used)


def cannot_work(fact: ExtractorFact) -> bool:
    """Return whether an extractor lacks weights that can be used."""
    return fact.weights_state in ("missing", "unusable")


def ways_out(fact: ExtractorFact) -> str:
    """Return what to do about weights that are missing, in the words of the window."""
    state = "are not on this machine" if fact.weights_state == "missing" else "cannot be used"
    return f"The weights of {fact.title} {state}. Import or download them, or choose colour-texture, which needs none."
