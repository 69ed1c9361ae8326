"""Make every page of a file an image of its own."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path

from coreset_studio.core.data.images import n_pages
from coreset_studio.core.data.listing import Entry, Listing
from coreset_studio.core.data.page_names import file_and_page, page_path
from coreset_studio.core.data.scanning import thread_count
from coreset_studio.core.progress import Progress

_AT_ONCE = 64


def with_each_page(listing: Listing, progress: Progress) -> Listing:
    """Return a listing of files in which every page of a file with several is an image of its own.

    Parameters
    ----------
    listing : Listing
        Of image files below its root.
    progress : Progress

    Raises
    ------
    CancelledError
        If the user cancelled.
    """

    def pages_of(entry: Entry) -> list[Entry]:
        # What a list names as a page is one already.
        n = 1 if file_and_page(entry.path)[1] else n_pages(listing.root / Path(entry.path))
        return [replace(entry, path=page_path(entry.path, at + 1)) for at in range(n)] if n > 1 else [entry]

    entries: list[Entry] = []
    left, done = iter(listing.entries), 0
    with ThreadPoolExecutor(thread_count(), thread_name_prefix="pages") as pool:
        while some := list(islice(left, _AT_ONCE)):
            progress.report(done, len(listing.entries), "Counting pages: files")
            entries += [page for pages in pool.map(pages_of, some) for page in pages]
            done += len(some)
    return replace(listing, entries=entries)
