"""Patient, study and series from the header of an image file; kept in memory only, never stored unchanged."""

from dataclasses import dataclass, field, replace

from coreset_studio.core.results import Dataset, Image


@dataclass(frozen=True)
class HeaderFacts:
    """Identifiers in the header of a DICOM file; empty where it has none.

    They identify a person, so that a representation does not show them, and `core.data.dicom.subjects` replaces them
    by keyed hashes before anything is stored.

    Attributes
    ----------
    patient, study, series : str
        PatientID, StudyInstanceUID, SeriesInstanceUID.
    place : float
        Orders the images of a series: InstanceNumber, else the position along the normal of the slices; 0 if neither
        is known.
    """

    patient: str = field(default="", repr=False)
    study: str = field(default="", repr=False)
    series: str = field(default="", repr=False)
    place: float = field(default=0.0, repr=False)


def with_header_facts(dataset: Dataset, grouped_by: str) -> Dataset:
    """Return a dataset with what the headers of its DICOM images say of patients and series; without any as it is.

    Parameters
    ----------
    dataset : Dataset
    grouped_by : str
        A value of the setting `header_groups`.
    """
    if not any(image.header for image in dataset.images):
        return dataset
    from coreset_studio.core.data.dicom.subjects import with_subjects

    images, columns, notes = with_subjects(dataset.images, dataset.columns, grouped_by)
    return replace(dataset, images=images, columns=columns, warnings=(*dataset.warnings, *notes))


def is_comparable(image: Image) -> bool:
    """Return whether the hashes that are kept of a header can be compared with those of new images."""
    if not image.header:
        return True
    from coreset_studio.core.data.dicom.subjects import is_current

    return is_current(image.header)
