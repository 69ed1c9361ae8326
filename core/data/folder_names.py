"""Interpret names of files and folders: sets of a split, patients, masks, and files created by systems and archives."""

import re
from collections.abc import Callable, Collection, Iterable

from coreset_studio.core.data.page_names import file_and_page
from coreset_studio.core.results import SplitName

LEFTOVER_FOLDERS = frozenset({
    "@eadir", "@recycle", "@recently-snapshot", "#recycle", "#snapshot", "$recycle.bin", "recycler", "recycled",
    "system volume information", "__macosx", "lost+found", "network trash folder", "temporary items",
    "__pycache__", "found.000",
})  # fmt: skip
"""Folders of systems, network drives and archives, in lower case: thumbnails, recycle bins, snapshots, metadata."""

LEFTOVER_FILES = frozenset({"thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini"})

IMAGE_SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".bmp", ".dib", ".tif", ".tiff", ".webp", ".gif", ".jp2", ".svs",
    ".j2k", ".j2c", ".jpc", ".jpf", ".jpx", ".heic", ".heif", ".hif", ".avif", ".avifs", ".dcm", ".dicom", ".dic",
})  # fmt: skip

_SPLIT_WORDS: dict[str, SplitName] = {
    **dict.fromkeys(("train", "training", "trainings", "entrainement", "entraînement", "apprentissage",
                     "entrenamiento", "addestramento"), "train"),
    **dict.fromkeys(("val", "vali", "valid", "validate", "validation", "validations", "validating", "dev", "devel",
                     "development", "eval", "evaluation", "validierung", "validierungs", "validación", "validacion",
                     "validazione"), "validation"),
    **dict.fromkeys(("test", "tests", "testing", "holdout", "heldout"), "test"),
}  # fmt: skip
EVALUATION = frozenset({"eval", "evaluation"})
_ENDINGS = ("set", "sets", "data", "daten", "datensatz", "satz", "images", "bilder")
_FILLERS = frozenset({
    "set", "sets", "data", "dataset", "datasets", "image", "images", "img", "imgs", "picture", "pictures", "split",
    "splits", "part", "folder", "daten", "bilder", "sample", "samples", "the",
    "labeled", "labelled", "unlabeled", "unlabelled", "input", "inputs", "raw", "final", "public", "private",
})  # fmt: skip

PATIENT_WORDS = (
    "patient|patienten|pat|participant|proband|person|subject|subj|sub|suj|case|fall|donor|spender|animal|tier|mouse|"
    "maus|rat|slide|slides|specimen|schnitt|biopsy|individual|volunteer|pid|study|series"
)
_PATIENT_NAME = re.compile(rf"(?:(?:{PATIENT_WORDS})[\W_]*(?:id|nr|no)?[\W_]*\d[\w-]*|[psm]\d+)", re.IGNORECASE)
_PLACES = re.compile(
    r"(?:hospital|clinic|klinik|site|cent(?:er|re)|zentrum|lab|labor|institute|scanner|batch|plate|day|experiment|"
    r"exp|run|session|camera|microscope|cohort|country|year)[\W_]*\w*", re.IGNORECASE,
)  # fmt: skip
_FOLDS = re.compile(r"(?:\w*[\W_])?(?:fold|part|chunk|shard|subset|batch|teil)[\W_]*\d+", re.IGNORECASE)
_ASPECTS = frozenset({
    "left", "right", "front", "back", "top", "bottom", "upper", "lower", "raw", "processed", "original", "augmented",
    "images", "image", "img", "imgs", "colour", "color", "gray", "grey", "rgb", "he", "dapi", "crop", "crops", "full",
    "ap", "pa", "lateral", "frontal", "cc", "mlo", "old", "new",
})  # fmt: skip
_CLASS_WORDS = frozenset({
    "normal", "abnormal", "healthy", "ill", "sick", "well", "benign", "malignant", "positive", "negative", "pos", "neg",
    "control", "controls", "disease", "diseased", "tumor", "tumour", "cancer", "covid", "pneumonia", "infected",
    "uninfected", "parasitized", "good", "bad", "gesund", "krank", "yes", "no",
})  # fmt: skip
_MOSTLY = 0.8


