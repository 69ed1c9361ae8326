"""Files that are no usable images, and why."""

from PySide6.QtWidgets import QWidget

from coreset_studio.desktop_app.models.table_model import Column
from coreset_studio.desktop_app.widgets.table import Table


class SkippedTable(Table):
    """Rows are `core.results.Skipped`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        columns = [Column("File", lambda row: row.path), Column("Reason", lambda row: row.reason)]
        super().__init__("Skipped files", columns, parent)
        self.set_note("No skipped files")
