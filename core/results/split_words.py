"""Words for the divisions of the images of a comparison: splits or folds."""


def split_word(folds: int) -> str:
    """Return what one of several divisions of the images is called: ``"fold"``, or ``"split"`` where there are none."""
    return "fold" if folds else "split"


def splits_words(n: int, folds: int = 0) -> str:
    """Return a number of splits in words; of folds that are not all there ``"3 of 5 folds"``."""
    of = f" of {folds:,}" if folds > n else ""
    return f"{n:,}{of} {split_word(folds)}s"


def split_of(split: int, n: int, folds: int = 0) -> str:
    """Return which one of several a split, from 0, is, such as ``"split 2 of 5"``."""
    return f"{split_word(folds)} {split + 1} of {n:,}"
