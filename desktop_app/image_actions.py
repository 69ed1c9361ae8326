"""Actions on images, wherever they are shown: pin, exclude, relabel, note, copy, show in the folder."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QInputDialog

from coreset_studio.core.errors import CoresetError
from coreset_studio.core.service.dataset_requests import DatasetSummary
from coreset_studio.core.service.image_requests import DecodedImage, DecodeImage
from coreset_studio.desktop_app.dialogs.relabel_dialog import RelabelDialog
from coreset_studio.desktop_app.models.pixels import image_of
from coreset_studio.desktop_app.pages.asking import AskingPage
from coreset_studio.desktop_app.pages.images_shown import ImagesShown
from coreset_studio.desktop_app.service.selection import SelectionQuestions
from coreset_studio.desktop_app.show_in_folder import show_in_folder
from coreset_studio.desktop_app.widgets.words import images

MOST_NUMBERED = 9
PINNED = {"in": "pinned_in", "out": "pinned_out"}


class ImageActions(QObject):
    """Actions on images of the dataset, which are named by their positions in it.

    Every change is a change of the project's settings: undo takes it back, and no file is touched.

    Parameters
    ----------
    page : AskingPage
        Under which dialogs open.
    images : ImagesShown
        The dataset that the positions are of.

    Signals
    -------
    similar_requested : (tuple of int)
        Images that are similar to these are to be shown.
    dataset_changed : ()
        The dataset has to be divided again, as images were excluded, included or relabelled.
    """

    similar_requested = Signal(object)
    dataset_changed = Signal()

    def __init__(self, page: AskingPage, images: ImagesShown) -> None:
        super().__init__(page)
        self._page, self._images = page, images
        self._model, self._messages = page.model, page.messages
        self._questions = SelectionQuestions(page.service.selection, self)
        self._questions.refused.connect(self._messages.warning)

    # --- what is known ----------------------------------------------------------------------------------------

    @property
    def summary(self) -> DatasetSummary | None:
        """The dataset that images are of; None while there is none."""
        return self._images.summary

    def paths(self, indices: Sequence[int]) -> list[str]:
        """Return the paths of images."""
        summary = self._images.summary
        return [] if summary is None else [summary.dataset.images[index].path for index in indices]

    def classes(self) -> tuple[str, ...]:
        """Return the classes that an image may be given, sorted: those of the dataset, and those that were added."""
        summary = self._images.summary
        added = {record.new for record in self._model.settings("data").relabelled}
        if summary is not None and summary.dataset.unlabelled and not summary.dataset.without_label:
            added.add(summary.dataset.unlabelled)  # so that a label can be removed
        return tuple(sorted({*(summary.dataset.classes if summary is not None else ()), *added}))

    def numbered_classes(self) -> tuple[str, ...]:
        """Return the classes that the keys 1 to 9 give, in the sequence of the keys."""
        unlabelled = self._images.summary.dataset.unlabelled if self._images.summary is not None else ""
        return tuple(name for name in self.classes() if name != unlabelled)[:MOST_NUMBERED]

    def relabel_by_number(self, indices: Sequence[int], number: int) -> None:
        """Give images the class of a key, from 1; nothing if there is none."""
        names = self.numbered_classes()
        if 1 <= number <= len(names):
            self.relabel(indices, names[number - 1])

    def class_of(self, index: int) -> str:
        """Return the class of an image as it is recorded now, also before the dataset is divided again."""
        summary = self._images.summary
        if summary is None:
            return ""
        image = summary.dataset.images[index]
        recorded = {record.path: record.new for record in self._model.settings("data").relabelled}
        return str(recorded.get(image.path, image.original_class or image.class_name))

    def pins(self, indices: Sequence[int]) -> set[str]:
        """Return how images are pinned: "in", "out", "" for those that are not."""
        settings = self._model.settings("selection")
        inside, outside = set(settings.pinned_in), set(settings.pinned_out)
        return {"in" if path in inside else "out" if path in outside else "" for path in self.paths(indices)}

    def excluded(self, indices: Sequence[int]) -> int:
        """Return how many of the images the user has excluded."""
        excluded = set(self._model.settings("data").left_out_images)
        return sum(path in excluded for path in self.paths(indices))

    def why_no_pins(self, indices: Sequence[int]) -> str:
        """Return why images cannot be pinned, or an empty text."""
        summary = self._images.summary
        if summary is None:
            return "No images are loaded."
        pool = set(summary.split.pool.tolist())
        return "" if any(index in pool for index in indices) else "Only images of the pool can be in a coreset."

    def why_no_similar(self) -> str:
        """Return why similar images cannot be found, or an empty text."""
        has = self._model.facts("features") is not None
        return "" if has else "Extract features first, on the Features page."

    # --- what changes the project -----------------------------------------------------------------------------

    def pin(self, indices: Sequence[int], how: str) -> None:
        """Pin images of the pool in or out, or unpin them.

        Parameters
        ----------
        how : {"in", "out", ""}
        """
        summary = self._images.summary
        pool = set(summary.split.pool.tolist()) if summary is not None else set()
        paths = set(self.paths([index for index in indices if index in pool or not how]))
        if not paths:
            return
        settings = self._model.settings("selection")
        inside, outside = set(settings.pinned_in) - paths, set(settings.pinned_out) - paths
        if how:
            (inside if how == "in" else outside).update(paths)
        words = {"in": "pinning in", "out": "pinning out"}.get(how, "unpinning")
        changes = {"pinned_in": tuple(sorted(inside)), "pinned_out": tuple(sorted(outside))}
        self._change("selection", f"{words} {images(len(paths))}", changes)

    def exclude(self, indices: Sequence[int], *, out: bool = True) -> None:
        """Exclude images from the dataset, or include those again that the user had excluded."""
        paths = set(self.paths(indices))
        excluded = set(self._model.settings("data").left_out_images)
        after = excluded | paths if out else excluded - paths
        if after != excluded:
            words = f"{'excluding' if out else 'including'} {images(len(after ^ excluded))}"
            self._change("data", words, {"left_out_images": tuple(sorted(after))})
            self.dataset_changed.emit()

    def relabel(self, indices: Sequence[int], class_name: str) -> None:
        """Give images another class; the class that the source gives them removes the record of it."""
        summary = self._images.summary
        name = class_name.strip()
        if summary is None or not name:
            return
        chosen = [summary.dataset.images[index] for index in indices]
        in_source = {image.path: image.original_class or image.class_name for image in chosen}
        before = self._model.settings("data").relabelled
        try:
            self._model.relabel(in_source, name, in_source)
        except CoresetError as error:
            self._messages.warning(str(error))
            return
        if self._model.settings("data").relabelled != before:
            self.dataset_changed.emit()

    def ask_class(self, indices: Sequence[int]) -> RelabelDialog:
        """Ask for the class of images, which may be a new one."""
        current = {self.class_of(index) for index in indices}
        dialog = RelabelDialog(self.classes(), current, len(indices), self._page)
        dialog.chosen.connect(lambda name: self.relabel(indices, name))
        dialog.open()
        return dialog

    def ask_note(self, indices: Sequence[int]) -> QInputDialog:
        """Ask for a note about images."""
        paths = self.paths(indices)
        notes = {self._model.project.image_notes.get(path, "") for path in paths}
        dialog = QInputDialog(self._page)
        dialog.setOption(QInputDialog.InputDialogOption.UsePlainTextEditForTextInput)
        dialog.setWindowTitle("Note")
        what = paths[0].rsplit("/", 1)[-1] if len(paths) == 1 else images(len(paths))
        dialog.setLabelText(f"Note on {what}. An empty note is removed.")
        dialog.setTextValue(next(iter(notes)) if len(notes) == 1 else "")
        dialog.textValueSelected.connect(lambda text: self._note(paths, text))
        dialog.open()
        return dialog

    def _note(self, paths: Sequence[str], text: str) -> None:
        self._model.undo_stack.beginMacro(f"note on {images(len(paths))}")
        for path in paths:
            self._model.set_image_note(path, text)
        self._model.undo_stack.endMacro()

    def _change(self, section: str, text: str, changes: dict[str, Any]) -> None:
        try:
            self._model.set_settings(section, text=text, **changes)
        except CoresetError as error:
            self._messages.warning(str(error))

    # --- what does not ----------------------------------------------------------------------------------------

    def find_similar(self, indices: Sequence[int]) -> None:
        """Show images that are similar to these."""
        self.similar_requested.emit(tuple(indices))

    def show_in_folder(self, indices: Sequence[int]) -> None:
        """Show the file of the first image in the system's file manager."""
        summary = self._images.summary
        file = summary.file(indices[0]) if summary is not None else None
        if file is None or not file.exists():
            self._messages.warning("The file was not found. Use File > Locate images to choose its new location.")
        elif not show_in_folder(file):
            self._messages.warning(f"The system opened no file manager. The file is {file}.")

    def copy_paths(self, indices: Sequence[int]) -> None:
        """Copy the full paths of images, a line each."""
        summary = self._images.summary
        if summary is None:
            return
        lines = [f"{summary.file(index)}" + (f" {path}" if summary.is_one_file else "")
                 for index, path in zip(indices, self.paths(indices), strict=True)]  # fmt: skip
        QGuiApplication.clipboard().setText("\n".join(lines))
        self._messages.info(f"Copied {'the path' if len(lines) == 1 else f'{len(lines):,} paths'}.")

    def copy_image(self, index: int) -> None:
        """Copy the pixels of an image as soon as the engine has decoded them."""
        if self._page.open_image_service(self._questions):
            self._questions.ask(DecodeImage(index), self._copy, latest=False)
        else:
            self._messages.warning("The image cannot be read now. Scan the dataset again.")

    def _copy(self, decoded: DecodedImage) -> None:
        if not decoded.rgb:
            self._messages.warning(decoded.problem)
            return
        QGuiApplication.clipboard().setImage(image_of(decoded))
        self._messages.info(f"Copied the image ({decoded.width:,} × {decoded.height:,} pixels).")
