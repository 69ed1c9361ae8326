"""Find, verify, list and import the weights of the networks; `weight_download` gets them from Keras' host.

Weights are known by their tensors (see `weight_files`), not by the name or the container of their file. What a
file was found to hold is remembered by its path, size and time, so that looking again costs nothing.
"""

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

from coreset_studio.core.errors import MissingWeightsError, WeightsError
from coreset_studio.core.features.extractors import EXTRACTORS, extractor_named, recommended_without_weights
from coreset_studio.core.features.network import WeightSet
from coreset_studio.core.features.untrained import untrained_tensors
from coreset_studio.core.features.weight_files import SUFFIXES, Tensors, fits, read_tensors
from coreset_studio.core.features.weight_memory import Remembered, recall, remember
from coreset_studio.core.features.weight_sets import WEIGHT_SETS
from coreset_studio.core.files import reason_of, temporary_file
from coreset_studio.core.reading import identity_of
from coreset_studio.core.resources import resource_folder, user_data_folder, weight_folders
from coreset_studio.core.results import WeightsEntry, WeightsUsed
from coreset_studio.core.results.weights import WeightState


@dataclass(frozen=True)
class FoundWeights:
    """A weight file and its weights.

    Attributes
    ----------
    name : str
        The weight set.
    file : Path
    digest : str
        SHA-256 (hex) over its tensors.
    state : {"verified", "unverified"}
        ``"unverified"``: they fit the architecture exactly, but are not a known set.
    """

    name: str
    file: Path
    digest: str
    state: Literal["verified", "unverified"]


def weight_set(name: str) -> WeightSet:
    """Return a weight set by its own name or by that of an extractor.

    Raises
    ------
    WeightsError
        If there is none, or the extractor needs none.
    FeatureError
        If it is a plugin's, and its code cannot be used.
    """
    set_name = EXTRACTORS[name].weights if name in EXTRACTORS else name
    if not set_name:
        raise WeightsError(f"{name} requires no weights.")
    try:
        return WEIGHT_SETS[set_name]
    except KeyError:
        raise WeightsError(f"There are no weights named {name!r}; the weights are {', '.join(WEIGHT_SETS)}.") from None


def identify(file: Path, preferred: WeightSet | None = None) -> FoundWeights:
    """Identify the weights in a file.

    Parameters
    ----------
    file : Path
    preferred : WeightSet, optional
        The weight set that unknown tensors are assigned to, if several have a matching architecture;
        the set that the file is named after, otherwise the first one, where this is not given.

    Raises
    ------
    WeightsError
        If it cannot be read, or fits none of the networks exactly.
    """
    held = recall(file)
    if held is not None and held.name in WEIGHT_SETS:
        # What is known about a digest may have changed with the program; the digest itself has not.
        alike = _of_the_architecture(WEIGHT_SETS[held.name])
        known = next((weights.name for weights in alike if held.digest in weights.known), "")
        name = held.name if held.official or not known else known
        found = FoundWeights(name, file, held.digest, "verified" if held.official or known else "unverified")
    else:
        found = _examined(file, _of_the_architecture(_first_that_fits(file)))
    if preferred is None or found.state == "verified" or preferred not in _of_the_architecture(WEIGHT_SETS[found.name]):
        return found
    return replace(found, name=preferred.name)


def _first_that_fits(file: Path) -> WeightSet:
    for weights in WEIGHT_SETS.values():
        if fits(file, weights.layers):
            return weights
    titles = ", ".join(weights.title for weights in WEIGHT_SETS.values())
    raise WeightsError(
        f"The weight file {file} matches none of the networks ({titles}, each without its top) exactly; "
        f"a file with the top or with changed layers cannot be used."
    )


def _of_the_architecture(weights: WeightSet) -> list[WeightSet]:
    """Return the weight sets of the same architecture, this one first."""
    others = [other for other in WEIGHT_SETS.values() if other.name != weights.name and other.layers == weights.layers]
    return [weights, *others]