def split_word(name: str) -> tuple[SplitName, str, tuple[str, ...]] | None:
    """Return what set of a split a name means, in any usual spelling, or None.

    Parameters
    ----------
    name : str
        Of a folder, or a cell of a table, such as ``"Training"``, ``"test-set"`` or ``"ISIC_Validation_Input"``.

    Returns
    -------
    set : {"train", "validation", "test"}
    word : str
        The word that names the set, in lower case.
    frame : tuple of str
        What else the name holds but for words such as "set" and "images", and digits; empty for most.
    """
    tokens = _tokens(name)
    joined = [
        f"{one}{tokens[at + 1]}" if one in ("hold", "held") and tokens[at + 1 : at + 2] == ["out"] else one
        for at, one in enumerate(tokens)
        if not (one == "out" and at and tokens[at - 1] in ("hold", "held"))
    ]
    found = [(token, word) for token in joined if (word := _split_stem(token))]
    if len(found) != 1:
        return None
    [(token, word)] = found
    frame = tuple(one for one in joined if one != token and one not in _FILLERS and not one.isdecimal())
    return _SPLIT_WORDS[word], word, frame


def split_names(names: Iterable[str]) -> dict[str, SplitName]:
    """Return those of `names` that are sets of one split, each with its set; empty where they are not of two sets.

    The text next to the word must be the same in all: ``"cat_test"`` and ``"dog_test"`` are not sets. “Evaluation”
    means the test images where nothing else does.
    """
    by_frame: dict[tuple[str, ...], dict[str, tuple[SplitName, str]]] = {}
    for name in names:
        read = split_word(name)
        if read is not None:
            by_frame.setdefault(read[2], {})[name] = read[0], read[1]
    for named in sorted(by_frame.values(), key=len, reverse=True):
        sets = {found for found, _ in named.values()}
        splits = {
            name: "test" if word in EVALUATION and "test" not in sets else found
            for name, (found, word) in named.items()
        }
        if len(set(splits.values())) > 1:
            return {name: found for name, found in splits.items()}  # noqa: C416 - narrows the type
    return {}


def _tokens(name: str) -> list[str]:
    parted = re.sub(r"(?<=[a-zäöüß])(?=[A-ZÄÖÜ])|(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])", " ", name)
    return [word for word in re.split(r"[\W_]+", parted.casefold()) if word]


def _split_stem(token: str) -> str:
    if token in _SPLIT_WORDS:
        return token
    for ending in _ENDINGS:
        stem = token.removesuffix(ending)
        if stem != token and stem in _SPLIT_WORDS:
            return stem
    return ""


def leftover(name: str, *, is_folder: bool) -> str:
    """Return why a file or folder that a system or an archive left is not used, or nothing."""
    lower = name.casefold()
    if is_folder and lower in LEFTOVER_FOLDERS:
        return "It is a folder created by the system or an archive, such as thumbnails or a recycle bin."
    if not is_folder and lower in LEFTOVER_FILES:
        return "It is a file created by the system."
    return ""


def has_image_suffix(name: str) -> bool:
    """Return whether a file, or what a page is of, is named like an image."""
    name, _page = file_and_page(name)
    return name[name.rfind(".") :].lower() in IMAGE_SUFFIXES if "." in name else False


def are_patients(names: Collection[str]) -> bool:
    """Return whether most names are those of patients, slides or other bearers of several images, with a number."""
    return _share(names, lambda name: _PATIENT_NAME.fullmatch(name) is not None) >= _MOSTLY


def are_places(names: Collection[str]) -> bool:
    """Return whether most names are those of hospitals, scanners, days and the like."""
    return _share(names, lambda name: _PLACES.fullmatch(name) is not None) >= _MOSTLY


def are_folds(names: Collection[str]) -> bool:
    """Return whether most names are those of folds, parts of a download and the like, which mean nothing else."""
    return _share(names, lambda name: _FOLDS.fullmatch(name) is not None) >= _MOSTLY


def are_numbered(names: Collection[str]) -> bool:
    """Return whether names differ by their digits rather than by their words."""
    if len(names) < 2:
        return False
    shapes = {re.sub(r"\d+", "#", name) for name in names}
    return _share(names, lambda name: any(c.isdecimal() for c in name)) >= _MOSTLY and len(shapes) <= max(
        1, len(names) // 4
    )


def are_aspects(names: Collection[str]) -> bool:
    """Return whether all names describe how something was imaged, such as left and right, and not what it is."""
    return all(name.casefold() in _ASPECTS for name in names)


def are_classes(names: Collection[str]) -> bool:
    """Return whether most names are usual ones of classes, such as benign and malignant."""
    return _share(names, lambda name: name.casefold() in _CLASS_WORDS) > 1 / 2


def _share(names: Collection[str], holds: Callable[[str], bool]) -> float:
    return sum(map(holds, names)) / len(names) if names else 0.0
