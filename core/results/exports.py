"""Results of exporting, verifying and describing a coreset."""

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
        Number of images that were written or linked.
    n_bytes : int
        Size of their files in bytes.
    files_as : str
        Name of the export format that was used in the end.
    class_folders : mapping of str to str
        Folder name by class.
    notes : tuple of str
        Sentences for the user.
    """

    folder: Path
    n_files: int
    n_bytes: int
    files_as: str
    class_folders: Mapping[str, str]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class MethodsText:
    """Description of a study or an export for the Methods section of a publication.

    Attributes
    ----------
    text : str
        One paragraph.
    bibtex : str
        BibTeX entries of the references that it cites.
    notes : tuple of str
        Sentences on what is not described, with the reason.
    """

    text: str
    bibtex: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class VerifyResult:
    """Result of verifying an export; paths are relative to it, with forward slashes.

    Attributes
    ----------
    folder : Path
    n_files : int
        Number of files that the export should contain, including the list and the manifest.
    differing, missing, extra : tuple of str
        Paths, sorted. Extra files are not part of the export.
    n_images : int
        Number of these files that are images.
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
        """The result in one sentence for the user."""
        if self.ok:
            images = f", {self.n_images:,} of them images" if self.n_images else ""
            return f"All {self.n_files:,} files are as they were written{images}."
        counts = ((self.differing, "differ"), (self.missing, "missing"), (self.extra, "not part of the export"))
        found = ", ".join(f"{len(names):,} {words}" for names, words in counts if names)
        return f"Of {self.n_files:,} files: {found}."
