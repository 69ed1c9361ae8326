"""Words for the divisions of the images of a comparison: splits or folds."""


def split_word(folds: int) -> str:
    """Return the word for one division of the images: ``"fold"``, or ``"split"`` if `folds` is 0."""
    return "fold" if folds else "split"


def splits_words(n: int, folds: int = 0) -> str:
    """Return a number of splits in words, such as ``"2 splits"``, or ``"3 of 5 folds"`` if some folds are missing."""
    of = f" of {folds:,}" if folds > n else ""
    return f"{n:,}{of} {split_word(folds)}s"


def split_of(split: int, n: int, folds: int = 0) -> str:
    """Return the position of a split, from 0, among `n` in words, such as ``"split 2 of 5"``."""
    return f"{split_word(folds)} {split + 1} of {n:,}"
