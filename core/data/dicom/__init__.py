"""DICOM files: recognised by content, read by pydicom within limits, without anything of the header but the pixels.

No value of a header leaves this package except numbers about the pixels, and the identifiers of `HeaderFacts`, which
are hashed before they are stored. Sentences about faults therefore never quote pydicom, nor do their tracebacks.
"""
