"""Which classes are selected from in parts, and what that takes. Importing this module imports no large library."""

from collections.abc import Sequence

from coreset_studio.core.selection.description import Sampler

IMAGES_OF_PART = 5_000
"""The most images of a part; fewer where the limit is lower."""
IMAGES_OF_PILOT = 10_000
"""About how many images are in the pilot; the limit where that is lower."""
BYTES_OF_RANK = 200


def is_divided(sampler: Sampler, n_images: int, exact_up_to: int) -> bool:
    """Return whether a sampler selects from so many images in parts.

    Parameters
    ----------
    sampler : Sampler
    n_images : int
        Of the class, or of the pool for a sampler that selects from all classes together.
    exact_up_to : int
        Of the settings; 0: never.
    """
    return bool(sampler.divided) and sampler.uses_embedding and 0 < exact_up_to < n_images


def part_size(exact_up_to: int) -> int:
    """Return the most images of a part."""
    return min(IMAGES_OF_PART, exact_up_to)


def pilot_size(exact_up_to: int) -> int:
    """Return about how many images the pilot has."""
    return min(IMAGES_OF_PILOT, max(1, exact_up_to))


def n_of_pilot(n_pilot: int) -> int:
    """Return how many images of the pilot's ranking count one by one."""
    return n_pilot // 8


def n_parts(sampler: Sampler, n_images: int, exact_up_to: int, cluster_sizes: Sequence[int] = ()) -> int:
    """Return in how many parts a sampler selects from so many images; 1 where they are ranked together.

    Parameters
    ----------
    cluster_sizes : sequence of int
        Images of each cluster, for a sampler that uses clusters.
    """
    if not is_divided(sampler, n_images, exact_up_to):
        return 1
    sizes = cluster_sizes if sampler.uses_clusters and len(cluster_sizes) else (n_images,)
    return sum(-(-size // part_size(exact_up_to)) for size in sizes)


def selection_bytes(sampler: Sampler, n_images: int, n_components: int, exact_up_to: int) -> int:
    """Return what a sampler takes to rank so many images, in parts beyond the limit, in bytes."""
    if not is_divided(sampler, n_images, exact_up_to):
        return sampler.cost.bytes_for(n_images, n_components)
    one = sampler.cost.bytes_for(_largest_together(sampler, exact_up_to), n_components)
    # The embedding once more in its parts and the pilot, and a rank and a reason for every image.
    return one + 4 * (n_images + pilot_size(exact_up_to)) * n_components + BYTES_OF_RANK * n_images


def _largest_together(sampler: Sampler, exact_up_to: int) -> int:
    return part_size(exact_up_to) if sampler.divided == "proportional" else pilot_size(exact_up_to)


def selection_seconds(sampler: Sampler, n_images: int, exact_up_to: int) -> float:
    """Return about how long a sampler takes to rank so many images, in parts beyond the limit, in seconds."""
    if not is_divided(sampler, n_images, exact_up_to):
        return sampler.cost.seconds_for(n_images)
    of_parts = n_parts(sampler, n_images, exact_up_to) * sampler.cost.seconds_for(part_size(exact_up_to))
    return of_parts + sampler.cost.seconds_for(_largest_together(sampler, exact_up_to))
