"""Sets of pretrained weights: their state on this machine, and the official file of each."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

WeightState = Literal["verified", "unverified", "missing"]


@dataclass(frozen=True)
class WeightsEntry:
    """One weight set, as `coreset weights list` and the window show it.

    Attributes
    ----------
    name, title : str
    extractors : tuple of str
        Names of the extractors that need it.
    extractor_titles : tuple of str
        Their titles, in the same sequence.
    state : {"verified", "unverified", "missing"}
        ``"unverified"``: the tensors fit the architecture exactly, but are not a known set.
    file : Path or None
        None where missing.
    digest : str
        SHA-256 (hex) over the tensors; empty where missing.
    origin : str
        Source of these very tensors, if it is known.
    n_bytes : int
        Size of the arrays in bytes: about the size of the download.
    licence : str
    is_backbone : bool
        Whether the transfer network can use it as its backbone.
    official_file : str
        Name of the official file.
    address : str
        URL of the official file; empty where there is none.
    command : str
        What gets the weights where there is no address, entered in a copy of the source code; empty if nothing does.
    """

    name: str
    title: str
    extractors: tuple[str, ...]
    extractor_titles: tuple[str, ...]
    state: WeightState
    file: Path | None
    digest: str
    origin: str
    n_bytes: int
    licence: str
    is_backbone: bool
    official_file: str
    address: str
    command: str = ""
