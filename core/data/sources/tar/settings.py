"""How tar archives of images are read."""

from dataclasses import dataclass

from coreset_studio.core.descriptions import SettingsPart, choice

NONE = "-"
"""In place of a name: none, regardless of the names."""


@dataclass(frozen=True, kw_only=True)
class TarSettings(SettingsPart):
    """Which archives are read, and where the classes of their images are.

    Attributes
    ----------
    shards : str
        A pattern of names next to the opened file, such as ``"train-{000..012}.tar"`` or ``"*.tar"``; empty for the
        archives that the opened one belongs to, ``"-"`` for the opened one alone.
    classes_from : str
        ``"auto"``; ``"cls"``, ``"json"`` or ``"txt"`` for files next to each image; ``"folders"`` inside the archive.
    class_field : str
        Of a ``.json``: the field with the class; empty for a guess.
    group_column : str
        Of a ``.json``: the field with the patient or slide; empty for a guess, ``"-"`` for no groups.
    """

    shards: str = choice(
        "", neutral="", flag="--shards", title="Archives",
        tip="Names of the .tar files to read, such as train-{000..012}.tar or *.tar; empty: all that belong to the "
        "opened one, -: the opened one only",
    )  # fmt: skip
    classes_from: str = choice(
        "auto", neutral="auto", flag="--tar-classes", title="Classes",
        tip="Where the class of an image in a .tar is: in a .cls, .json or .txt next to it, or in its folder",
        values={"auto": "Automatic", "cls": ".cls files", "json": ".json files", "txt": ".txt files",
                "folders": "Folders"},
    )  # fmt: skip
    class_field: str = choice(
        "", neutral="", flag="--class-field", title="Field of the class",
        tip="The field of the .json files in a .tar that contains the class; empty: automatic",
    )  # fmt: skip
    group_column: str = choice(
        "", neutral="", flag="--group-field", title="Field of the groups",
        tip="The field of the .json files in a .tar that contains the patient or slide; empty: automatic, -: none",
    )  # fmt: skip
