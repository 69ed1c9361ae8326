"""A MedMNIST .npz: images and labels as arrays."""

from coreset_studio.core.data.description import Source

DESCRIPTION = Source(
    name="npz",
    title="MedMNIST .npz",
    tip="Arrays of images and labels in one file, as in MedMNIST, with their predefined split.",
    does="coreset_studio.core.data.sources.npz.reader:READER",
    source="Yang et al., MedMNIST v2, Scientific Data 10:41 (2023)",
    help="coreset_studio.resources:help/sources/npz.html",
    place=40,
    short="an .npz",
    expects="a MedMNIST .npz",
    suffixes=(".npz",),
    holds="arrays",
)
