"""Two exports compared: which images both have, and which only one."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from coreset_studio.core.output.continuing import read_earlier
from coreset_studio.core.results.differences import DifferenceRow, difference_sentence
from coreset_studio.core.settings import EarlierImage

IN = ("both", "only A", "only B")


@dataclass(frozen=True)
class ExportDifference:
    """The images of two exports.

    Attributes
    ----------
    rows : tuple of DifferenceRow
        One for each class, sorted by class.
    images : tuple of (str, str, str)
        Path, class, and one of `IN`, sorted by class and path. Of images in both, path and class are those in A.
    notes : tuple of str
        Sentences on what was assumed.
    """

    rows: tuple[DifferenceRow, ...]
    images: tuple[tuple[str, str, str], ...]
    notes: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """How many images both have, as a sentence."""
        return difference_sentence(self.rows, "A", "B")


def compare_exports(a: Path, b: Path) -> ExportDifference:
    """Compare the images of two exports.

    Parameters
    ----------
    a, b : Path
        Each a `coreset.json`, the folder of an export, or the `coreset.csv` in it.

    Returns
    -------
    ExportDifference
        Images are the same if their decoded pixels are; each of several copies is the same as at most one image of
        the other export, of its own class if there is one.

    Raises
    ------
    ExportError
        If one cannot be read, is not an export, or has no images.
    """
    (of_a, notes_a), (of_b, notes_b) = read_earlier(a), read_earlier(b)
    left: dict[str, list[EarlierImage]] = defaultdict(list)
    for image in of_b.images:
        left[image.pixels].append(image)
    found: list[tuple[str, str, str]] = []
    n_relabelled = 0
    waiting: list[EarlierImage] = []
    # Copies of the same path or class are the same first, so that no other copy takes their place.
    for same in (_is_same_path, _is_same_class, None):
        rest = of_a.images if same is _is_same_path else waiting
        waiting = []
        for image in rest:
            others = left[image.pixels]
            other = next((one for one in others if same is None or same(image, one)), None)
            if other is None:
                waiting.append(image)
                continue
            others.remove(other)
            n_relabelled += other.class_name != image.class_name
            found.append((image.path, image.class_name, "both"))
    found += [(image.path, image.class_name, "only A") for image in waiting]
    only_b = [image for images in left.values() for image in images]
    found += [(image.path, image.class_name, "only B") for image in only_b]
    notes = [*notes_a, *notes_b]
    if n_relabelled:
        notes.append(
            f"{n_relabelled:,} of the images in both have another class in B; they are counted under that of A."
        )
    changed = {image.path for image in waiting} & {image.path for image in only_b} - {""}
    if changed:
        notes.append(
            f"{_paths(len(changed))} in A and in B with other pixels, counted as other images: the files were "
            "changed, or were read with other settings."
        )
    counts: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(IN, 0))
    for _, class_name, where in found:
        counts[class_name][where] += 1
    rows = tuple(DifferenceRow(name, -1, *(counts[name][where] for where in IN)) for name in sorted(counts))
    return ExportDifference(rows, tuple(sorted(found, key=lambda one: (one[1], one[0], one[2]))), tuple(notes))


def _paths(n: int) -> str:
    return "1 path is" if n == 1 else f"{n:,} paths are"


def _is_same_path(a: EarlierImage, b: EarlierImage) -> bool:
    return (a.path, a.class_name) == (b.path, b.class_name)


def _is_same_class(a: EarlierImage, b: EarlierImage) -> bool:
    return a.class_name == b.class_name
