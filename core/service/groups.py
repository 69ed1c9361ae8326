"""Which group each image belongs to under a pattern, for the preview while it is typed."""

from core.data.units import found_groups, preview_groups

__all__ = ["found_groups", "preview_groups"]
