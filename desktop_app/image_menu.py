"""The context menu of images, the same wherever they are shown, and its keys."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, QPoint, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from coreset_studio.desktop_app.image_actions import MOST_NUMBERED, ImageActions
from coreset_studio.desktop_app.pages.images_shown import ImagesShown
from coreset_studio.desktop_app.pages.page import Page
from coreset_studio.desktop_app.widgets.scatter import Scatter
from coreset_studio.desktop_app.widgets.table import Table
from coreset_studio.desktop_app.widgets.thumbnail_grid import ThumbnailGrid
from coreset_studio.desktop_app.widgets.thumbnail_row import ThumbnailRow

MOST_CLASSES = 24
"""Classes that the menu lists; the dialog has them all."""
Indices = Sequence[int]
ReasonNot = Callable[[Indices], str]


@dataclass(frozen=True)
class Entry:
    """One entry of the menu.

    Attributes
    ----------
    text, tip, key : str
        In the menu; the key also works while the images have the focus.
    do : callable
        Takes the images.
    why_not : callable
        Returns why it cannot be used, or an empty text.
    is_shown : callable
    """

    text: str
    tip: str
    key: str
    do: Callable[[Indices], object]
    why_not: ReasonNot = lambda indices: ""  # noqa: ARG005
    is_shown: Callable[[Indices], bool] = lambda indices: True  # noqa: ARG005


class ImageMenu(QObject):
    """The context menu of images.

    `attach_grid`, `attach_row` and `attach_table` add it to the widgets of a page; `fill` fills any other menu.

    Signals
    -------
    opened : (int, object)
        The user asked to enlarge an image; with the images to step through.
    """

    opened = Signal(int, object)

    def __init__(self, actions: ImageActions, owner: QWidget) -> None:
        super().__init__(owner)
        self.actions = actions
        self._owner = owner
        self._menu: QMenu | None = None

    @classmethod
    def of_page(cls, page: Page, images: ImagesShown) -> "ImageMenu":
        """Return the menu of a page; similar images are shown on the Images page."""
        actions = ImageActions(page, images)
        actions.similar_requested.connect(page.similar_requested)
        actions.dataset_changed.connect(page.dataset_changed)
        return cls(actions, page)

    def entries(self) -> list[Entry | None]:
        """Return the entries in order; None is a line."""
        do = self.actions

        def one(indices: Indices) -> str:
            return "" if len(indices) == 1 else "Select one image."

        def no_similar(indices: Indices) -> str:  # noqa: ARG001
            return do.why_no_similar()

        def pinned(indices: Indices) -> str:
            return "" if do.pins(indices) != {""} else "Not pinned."

        return [
            Entry("Find similar", "Show the images whose features are most similar", "S", do.find_similar, no_similar),
            None,
            Entry("Always include (pin in)", "Counts towards the budget of its class", "I",
                  lambda indices: do.pin(indices, "in"), do.why_no_pins),
            Entry("Always exclude (pin out)", "Another image takes its place in the coreset", "O",
                  lambda indices: do.pin(indices, "out"), do.why_no_pins),
            Entry("Unpin", "Let the sampler decide again", "U", lambda indices: do.pin(indices, ""), pinned),
            None,
            Entry("Relabel…", "Record another class; the files are not changed", "R", do.ask_class),
            Entry("Exclude from the dataset", "Use it neither for training nor for testing", "X", do.exclude,
                  is_shown=lambda indices: do.excluded(indices) < len(indices)),
            Entry("Include again", "Use images again that you excluded", "Shift+X",
                  lambda indices: do.exclude(indices, out=False), is_shown=lambda indices: do.excluded(indices) > 0),
            Entry("Note…", "Keep a note with the image", "N", do.ask_note),
            None,
            Entry("Show in folder", "Open the folder of the file", "", do.show_in_folder),
            Entry("Copy image", "Copy the pixels to the clipboard", "", lambda indices: do.copy_image(indices[0]), one),
            Entry("Copy path", "Copy the path of the file", "Ctrl+C", do.copy_paths),
        ]  # fmt: skip

    def fill(self, menu: QMenu, indices: Indices, *, walk: Indices | None = None) -> None:
        """Add the entries to a menu.

        Parameters
        ----------
        indices : sequence of int
            Images that the entries act on.
        walk : sequence of int, optional
            Images to walk through from "Open"; without it there is no such entry.
        """
        menu.setToolTipsVisible(True)
        if walk is not None:
            opening = menu.addAction("Open", lambda: self.opened.emit(indices[0], list(walk)))
            opening.setShortcut(QKeySequence(Qt.Key.Key_Return))
        for entry in self.entries():
            if entry is None:
                menu.addSeparator()
            elif entry.is_shown(indices):
                self._add(menu, entry, indices)
                if entry.text == "Relabel…":
                    self._add_classes(menu, indices)

    def attach_grid(self, grid: ThumbnailGrid, *, keys: Sequence[str] = ()) -> None:
        """Give a grid the menu, for the images that are selected in it; `keys` are those that the page has already."""
        chosen = partial(_selected_in, grid)

        def under(at: QPoint) -> list[int]:
            index = grid.indexAt(at)
            key = int(grid.images.keys[index.row()]) if index.isValid() else -1
            selected = chosen()
            return selected if key < 0 or key in selected else [key]

        self._attach(grid, grid.viewport(), chosen, under, lambda: grid.images.keys.tolist(), keys=keys)

    def attach_numbers(self, grid: ThumbnailGrid) -> None:
        """Let the keys 1 to 9 give the selected images of a grid a class, as the menu shows it."""
        for number in range(1, MOST_NUMBERED + 1):
            action = QAction(f"Relabel as class {number}", grid)
            action.setShortcut(QKeySequence(str(number)))
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            action.triggered.connect(
                lambda *, number=number: self.actions.relabel_by_number(_selected_in(grid), number)
            )
            grid.addAction(action)

    def attach_row(self, row: ThumbnailRow) -> None:
        """Give a row of images the menu, for the one under the mouse or the keyboard."""

        def chosen() -> list[int]:
            return [key for key in (row.current_key(),) if key >= 0]

        def under(at: QPoint) -> list[int]:
            key = row.key_at(at)
            return [key] if key >= 0 else chosen()

        self._attach(row, row, chosen, under, lambda: [image.key for image in row.images])

    def attach_table(self, table: Table, indices_of: Callable[[Any], Sequence[int]]) -> None:
        """Give a table whose rows are of images the menu.

        Parameters
        ----------
        indices_of : callable
            Takes a row, returns its images.
        """

        def chosen() -> list[int]:
            return list(dict.fromkeys(index for row in table.chosen_rows() for index in indices_of(row)))

        def under(at: QPoint) -> list[int]:
            index = table.indexAt(at)
            mine = list(indices_of(table.row_at(index))) if index.isValid() else []
            selected = chosen()
            return selected if not mine or set(mine) <= set(selected) else mine

        self._attach(
            table,
            table.viewport(),
            chosen,
            under,
            lambda: [i for r in table.rows_model.rows for i in indices_of(r)],
            keys=("Ctrl+C",),
        )

    def attach_scatter(self, scatter: Scatter, indices: Callable[[], Indices]) -> None:
        """Give a scatter the menu, for the image under the mouse or those that are selected.

        Parameters
        ----------
        indices : callable
            Returns the images of all points, in their order.
        """

        def show(row: int, at: QPoint) -> None:
            of_points, selected = indices(), scatter.selection.tolist()
            rows = selected if row < 0 or row in selected else [row]
            if rows:
                self._show([of_points[each] for each in rows], list(of_points), at)

        scatter.menu_requested.connect(show)

    # --- inside -----------------------------------------------------------------------------------------------

    def _attach(
        self,
        widget: QWidget,
        surface: QWidget,
        chosen: Callable[[], list[int]],
        under: Callable[[QPoint], list[int]],
        walk: Callable[[], list[int]],
        *,
        keys: Sequence[str] = (),
    ) -> None:
        """Add menu and keys; `keys` are those that the widget has for itself."""
        for entry in self.entries():
            if entry is not None and entry.key and entry.key not in keys:
                action = QAction(entry.text, widget)
                action.setShortcut(QKeySequence(entry.key))
                action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
                action.triggered.connect(lambda *, entry=entry: self._use(entry, chosen()))
                widget.addAction(action)
        widget.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)

        def show(at: QPoint) -> None:
            indices = under(at)
            if indices:
                self._show(indices, walk(), surface.mapToGlobal(at))

        widget.customContextMenuRequested.connect(show)

    def _use(self, entry: Entry, indices: Indices) -> None:
        if indices and entry.is_shown(indices) and not entry.why_not(indices):
            entry.do(indices)

    def _show(self, indices: Indices, walk: Indices, at: QPoint) -> None:
        menu = self._menu = QMenu(self._owner)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.fill(menu, indices, walk=walk)
        menu.popup(at)

    def _add(self, menu: QMenu, entry: Entry, indices: Indices) -> QAction:
        action = menu.addAction(entry.text, lambda: entry.do(indices))
        reason = entry.why_not(indices)
        action.setEnabled(not reason)
        action.setToolTip(reason or entry.tip)
        if entry.key:
            action.setShortcut(QKeySequence(entry.key))
        return action

    def _add_classes(self, menu: QMenu, indices: Indices) -> None:
        """Add the classes below "Relabel…", so that one movement of the mouse relabels."""
        classes = self.actions.classes()
        if not 1 < len(classes) <= MOST_CLASSES:
            return
        current = {self.actions.class_of(index) for index in indices}
        numbered = self.actions.numbered_classes()
        below = menu.addMenu("Relabel as")
        for name in classes:
            action = below.addAction(name.replace("&", "&&"), partial(self.actions.relabel, indices, name))
            if name in numbered:
                action.setShortcut(QKeySequence(str(numbered.index(name) + 1)))
            action.setCheckable(True)
            action.setChecked(current == {name})


def _selected_in(grid: ThumbnailGrid) -> list[int]:
    """Return the selected images of a grid, else the current one."""
    keys = [int(key) for key in grid.selected_keys()]
    current = grid.current_key()
    return keys or ([current] if current >= 0 else [])
