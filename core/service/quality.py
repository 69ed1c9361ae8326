"""The quality checks as the window uses them: their facts, values and flags."""

from coreset_studio.core.data.quality import (
    CHECKS,
    QualityCheck,
    check_named,
    flags_of,
    n_unmeasured,
    quality_flags,
    quality_notes,
    quality_values,
)

__all__ = [
    "CHECKS",
    "QualityCheck",
    "check_named",
    "flags_of",
    "n_unmeasured",
    "quality_flags",
    "quality_notes",
    "quality_values",
]
