"""Images and labels in HDF5 files, such as those of PatchCamelyon."""

from coreset_studio.core.data.description import Source
from coreset_studio.core.data.sources.hdf5.settings import Hdf5Settings

DESCRIPTION = Source(
    name="hdf5",
    title="HDF5 file of images",
    tip="Arrays of images and labels in one HDF5 file, or in several for the sets of a split, as in PatchCamelyon.",
    does="coreset_studio.core.data.sources.hdf5.reader:READER",
    source="Veeling et al., Rotation equivariant CNNs for digital pathology, MICCAI (2018)",
    help="coreset_studio.resources:help/sources/hdf5.html",
    settings=Hdf5Settings,
    place=50,
    short="an HDF5 file",
    expects="an HDF5 file of images and labels",
    suffixes=(".h5", ".hdf5", ".hdf", ".he5"),
    holds="arrays",
)
