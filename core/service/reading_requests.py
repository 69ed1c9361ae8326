"""Requests for previews of reading images with other settings: columns, layouts, grey levels, pages."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from coreset_studio.core.descriptions import SettingsPart
from coreset_studio.core.limits import limited
from coreset_studio.core.progress import Progress
from coreset_studio.core.results import LayoutFacts, LevelsFacts, PagesFacts, Reading, TableFacts
from coreset_studio.core.service.requests import Request
from coreset_studio.core.settings import DataSettings


@dataclass(frozen=True)
class PreviewTable(Request[TableFacts]):
    """Read a table with some settings of its source, without decoding images."""

    is_for_display: ClassVar[bool] = True
    source: Path
    settings: SettingsPart

    @limited(seconds=300)
    def run(self, progress: Progress) -> TableFacts:
        """Read the rows, and search for the files that they name."""
        from coreset_studio.core.data.sources.csv.facts import table_facts
        from coreset_studio.core.data.sources.csv.settings import TableSettings

        settings = self.settings if isinstance(self.settings, TableSettings) else TableSettings()
        return table_facts(self.source, settings, progress)


@dataclass(frozen=True)
class PreviewLayouts(Request[tuple[LayoutFacts, ...]]):
    """List a folder with each layout, without decoding images."""

    is_for_display: ClassVar[bool] = True
    source: Path
    settings: DataSettings

    @limited(seconds=600)
    def run(self, progress: Progress) -> tuple[LayoutFacts, ...]:
        """List the folder once, and apply each layout."""
        from coreset_studio.core.data.layout_facts import layout_facts

        return layout_facts(self.source, self.settings, progress)


@dataclass(frozen=True)
class PreviewLevels(Request[LevelsFacts]):
    """Read the stored values of some images of a file kind; see `core.data.pixel_facts.levels_facts`.

    Attributes
    ----------
    source_kind : str
        Name of the source.
    root : Path
        Root of the dataset.
    kind : str
        The file kind.
    paths : tuple of str
        Images of this kind.
    before : Reading
        Current reading.
    after : DataSettings or None
        Settings with the changed reading; None if nothing is changed.
    """

    is_for_display: ClassVar[bool] = True
    source_kind: str
    root: Path
    kind: str
    paths: tuple[str, ...]
    before: Reading
    after: DataSettings | None

    @limited(seconds=120, n_bytes=4_000_000_000)
    def run(self, progress: Progress) -> LevelsFacts:
        """Decode these images."""
        from coreset_studio.core.data.pixel_facts import levels_facts
        from coreset_studio.core.data.readings import reading_of
        from coreset_studio.core.data.sources import source_of

        before = after = self.before
        if self.after is not None:
            requested = reading_of(self.after)
            # Transparency and pages are not previewed here.
            after = replace(
                before, levels=requested.levels, percentiles=requested.percentiles, ranges=requested.ranges,
                window=requested.window,
            )  # fmt: skip
        source = source_of(self.source_kind)
        return levels_facts(source, self.root, self.kind, self.paths, before, after, progress)


@dataclass(frozen=True)
class PreviewPages(Request[PagesFacts]):
    """Read the pages of one file; see `core.data.pixel_facts.pages_facts`.

    Attributes
    ----------
    source_kind : str
        Name of the source.
    root : Path
        Root of the dataset.
    file : str
        Relative to `root`.
    reading : Reading
        Current reading.
    rule : str
        Rule for pages to preview; see `Reading.pages`.
    """

    is_for_display: ClassVar[bool] = True
    source_kind: str
    root: Path
    file: str
    reading: Reading
    rule: str

    @limited(seconds=120, n_bytes=4_000_000_000)
    def run(self, progress: Progress) -> PagesFacts:
        """Decode the first pages."""
        from coreset_studio.core.data.pixel_facts import pages_facts
        from coreset_studio.core.data.sources import source_of

        return pages_facts(source_of(self.source_kind), self.root, self.file, self.reading, self.rule, progress)
