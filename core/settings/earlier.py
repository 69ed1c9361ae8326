"""An earlier coreset that a new one continues from: which images it selected."""

import re
from dataclasses import dataclass, replace

from coreset_studio.core.errors import SettingsError

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class EarlierImage:
    """An image of the earlier coreset.

    Attributes
    ----------
    path : str
        In the dataset of the earlier export; a private name, or empty, if that was private.
    class_name : str
    pixels : str
        What its content is known by, see `core.results.Image.pixels`.
    """

    path: str
    class_name: str
    pixels: str


@dataclass(frozen=True)
class EarlierCoreset:
    """The images of an earlier export, in the order in which they were selected.

    Attributes
    ----------
    name : str
        Of the export, for people: its folder's name. It changes no result.
    digest : str
        SHA-256 (hex) of its `coreset.json`.
    images : tuple of EarlierImage
        By class and, inside a class, by rank.

    Raises
    ------
    SettingsError
        If it has no images, or the digest is none.
    """

    name: str
    digest: str
    images: tuple[EarlierImage, ...]

    def __post_init__(self) -> None:
        if not self.images:
            raise SettingsError(
                "The earlier coreset has no images; expected the coreset.json of an export with images."
            )
        if not _SHA256.fullmatch(self.digest):
            raise SettingsError(
                f"The digest of the earlier coreset must be 64 hexadecimal digits; found {self.digest[:80]!r}."
            )

    def without_names(self) -> "EarlierCoreset":
        """Return what a private export says of it: content and classes, no names."""
        return replace(self, name="", images=tuple(replace(each, path="") for each in self.images))