def find_weights(name: str, *, file: Path | None = None) -> FoundWeights:
    """Find the weights of an extractor or weight set: verified ones first, in the order of `weight_folders`.

    Parameters
    ----------
    name : str
        Of an extractor or a weight set.
    file : Path, optional
        Use this file instead of looking for one.

    Raises
    ------
    MissingWeightsError
        If they are nowhere on this machine; the sentence names the ways out.
    WeightsError
        If `file` does not fit.
    """
    weights = weight_set(name)
    if file is not None:
        found = identify(file, weights)
        if found.name != weights.name:
            other = WEIGHT_SETS[found.name].title
            raise WeightsError(f"The weight file {file} contains {other}; expected {weights.title}.")
        return found
    candidates = list(_candidates(weights))
    for found in candidates:
        if found.state == "verified":
            return found
    if candidates:
        return candidates[0]
    raise MissingWeightsError(missing_sentence(weights))


def missing_sentence(weights: WeightSet) -> str:
    """Return what a user reads where these weights are nowhere: one sentence with the ways out."""
    if weights.address:
        obtain = f"download them with `coreset weights download {weights.name}`, "
    else:
        obtain = f"get them with `{weights.command}` in a copy of the source code, " if weights.command else ""
    return (
        f"The weights of {weights.title} are not on this machine: {obtain}"
        f"import a file with `coreset weights import FILE` or `--weights FILE`, or select "
        f"{' or '.join(recommended_without_weights())}, which requires none."
    )


def load_weights(name: str, *, file: Path | None = None, untrained: bool = False) -> tuple[Tensors, WeightsUsed]:
    """Read the tensors of an extractor's network and identify them.

    The digest is that of the returned tensors, regardless of what was remembered for the file.

    Raises
    ------
    MissingWeightsError
        If they are nowhere on this machine.
    WeightsError
        If the file does not fit.
    """
    weights = weight_set(name)
    if untrained:
        tensors = untrained_tensors(weights.layers)
        return tensors, WeightsUsed(name, tensors.digest, "untrained")
    found = find_weights(name, file=file)
    tensors = read_tensors(found.file, weights.layers, weights.title)
    if tensors.digest != found.digest:
        found = _examined(found.file, [weights])
    return tensors, WeightsUsed(name, tensors.digest, found.state)


def weights_used(name: str, *, file: Path | None = None, untrained: bool = False) -> WeightsUsed:
    """Return which weights an extractor would use, without reading those that are remembered.

    Raises
    ------
    MissingWeightsError
        If they are nowhere on this machine.
    WeightsError
        If `file` does not fit.
    """
    extractor = extractor_named(name)
    if not extractor.weights:
        return extractor.file_used or WeightsUsed(name, "", "none")
    if untrained:
        return WeightsUsed(name, _untrained_digest(weight_set(name).name), "untrained")
    found = find_weights(name, file=file)
    return WeightsUsed(name, found.digest, found.state)


def list_weights() -> tuple[WeightsEntry, ...]:
    """Return every weight set with its state on this machine."""
    return tuple(_entry_on_disk(weights) for weights in WEIGHT_SETS.values())


def import_weights(file: Path, name: str | None = None) -> WeightsEntry:
    """Copy a weight file into the user's data folder, where every later run finds it.

    Parameters
    ----------
    file : Path
        ``.h5``, ``.weights.h5`` or ``.keras``.
    name : str, optional
        The extractor or weight set that it must be for; any of the known networks otherwise.

    Raises
    ------
    WeightsError
        If it does not fit, or the user's data folder cannot be written.
    """
    found = identify(file) if name is None else find_weights(name, file=file)
    suffix = ".weights.h5" if file.name.endswith(".weights.h5") else file.suffix
    target = user_data_folder() / "weights" / f"{found.name}-{found.digest[:12]}{suffix}"
    try:
        return entry_of(copy_to(found, target))
    except OSError as error:
        raise WeightsError(f"The weights cannot be stored in {target.parent} ({reason_of(error)}).") from error


