"""Features from a file: those that a laboratory computed with a model of its own, one row for each image."""

from collections.abc import Mapping
from dataclasses import dataclass

from coreset_studio.core.descriptions import Cost, SettingsPart, choice
from coreset_studio.core.features.description import Extractor
from coreset_studio.core.settings.chosen_file import ChosenFile, FeaturesFile

_CODE = "coreset_studio.core.features.extractors.features_file"
_FIXED = 120e6
_NUMBERS_OF_A_PART = 4e6
_BYTES_OF_A_KEY = 500.0
_WHOLE_IN_MEMORY = (".npz",)


@dataclass(frozen=True, kw_only=True)
class FeaturesFileSettings(SettingsPart):
    """Which features file is read.

    Attributes
    ----------
    file : FeaturesFile or None
        None: none is chosen yet, and the extractor cannot be used.
    paths : ChosenFile or None
        The list of paths of its rows; None: the one inside of it, or next to it.
    """

    file: FeaturesFile | None = choice(
        None, neutral=None, title="Features file", flag="--features-file", typed="FILE",
        from_file=f"{_CODE}.looking:features_from_file",
        tip="A file with the features of each image: .npy with a list of paths next to it, .h5, .npz or .csv",
        question="One row for each image, in any sequence. Rows belong to images by their path in the dataset, or by "
                 "the SHA-256 of the image file. The features are read as they are: how they were computed is not "
                 "checked.",
    )  # fmt: skip
    paths: ChosenFile | None = choice(
        None, neutral=None, title="List of paths", flag="--features-paths", typed="FILE",
        from_file=f"{_CODE}.looking:paths_from_file",
        tip="A .csv or .txt with the path of each row of the features file, if it is not inside of that file or next "
            "to it with the same name",
    )  # fmt: skip

    @property
    def blocks(self) -> Mapping[str, int]:
        """Numbers in each block of the file; none without one."""
        return self.file.blocks if self.file is not None else {}

    @property
    def cost(self) -> Cost:
        """The cost of reading the file: it is read part by part, except for an .npz, which has to be unpacked."""
        file = self.file
        if file is None:
            return _COST
        whole = 8.0 * file.rows * file.n_features if file.name.lower().endswith(_WHOLE_IN_MEMORY) else 0.0
        seconds = (3e-7 if file.name.lower().endswith((".csv", ".tsv", ".txt")) else 3e-8) * file.n_features
        return Cost(
            seconds_per_image=seconds + 1e-4,
            bytes_fixed=_FIXED + 12 * max(_NUMBERS_OF_A_PART, file.n_features) + _BYTES_OF_A_KEY * file.rows + whole,
            basis="as measured on two cores of another machine",
        )


_COST = Cost(seconds_per_image=1e-4, bytes_fixed=_FIXED, basis="as measured on two cores of another machine")

DESCRIPTION = Extractor(
    name="features-file",
    title="Features from a file",
    tip="Features of your own model, computed elsewhere: one row for each image. Not checked by this program.",
    source="the file that is chosen; what computed it is not known to this program",
    methods="a model outside of the program, from whose features a file was written",
    does=f"{_CODE}.rows:steps",
    help="coreset_studio.resources:help/extractors/features-file.html",
    cost=_COST,
    settings=FeaturesFileSettings,
    place=90,
    blocks={},
    version=1,
    input_size=0,
    batch_size=0,
    licence="that of the file",
    from_file=True,
)
