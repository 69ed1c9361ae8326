"""Images to review: suspected label errors, duplicates and near-duplicates, and how the review of each ended."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from coreset_studio.core.project import Project
from coreset_studio.core.results import Dataset, Split
from coreset_studio.core.service.dataset_requests import DatasetFindings, DatasetSummary
from coreset_studio.core.words import percent

Kind = Literal["label", "conflict", "copy", "near"]
KINDS: dict[Kind, str] = {
    "label": "Suspected label errors",
    "conflict": "Duplicates under two classes",
    "copy": "Other duplicates",
    "near": "Near-duplicates",
}
SETS = {"pool": "Pool", "validation": "Validation", "test": "Test"}
OPEN = ""
"""The decision on an image that was not reviewed."""
DECISIONS = {"kept": "Kept", "skipped": "Skipped", "excluded": "Excluded"}


@dataclass(frozen=True)
class Finding:
    """One thing to look at.

    Attributes
    ----------
    index : int
        The image.
    kind : str
    sentence : str
        What was found.
    partner : int
        The image that it is compared with; -1 where there is none.
    suggestion : str
        The class that its neighbours or its partner have; empty where that is its own.
    """

    index: int
    kind: Kind
    sentence: str
    partner: int = -1
    suggestion: str = ""


def findings(summary: DatasetSummary, suspected: DatasetFindings | None) -> tuple[Finding, ...]:
    """Return what there is to review: label errors first, the most suspicious first, then duplicates.

    Parameters
    ----------
    summary : DatasetSummary
    suspected : DatasetFindings or None
        None: label errors and near-duplicates have not been searched for.
    """
    dataset = summary.dataset
    found: list[Finding] = []
    for one in suspected.label_errors if suspected is not None else ():
        sentence = (
            f"Labelled {one.class_name}, but {percent(round(one.score, 2))} of its nearest neighbours in the pool have "
            f"another label, most of them {one.other_class}."
        )
        found.append(Finding(one.index, "label", sentence, suggestion=one.other_class))
    for group in summary.duplicates:
        first, *others = group.indices
        kind: Kind = "conflict" if group.conflicting else "copy"
        found += [_pair(dataset, first, index, kind, "Identical pixels") for index in others]
    for pair in suspected.near_duplicates if suspected is not None else ():
        if not pair.identical:
            words = f"Nearly identical ({pair.bits} of 64 bits of their perceptual hashes differ)"
            found.append(_pair(dataset, pair.first, pair.second, "near", words))
    return tuple(sorted(found, key=lambda one: list(KINDS).index(one.kind)))


def _pair(dataset: Dataset, first: int, second: int, kind: Kind, what: str) -> Finding:
    one, other = dataset.images[first], dataset.images[second]
    same = one.class_name == other.class_name
    labels = f"both are labelled {one.class_name}" if same else f"labelled {other.class_name} and {one.class_name}"
    sentence = f"{what}: {other.path} and {one.path}; {labels}."
    return Finding(second, kind, sentence, partner=first, suggestion="" if same else one.class_name)


def of_set(found: Iterable[Finding], split: Split, name: str) -> tuple[Finding, ...]:
    """Return the findings about images of a set, `"pool"`, `"validation"` or `"test"`; all with an empty text."""
    if not name:
        return tuple(found)
    inside = set(getattr(split, name).tolist())
    return tuple(one for one in found if one.index in inside)


def decisions(project: Project, paths: Iterable[str]) -> list[str]:
    """Return how the review of each image ended, in words; `OPEN` where it has not."""
    excluded = set(project.settings.data.left_out_images)
    relabelled = {record.path: f"→ {record.new}" for record in project.settings.data.relabelled}
    return [
        DECISIONS["excluded"] if path in excluded
        else relabelled.get(path) or DECISIONS.get(project.reviewed.get(path, ""), OPEN)
        for path in paths
    ]  # fmt: skip


def next_open(made: Sequence[str], at: int) -> int:
    """Return the position of the next finding without a decision, from `at` on and then from the start; -1 for none."""
    n = len(made)
    return next((row % n for row in range(at, at + n) if made[row % n] == OPEN), -1) if n else -1