def copy_to(found: FoundWeights, target: Path) -> FoundWeights:
    """Copy a weight file to `target`, whole or not at all.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if not (target.exists() and identity_of(target) == identity_of(found.file)):
        _copied(found.file, target)
    return moved(found, target)


def moved(found: FoundWeights, target: Path) -> FoundWeights:
    """Return `found` with its new place `target`, and remember that."""
    remember(target, Remembered(found.name, found.digest, found.state == "verified"))
    return replace(found, file=target)


def entry_of(found: FoundWeights) -> WeightsEntry:
    """Return the entry of a weight set whose file was found."""
    weights = WEIGHT_SETS[found.name]
    return _entry(weights, found.state, found.file, found.digest, weights.known.get(found.digest, ""))


def _entry_on_disk(weights: WeightSet) -> WeightsEntry:
    try:
        return entry_of(find_weights(weights.name))
    except MissingWeightsError:
        return _entry(weights, "missing")


def _entry(
    weights: WeightSet, state: WeightState, file: Path | None = None, digest: str = "", origin: str = ""
) -> WeightsEntry:
    extractors = [extractor for extractor in EXTRACTORS.values() if extractor.weights == weights.name]
    return WeightsEntry(
        name=weights.name,
        title=weights.title,
        extractors=tuple(extractor.name for extractor in extractors),
        extractor_titles=tuple(extractor.title for extractor in extractors),
        state=state,
        file=file,
        digest=digest,
        origin=origin,
        n_bytes=weights.n_bytes,
        licence=weights.licence,
        is_backbone=any(extractor.backbone for extractor in extractors),
        official_file=weights.official_file,
        address=weights.address,
        command=weights.command,
    )


@cache
def _untrained_digest(name: str) -> str:
    return untrained_tensors(WEIGHT_SETS[name].layers).digest


def _candidates(weights: WeightSet) -> Iterator[FoundWeights]:
    """Yield the files of the weight folders that hold this set; of Keras' cache only what is known or named so."""
    ours = {resource_folder() / "weights", user_data_folder() / "weights"}
    for folder in weight_folders():
        for found in held_in(folder, weights):
            if found.state == "verified" or folder in ours or found.file.name == weights.official_file:
                yield found


def held_in(folder: Path, weights: WeightSet) -> Iterator[FoundWeights]:
    """Yield the files of a folder that hold this set, by name; files that hold something else are passed over."""
    for file in _weight_files(folder):
        if not _can_hold(file, weights):
            continue
        with suppress(WeightsError):
            found = identify(file)
            if found.name == weights.name:
                yield found


def _weight_files(folder: Path) -> list[Path]:
    try:
        return sorted(
            file
            for file in folder.iterdir()
            if file.suffix in SUFFIXES and not file.name.startswith(".") and file.is_file()
        )
    except OSError:
        return []


def _can_hold(file: Path, weights: WeightSet) -> bool:
    """Return by its size alone whether a file may contain this set and little else."""
    return weights.n_bytes <= file.stat().st_size <= 1.1 * weights.n_bytes + (8 << 20)


def _examined(file: Path, alike: Sequence[WeightSet]) -> FoundWeights:
    """Read and digest a file that fits weight sets of one architecture, and remember which of them it holds."""
    digest = read_tensors(file, alike[0].layers, alike[0].title).digest
    verified = (w for w in alike if digest in w.known or (w.md5 and md5_of(file) == w.md5))
    official = next(verified, None)
    name = official.name if official is not None else _named_after(file, alike).name
    remember(file, Remembered(name, digest, official is not None))
    return FoundWeights(name, file, digest, "verified" if official is not None else "unverified")


def _named_after(file: Path, alike: Sequence[WeightSet]) -> WeightSet:
    """Return the weight set that an import or a download named `file` after; the first one if none did."""
    named = [w for w in alike if file.name == w.official_file or file.name.startswith(f"{w.name}-")]
    return max(named, key=lambda weights: len(weights.name), default=alike[0])


def md5_of(file: Path) -> str:
    """Return the MD5 of a file's bytes: what Keras publishes for its official files."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _copied(file: Path, target: Path) -> None:
    with temporary_file(target) as part:
        shutil.copyfile(file, part)
