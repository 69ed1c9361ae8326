"""A MedMNIST .npz: images and labels as arrays."""

from core.data.description import Source

DESCRIPTION = Source(
    name="npz",
    title="MedMNIST .npz",
    tip="Arrays of images and labels in one file, as in MedMNIST, with their predefined split.",
    does="core.data.sources.npz.reader:READER",
    source="Yang et al., MedMNIST v2, Scientific Data 10:41 (2023)",
    help="resources:help/sources/npz.html",
    place=40,
    short="an .npz",
    expects="a MedMNIST .npz",
    suffixes=(".npz",),
    holds="arrays",
)
