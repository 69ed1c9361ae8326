"""The viewer of one image: zoom, pan, display, stepping, similar images."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QImage,
    QKeySequence,
    QNativeGestureEvent,
    QPointingDevice,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from coreset_studio.desktop_app.models.thumbnails import Thumbnail
from coreset_studio.desktop_app.widgets.display_controls import CHANGED, PLAIN
from coreset_studio.desktop_app.widgets.image_canvas import LARGEST_ZOOM, ImageCanvas, display_table
from coreset_studio.desktop_app.widgets.image_viewer import ImageViewer


def checked(width: int, height: int) -> QImage:
    """Return an image whose pixels are alternately black and white."""
    values = (np.indices((height, width)).sum(axis=0) % 2 * 255).astype(np.uint8)
    rgb = np.repeat(values[..., None], 3, axis=2)
    return QImage(rgb.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()


@pytest.fixture
def canvas(qtbot: QtBot) -> ImageCanvas:
    """A canvas of 400 × 300 with an image of 800 × 800."""
    made = ImageCanvas()
    qtbot.addWidget(made)
    made.resize(400, 300)
    made.set_image(checked(800, 800))
    made.show()
    return made


def drag(canvas: ImageCanvas, qtbot: QtBot, start: QPoint, end: QPoint) -> None:
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(canvas, end)
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=end)


def turn(canvas: ImageCanvas, at: QPointF, notches: int) -> None:
    event = QWheelEvent(
        at, canvas.mapToGlobal(at), QPoint(), QPoint(0, 120 * notches), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(canvas, event)


def near(one: QPointF, other: QPointF, within: float) -> bool:
    return (one - other).manhattanLength() <= within


class TestImageCanvas:
    def test_all_of_the_image_is_shown_at_first_and_fits_again_in_another_window(self, canvas: ImageCanvas) -> None:
        assert canvas.zoom == pytest.approx(300 / 800)
        assert not canvas.can_pan
        canvas.resize(400, 200)
        assert canvas.zoom == pytest.approx(200 / 800)

    def test_the_wheel_keeps_what_is_under_the_pointer(self, canvas: ImageCanvas) -> None:
        at = QPointF(250, 120)
        before = canvas.image_point(at)
        turn(canvas, at, 5)
        assert canvas.zoom == pytest.approx(300 / 800 * 1.25**5)
        assert near(canvas.image_point(at), before, 2 / canvas.zoom)
        turn(canvas, at, -5)
        assert canvas.zoom == pytest.approx(300 / 800)
        assert canvas.is_fitted

    def test_a_pinch_zooms_at_the_fingers(self, canvas: ImageCanvas) -> None:
        at = QPointF(120, 150)
        before = canvas.image_point(at)
        event = QNativeGestureEvent(
            Qt.NativeGestureType.ZoomNativeGesture, QPointingDevice.primaryPointingDevice(), 2, at, at,
            canvas.mapToGlobal(at), 2.0, QPointF(),
        )  # fmt: skip
        QApplication.sendEvent(canvas, event)
        assert canvas.zoom == pytest.approx(3 * 300 / 800)
        assert near(canvas.image_point(at), before, 2 / canvas.zoom)

    def test_the_zoom_has_ends(self, canvas: ImageCanvas) -> None:
        turn(canvas, QPointF(200, 150), 100)
        assert canvas.zoom == LARGEST_ZOOM
        turn(canvas, QPointF(200, 150), -100)
        assert canvas.zoom == pytest.approx(300 / 800)

    def test_a_small_image_is_enlarged_to_fit_and_can_be_shown_at_its_size(self, canvas: ImageCanvas) -> None:
        canvas.set_image(checked(28, 28))
        assert canvas.zoom == pytest.approx(300 / 28)
        canvas.set_zoom(1.0)
        assert canvas.zoom == 1.0
        assert canvas.placement().center() == QPointF(200, 150)

    def test_dragging_moves_the_image_up_to_its_edge(self, canvas: ImageCanvas, qtbot: QtBot) -> None:
        canvas.set_zoom(1.0)
        assert canvas.placement().topLeft() == QPointF(-200, -250)
        drag(canvas, qtbot, QPoint(100, 100), QPoint(130, 80))
        assert canvas.placement().topLeft() == QPointF(-170, -270)
        drag(canvas, qtbot, QPoint(10, 10), QPoint(390, 290))
        assert canvas.placement().topLeft() == QPointF(0, 0)

    def test_at_100_percent_each_pixel_is_shown_as_it_is(self, canvas: ImageCanvas) -> None:
        canvas.set_zoom(1.0)
        shown = canvas.grab().toImage()
        corner = -canvas.placement().topLeft().toPoint()
        for x, y in ((100, 100), (101, 100), (150, 201), (399 - 20, 299 - 20)):
            expected = 255 * ((x + corner.x() + y + corner.y()) % 2)
            assert shown.pixelColor(x, y).red() == expected

    def test_pixels_are_squares_above_200_percent_and_interpolated_below(self, canvas: ImageCanvas) -> None:
        def greys() -> set[int]:
            shown = canvas.grab().toImage()
            return {shown.pixelColor(x, 150).red() for x in range(100, 300)}

        canvas.set_zoom(4.0)
        assert greys() == {0, 255}
        canvas.set_zoom(1.5)
        assert greys() - {0, 255}

    def test_a_thumbnail_stands_where_the_image_will_and_is_smooth(self, canvas: ImageCanvas) -> None:
        canvas.set_image(checked(64, 64), size=QSize(640, 640), is_preview=True)
        canvas.set_zoom(1.0)
        canvas.pan_by(QPointF(50, 60))
        place = canvas.placement()
        assert place.size().toSize() == QSize(640, 640)
        shown = canvas.grab().toImage()
        assert {shown.pixelColor(x, 150).red() for x in range(100, 300)} - {0, 255}
        canvas.set_image(checked(640, 640), size=QSize(640, 640))
        assert canvas.placement() == place
        assert canvas.zoom == 1.0

    def test_zoom_and_part_are_kept_for_an_image_of_the_same_size_alone(self, canvas: ImageCanvas) -> None:
        canvas.set_zoom(2.0)
        canvas.pan_by(QPointF(30, 40))
        place = canvas.placement()
        canvas.set_image(checked(800, 800))
        assert canvas.placement() == place
        canvas.set_image(checked(640, 800))
        assert canvas.is_fitted

    def test_a_large_image_is_averaged_where_it_is_shrunk(self, canvas: ImageCanvas, qtbot: QtBot) -> None:
        canvas.set_image(checked(2400, 2400))

        def greys() -> set[int]:
            shown = canvas.grab().toImage()
            return {shown.pixelColor(x, y).red() for x in range(80, 320, 7) for y in range(20, 280, 7)}

        qtbot.waitUntil(lambda: greys() <= {127, 128})

    def test_a_double_click_shows_100_percent_there_and_all_again(self, canvas: ImageCanvas, qtbot: QtBot) -> None:
        before = canvas.image_point(QPointF(150, 100))
        qtbot.mouseDClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(150, 100))
        assert canvas.zoom == 1.0
        assert near(canvas.image_point(QPointF(150, 100)), before, 2)
        qtbot.mouseDClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(10, 10))
        assert canvas.is_fitted

    def test_brightness_and_contrast_change_what_is_drawn_and_not_the_image(self, canvas: ImageCanvas) -> None:
        grey = QImage(800, 800, QImage.Format.Format_RGB32)
        grey.fill(QColor(100, 140, 200))
        canvas.set_image(grey)
        canvas.set_display(20, 50)
        drawn = canvas.grab().toImage().pixelColor(200, 150)
        table = display_table(20, 50)
        assert [drawn.red(), drawn.green(), drawn.blue()] == [table[100], table[140], table[200]]
        assert canvas.image.pixelColor(5, 5) == QColor(100, 140, 200)

    def test_what_the_display_does_to_values(self) -> None:
        assert display_table(0, 0).tolist() == list(range(256))
        assert display_table(100, 0)[0] == 127
        assert display_table(-100, 0)[255] == 128
        assert display_table(0, 100).tolist()[:97] == [0] * 96 + [2]
        assert (int(display_table(0, -100)[0]), int(display_table(0, -100)[255])) == (96, 159)


class TestImageViewer:
    @pytest.fixture
    def viewer(self, qtbot: QtBot, image_files: list[str]) -> ImageViewer:
        made = ImageViewer()
        qtbot.addWidget(made)
        facts = [("Class", "ig"), ("Size", "320 × 240")]
        made.show_image(image_files[0], "ig/one.jpg", facts, size=QSize(320, 240), position=11, count=340)
        made.show()
        return made

    def test_keys_step_to_the_ends_too_and_space_closes(self, qtbot: QtBot, viewer: ImageViewer) -> None:
        assert viewer.position.text() == "12 of 340"
        keys = Qt.Key
        for key, by in ((keys.Key_Right, 1), (keys.Key_Left, -1), (keys.Key_Home, -11), (keys.Key_End, 328)):
            with qtbot.waitSignal(viewer.stepped) as signal:
                qtbot.keyClick(viewer, key)
            assert signal.args == [by]
        qtbot.keyClick(viewer, keys.Key_Space)
        assert not viewer.isVisible()

    def test_buttons_step_and_stop_at_the_ends(self, qtbot: QtBot, viewer: ImageViewer, image_files: list[str]) -> None:
        with qtbot.waitSignal(viewer.stepped) as signal:
            qtbot.mouseClick(viewer.after, Qt.MouseButton.LeftButton)
        assert signal.args == [1]
        viewer.show_image(image_files[1], "ig/last.jpg", [], position=339, count=340)
        with qtbot.assertNotEmitted(viewer.stepped):
            qtbot.keyClick(viewer, Qt.Key.Key_Right)
            qtbot.keyClick(viewer, Qt.Key.Key_End)
        assert viewer.before.isEnabled()
        assert not viewer.after.isEnabled()

    def test_keys_zoom_pan_and_fit_and_the_zoom_is_told(self, qtbot: QtBot, viewer: ImageViewer) -> None:
        fitting = viewer.canvas.zoom
        qtbot.keyClick(viewer, Qt.Key.Key_Plus, Qt.KeyboardModifier.ShiftModifier)  # where + is the other half of =
        assert viewer.canvas.zoom == pytest.approx(fitting * 1.25)
        qtbot.keyClick(viewer, Qt.Key.Key_Minus)
        assert viewer.canvas.zoom == pytest.approx(fitting)
        qtbot.keyClick(viewer, Qt.Key.Key_1)
        assert viewer.zoom_text.text() == "100 %"
        viewer.canvas.set_zoom(8.0)
        assert viewer.zoom_text.text() == "800 %"
        before = viewer.canvas.placement().topLeft()
        with qtbot.assertNotEmitted(viewer.stepped):
            qtbot.keyClick(viewer, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
            qtbot.keyClick(viewer, Qt.Key.Key_Down, Qt.KeyboardModifier.ControlModifier)
        moved = before - viewer.canvas.placement().topLeft()
        assert moved.x() == pytest.approx(viewer.canvas.width() / 10, abs=1)
        assert moved.y() == pytest.approx(viewer.canvas.height() / 10, abs=1)
        qtbot.keyClick(viewer, Qt.Key.Key_0)
        assert viewer.canvas.is_fitted

    def test_the_100_percent_button_and_fit(self, qtbot: QtBot, viewer: ImageViewer) -> None:
        qtbot.mouseClick(viewer.full, Qt.MouseButton.LeftButton)
        assert viewer.canvas.zoom == 1.0
        qtbot.mouseClick(viewer.fit, Qt.MouseButton.LeftButton)
        assert viewer.canvas.is_fitted

    def test_the_full_image_takes_the_place_of_its_thumbnail(self, viewer: ImageViewer) -> None:
        assert viewer.canvas.image.width() == 32
        viewer.canvas.set_zoom(3.0)
        place = viewer.canvas.placement()
        viewer.show_full(checked(320, 240), QSize(320, 240), "Shown with fewer pixels.")
        assert viewer.canvas.image.width() == 320
        assert viewer.canvas.placement() == place
        assert viewer.canvas.note.text() == "Shown with fewer pixels."

    def test_a_full_image_that_is_long_in_coming_is_said_to_be_loading(self, qtbot: QtBot, viewer: ImageViewer) -> None:
        qtbot.waitUntil(viewer.canvas.note.isVisible)
        assert viewer.canvas.note.text() == "Loading the full image…"
        viewer.show_full(checked(320, 240), QSize(320, 240))
        assert not viewer.canvas.note.isVisible()

    def test_says_why_there_is_no_image(self, viewer: ImageViewer) -> None:
        viewer.show_image("/nowhere.png", "ig/gone.jpg", [])
        assert viewer.canvas.image.isNull()
        assert "Scan the dataset again" in viewer.canvas.accessibleName()

    def test_facts_are_replaced(self, viewer: ImageViewer) -> None:
        assert viewer.facts == (("Class", "ig"), ("Size", "320 × 240"))
        viewer.show_image("/nowhere.png", "ig/two.jpg", [("Class", "ig")])
        assert viewer.facts == (("Class", "ig"),)
        assert "320 × 240" not in [label.text() for label in viewer.findChildren(QLabel)]
        assert viewer.windowTitle() == "two.jpg"

    def test_sliders_change_the_display_stay_while_stepping_and_are_reset(
        self, qtbot: QtBot, viewer: ImageViewer
    ) -> None:
        display = viewer.display
        assert display.note.text() == PLAIN
        image = checked(320, 240)
        viewer.show_full(image, image.size())
        plain = viewer.canvas.grab().toImage()
        display.contrast.setFocus()
        qtbot.keyClick(display.contrast, Qt.Key.Key_PageUp)
        assert display.contrast.value() == 10
        assert display.note.text() == CHANGED
        changed = viewer.canvas.grab().toImage()
        assert changed != plain
        viewer.show_image(image, "ig/two.jpg", [])
        assert viewer.canvas.grab().toImage() == changed
        qtbot.mouseClick(display.reset, Qt.MouseButton.LeftButton)
        assert viewer.canvas.grab().toImage() == plain
        assert not display.reset.isEnabled()

    def test_similar_images_open_by_click_and_key_and_can_be_hidden(
        self, qtbot: QtBot, viewer: ImageViewer, image_files: list[str]
    ) -> None:
        assert not viewer.similar.isVisible()
        with qtbot.waitSignal(viewer.similar_toggled) as toggled:
            qtbot.keyClick(viewer, Qt.Key.Key_L)
        assert toggled.args == [True]
        images = [
            Thumbnail(key, image_files[key], f"ig/{key}.jpg", caption=f"ig\ndistance 0.{key}") for key in (7, 3, 5)
        ]
        viewer.similar.set_images(images)
        assert [viewer.similar.item(row).text() for row in range(3)] == [image.caption for image in images]
        place = viewer.similar.visualItemRect(viewer.similar.item(1)).center()
        with qtbot.waitSignal(viewer.similar_opened) as opened:
            qtbot.mouseClick(viewer.similar.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert opened.args == [3]
        viewer.similar.setCurrentRow(2)
        with qtbot.waitSignal(viewer.similar_opened) as opened:
            qtbot.keyClick(viewer.similar, Qt.Key.Key_Return)
        assert opened.args == [5]
        assert viewer.isVisible()

    def test_back_is_offered_only_where_there_is_a_way_back(self, qtbot: QtBot, viewer: ImageViewer) -> None:
        with qtbot.assertNotEmitted(viewer.back_requested):
            qtbot.keyClick(viewer, Qt.Key.Key_Backspace)
        viewer.offer_back(True)
        with qtbot.waitSignal(viewer.back_requested):
            qtbot.keyClick(viewer, Qt.Key.Key_Backspace)
        with qtbot.waitSignal(viewer.back_requested):
            qtbot.mouseClick(viewer.back, Qt.MouseButton.LeftButton)

    def test_actions_are_asked_for_by_button_and_right_click(self, qtbot: QtBot, viewer: ImageViewer) -> None:
        assert not viewer.more.isVisible()
        viewer.offer_actions(True)
        with qtbot.waitSignal(viewer.menu_requested) as signal:
            qtbot.mouseClick(viewer.more, Qt.MouseButton.LeftButton)
        assert signal.args == [viewer.more.mapToGlobal(viewer.more.rect().bottomLeft())]
        at = QPoint(40, 50)
        event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, viewer.canvas.mapToGlobal(at))
        with qtbot.waitSignal(viewer.menu_requested) as signal:
            QApplication.sendEvent(viewer.canvas, event)
        assert signal.args == [viewer.canvas.mapToGlobal(at)]

    def test_other_keys_are_told_as_they_may_be_of_actions(self, qtbot: QtBot, viewer: ImageViewer) -> None:
        for key, modifiers, text in (
            (Qt.Key.Key_X, Qt.KeyboardModifier.ShiftModifier, "Shift+X"),
            (Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier, "Ctrl+C"),
            (Qt.Key.Key_N, Qt.KeyboardModifier.NoModifier, "N"),
        ):
            with qtbot.waitSignal(viewer.key_pressed) as pressed:
                qtbot.keyClick(viewer, key, modifiers)
            assert pressed.args == [QKeySequence(text)]

    def test_space_and_enter_press_what_has_the_focus(self, qtbot: QtBot, viewer: ImageViewer) -> None:
        viewer.toggle.setFocus()
        qtbot.keyClick(viewer.toggle, Qt.Key.Key_Return)
        assert viewer.toggle.isChecked()
        assert viewer.isVisible()
