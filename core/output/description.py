"""Description of an export format: its facts, without its code."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from coreset_studio.core.data.description import either
from coreset_studio.core.descriptions import Description, Registry

if TYPE_CHECKING:
    from coreset_studio.core.output.planning import ExportWriter


@dataclass(frozen=True, kw_only=True)
class ExportFormat(Description):
    """A form in which the images of a coreset are written, next to `coreset.csv` and `coreset.json`.

    `does` names an object with the method of `core.output.planning.ExportWriter`.

    Attributes
    ----------
    holds_images : bool
        Whether images are written at all.
    writes : tuple of str
        Files of its own next to the class folders: no class folder gets such a name.
    not_private : str
        Why a private export cannot be made so, as a sentence; empty where it can.
    """

    holds_images: bool = True
    writes: tuple[str, ...] = ()
    not_private: str = ""

    @property
    def writer(self) -> "ExportWriter":
        """The writer of the images; imported when first needed."""
        return cast("ExportWriter", self.code)


class ExportFormats(Registry[ExportFormat]):
    """The export formats, and why some cannot be used."""

    def refusal(self, name: str, *, private: bool, titles: bool = False) -> str:
        """Return why an export cannot be made in a format, and what to select; empty where it can.

        Parameters
        ----------
        name : str
        private : bool
            Whether no name of a file may leave.
        titles : bool
            Name the others by their titles, as the window does, not by their names.
        """
        if name not in self:
            return self.unknown(name)
        if not private or not self[name].not_private:
            return ""
        others = (each.title if titles else each.name for each in self.values() if not each.not_private)
        return f"{self[name].not_private} Use {either(others)}."
