"""How an HDF5 file of images is read."""

from dataclasses import dataclass

from coreset_studio.core.descriptions import SettingsPart, choice

NONE = "-"
"""In place of a name: no groups, regardless of the names."""


@dataclass(frozen=True, kw_only=True)
class Hdf5Settings(SettingsPart):
    """Which arrays of an HDF5 file are read, and how.

    Attributes
    ----------
    image_key, label_key : str
        Paths of the arrays of images and labels inside the file, such as ``"train/images"``; empty for a guess.
    group_column : str
        The column of the table next to the file, or the array of the file, that names patients or slides; empty for a
        guess, ``"-"`` for no groups.
    channel_axis : str
        Where the colour channels are: ``"auto"``, ``"last"`` (images, height, width, 3) or ``"first"``
        (images, 3, height, width).
    files : str
        ``"auto"``: with the files next to it that hold the other sets of a split. ``"one"``: the opened file alone,
        with its labels.
    """

    image_key: str = choice(
        "", neutral="", flag="--image-key", title="Array of the images",
        tip="The path of the images inside an HDF5 file, such as train/images; empty: automatic",
    )  # fmt: skip
    label_key: str = choice(
        "", neutral="", flag="--label-key", title="Array of the labels",
        tip="The path of the labels inside an HDF5 file; empty: automatic",
    )  # fmt: skip
    group_column: str = choice(
        "", neutral="", flag="--hdf5-group", title="Column of the groups",
        tip="The column of the table next to an HDF5 file, or the array in it, with the patient or slide; "
        "empty: automatic, -: none",
    )  # fmt: skip
    channel_axis: str = choice(
        "auto", neutral="auto", flag="--channel-axis", title="Colour channels",
        tip="Where the colour channels of the images in an HDF5 file are: the last or the first axis of an image",
        values={"auto": "Automatic", "last": "Last axis", "first": "First axis"},
    )  # fmt: skip
    files: str = choice(
        "auto", neutral="auto", flag="--hdf5-files", title="Files of the split",
        tip="Read the HDF5 files next to the opened one that hold the other sets of a split, or the opened file only",
        values={"auto": "All sets", "one": "Opened file only"},
    )  # fmt: skip
