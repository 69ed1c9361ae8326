"""Which group each image belongs to under a pattern, for the preview while it is typed."""

from coreset_studio.core.data.group_examples import pattern_from_example
from coreset_studio.core.data.units import found_groups, group_finder, group_span, no_groups, preview_groups

__all__ = ["found_groups", "group_finder", "group_span", "no_groups", "pattern_from_example", "preview_groups"]
