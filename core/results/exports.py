"""What an export has written, and what a check of one has found."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ExportResult:
    """A finished export.

    Attributes
    ----------
    folder : Path
    n_files : int
        Images written or linked.
    n_bytes : int
        Size of the files that hold them.
    files_as : str
        The export format that it has in the end.
    class_folders : mapping of str to str
        Class name to folder name.
    notes : tuple of str
        Sentences that a user should read.
    """

    folder: Path
    n_files: int
    n_bytes: int
    files_as: str
    class_folders: Mapping[str, str]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class MethodsText:
    """What was done, for the Methods section of a publication.

    Attributes
    ----------
    text : str
        One paragraph.
    bibtex : str
        What it cites.
    notes : tuple of str
        What it does not describe, and why.
    """

    text: str
    bibtex: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class VerifyResult:
    """What `verify` found; paths are relative to the export, with forward slashes.

    Attributes
    ----------
    folder : Path
    n_files : int
        Files that should be there, with the list and the manifest.
    differing, missing, extra : tuple of str
        Sorted. An extra file was not part of the export.
    n_images : int
        How many of these files are images.
    """

    folder: Path
    n_files: int
    differing: tuple[str, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    n_images: int = 0

    @property
    def ok(self) -> bool:
        """Whether the export is as it was written."""
        return not (self.differing or self.missing or self.extra)

    @property
    def sentence(self) -> str:
        """What was found, for the user."""
        if self.ok:
            images = f", {self.n_images:,} of them images" if self.n_images else ""
            return f"All {self.n_files:,} files are as they were written{images}."
        counts = ((self.differing, "differ"), (self.missing, "missing"), (self.extra, "not part of the export"))
        found = ", ".join(f"{len(names):,} {words}" for names, words in counts if names)
        return f"Of {self.n_files:,} files: {found}."
