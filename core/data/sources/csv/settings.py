"""How a table is read."""

from dataclasses import dataclass

from coreset_studio.core.descriptions import SettingsPart, choice

NONE = "-"
"""In place of a column's name: no such column, regardless of the names."""


@dataclass(frozen=True, kw_only=True)
class TableSettings(SettingsPart):
    """Which columns of a table are read, and what becomes of rows with several classes or none.

    Attributes
    ----------
    columns : str
        ``"auto"`` guesses the columns that are not named here; ``"named"`` reads those named path, class, split and
        group alone, and the text of a cell is the class.
    path_column, split_column, group_column : str
        Names of columns; empty for a guess. ``"-"`` for no split and no groups.
    class_columns : tuple of str
        One column of class names, or several with one class each; empty for a guess.
    image_folder : str
        Where the images are looked for, absolute or relative to the table's folder; empty for that folder.
    several_labels : str
        What becomes of an image with several classes: ``"leave-out"``, ``"first"`` or ``"own-class"``.
    uncertain_labels : str
        What −1 in a class's column means: ``"leave-out"``, ``"negative"`` or ``"positive"``.
    leave_out_missing : bool
        Leave out rows whose class is a word for a missing value, such as nan.
    sheet : str
        Of an .xlsx; empty for the first with anything in it.
    """

    columns: str = choice(
        "auto", neutral="named", flag="--columns", title="Columns of the table",
        tip="Detect the columns from their names and content, or only read path, class, split and group",
        values={"auto": "Automatic", "named": "path, class, split and group"},
    )  # fmt: skip
    path_column: str = choice(
        "", neutral="", flag="--path-column", title="Column of the images",
        tip="The column with the image files, or their names without suffix; empty: automatic",
    )  # fmt: skip
    class_columns: tuple[str, ...] = choice(
        (), neutral=(), flag="--class-column", title="Column of the classes",
        tip="The column with the class, or several columns with 1 for the images of one class each; empty: automatic",
    )  # fmt: skip
    split_column: str = choice(
        "", neutral="", flag="--split-column", title="Column of the split",
        tip="The column with train, validation or test; empty: automatic, -: none",
    )  # fmt: skip
    group_column: str = choice(
        "", neutral="", flag="--group-column", title="Column of the groups",
        tip="The column with the patient, lesion or slide, which is never divided; empty: automatic, -: none",
    )  # fmt: skip
    image_folder: str = choice(
        "", neutral="", flag="--image-folder", title="Folder of the images",
        tip="The folder, with its subfolders, that contains the images of a table; empty: that of the table",
    )  # fmt: skip
    several_labels: str = choice(
        "leave-out", neutral="own-class", flag="--several-labels", title="Images with several classes",
        tip="Skip them, use the first of the classes, or make each combination a class of its own",
        values={"leave-out": "Skip", "first": "The first class", "own-class": "A class of their own"},
    )  # fmt: skip
    uncertain_labels: str = choice(
        "leave-out", neutral="leave-out", flag="--uncertain-labels", title="Uncertain classes (-1)",
        tip="In a column for one class: skip the image, or count it as not of the class or as of the class",
        values={"leave-out": "Skip", "negative": "Not of the class", "positive": "Of the class"},
    )  # fmt: skip
    leave_out_missing: bool = choice(
        True, neutral=False, flag="--leave-out-missing", title="Skip missing classes",
        tip="Skip rows whose class is nan, NA, N/A, None, null or ?, instead of reading the word as a class",
    )  # fmt: skip
    sheet: str = choice(
        "", neutral="", flag="--sheet", title="Sheet of the .xlsx",
        tip="The sheet to read; empty: the first non-empty sheet",
    )  # fmt: skip

    @property
    def names_nothing(self) -> bool:
        """Whether a table is read by the columns path, class, split and group alone, as before it could be set."""
        named = (self.path_column, self.class_columns, self.split_column, self.group_column, self.image_folder)
        return self.columns == "named" and not any(named)
