"""What the header of an image file says of its patient, study and series; in memory alone, never stored as it is."""

from dataclasses import dataclass, field


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
