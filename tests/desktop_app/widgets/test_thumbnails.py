from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage

from coreset_studio.desktop_app.models.thumbnail_model import Badges, Thumbnail, ThumbnailModel
from coreset_studio.desktop_app.models.thumbnail_store import (
    MOST_BYTES,
    MOST_PENDING,
    ThumbnailStore,
    decode,
    shared_store,
)
from coreset_studio.desktop_app.models.thumbnails import LazyThumbnails
from coreset_studio.desktop_app.widgets.medoid_strip import Medoid, MedoidStrip
from coreset_studio.desktop_app.widgets.sample_strip import SampleStrip
from coreset_studio.desktop_app.widgets.thumbnail_grid import ThumbnailGrid
from coreset_studio.desktop_app.widgets.thumbnail_row import ThumbnailRow


def thumbnails(files: list[str], n: int) -> list[Thumbnail]:
    return [Thumbnail(1000 + i, files[i % len(files)], f"ig/{i}.jpg", i % 3) for i in range(n)]


@pytest.fixture
def grid(qtbot, store: ThumbnailStore, image_files: list[str]) -> ThumbnailGrid:
    made = ThumbnailGrid(store=store)
    qtbot.addWidget(made)
    made.resize(600, 400)
    made.set_images(thumbnails(image_files, 80))
    made.show()
    return made


def at(grid: ThumbnailGrid, row: int) -> QPoint:
    return grid.visualRect(grid.images.index(row)).center()


class TestStore:
    def test_never_more_than_32_decodes_are_pending_and_all_come(self, qtbot, store, image_files) -> None:
        loaded: list[str] = []
        pending: list[int] = []
        store.loaded.connect(loaded.append)
        for file in image_files:
            assert store.pixmap(file) is None
            pending.append(store.n_pending)
        assert max(pending) <= MOST_PENDING
        qtbot.waitUntil(lambda: len(loaded) == len(image_files))
        assert set(loaded) == set(image_files)
        assert store.n_pending == 0
        assert store.pixmap(image_files[0]).width() == 32

    def test_what_was_asked_for_last_comes_before_what_was_scrolled_past(self, qtbot, store, image_files) -> None:
        loaded: list[str] = []
        store.loaded.connect(loaded.append)
        for file in image_files:
            store.pixmap(file)
        qtbot.waitUntil(lambda: len(loaded) == len(image_files))
        assert loaded.index(image_files[-1]) < loaded.index(image_files[MOST_PENDING])

    def test_a_broken_file_tells_its_reason_once_and_is_not_tried_again(self, qtbot, store, tmp_path: Path) -> None:
        broken = tmp_path / "broken.png"
        broken.write_bytes(b"no image")
        with qtbot.waitSignal(store.failed) as signal:
            store.pixmap(str(broken))
        assert signal.args[0] == str(broken)
        assert "cannot be read" in store.error(str(broken))
        store.pixmap(str(broken))
        assert store.n_pending == 0
        assert store.error("") == "This image has no thumbnail."

    def test_a_missing_file_says_what_to_do(self, tmp_path: Path) -> None:
        image, reason = decode(str(tmp_path / "gone.png"))
        assert image.isNull()
        assert "Scan the dataset again" in reason

    def test_a_file_that_no_scan_has_written_is_not_decoded(self, tmp_path: Path) -> None:
        wide, long = tmp_path / "wide.png", tmp_path / "long.jpg"
        image = QImage(20_000, 2, QImage.Format.Format_RGB32)
        image.fill(0)
        assert image.save(str(wide))
        image.copy(0, 0, 9, 2).save(str(long))
        assert decode(str(long))[1] == ""
        with long.open("ab") as stream:
            stream.truncate(MOST_BYTES + 1)
        assert decode(str(wide))[1] == "The thumbnail cannot be read: it has 20,000 × 2 pixels."
        assert "at most 256,000 are read" in decode(str(long))[1]

    def test_keeps_to_its_room(self, qtbot, image_files) -> None:
        small = ThumbnailStore(room_bytes=10 * 32 * 24 * 4)
        loaded: list[str] = []
        small.loaded.connect(loaded.append)
        for file in image_files:
            small.pixmap(file)
        qtbot.waitUntil(lambda: len(loaded) == len(image_files))
        assert len(small._ready) == 10
        assert small.pixmap(loaded[-1]) is not None
        small.stop()

    def test_forgets_for_another_dataset(self, qtbot, store, image_files) -> None:
        with qtbot.waitSignal(store.loaded):
            store.pixmap(image_files[0])
        store.forget()
        assert store.pixmap(image_files[0]) is None

    def test_is_shared_by_the_window(self) -> None:
        assert shared_store() is shared_store()


class TestGrid:
    def test_shows_images_when_they_are_decoded(self, qtbot, grid, store, image_files) -> None:
        grid.grab()
        qtbot.waitUntil(lambda: store.pixmap(image_files[0]) is not None)
        grid.grab()
        centre = grid.grab().toImage().pixelColor(at(grid, 0))
        assert centre == QImage(image_files[0]).pixelColor(16, 12)

    def test_click_selects_and_double_click_opens(self, qtbot, grid) -> None:
        with qtbot.waitSignal(grid.selection_changed) as signal:
            qtbot.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=at(grid, 2))
        assert signal.args[0].tolist() == [1002]
        with qtbot.waitSignal(grid.opened) as signal:
            qtbot.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=at(grid, 3))
            qtbot.mouseDClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=at(grid, 3))
        assert signal.args == [1003]

    def test_keys_walk_preview_and_open(self, qtbot, grid) -> None:
        qtbot.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=at(grid, 0))
        with qtbot.waitSignal(grid.current_changed) as signal:
            qtbot.keyClick(grid, Qt.Key.Key_Right)
        assert signal.args == [1001]
        with qtbot.waitSignal(grid.preview_requested) as signal:
            qtbot.keyClick(grid, Qt.Key.Key_Space)
        assert signal.args == [1001]
        with qtbot.waitSignal(grid.opened) as signal:
            qtbot.keyClick(grid, Qt.Key.Key_Return)
        assert signal.args == [1001]
        below = grid.current_key()
        qtbot.keyClick(grid, Qt.Key.Key_Down)
        assert grid.current_key() > below + 1

    def test_shift_and_control_a_select_more_and_escape_none(self, qtbot, grid) -> None:
        qtbot.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=at(grid, 0))
        qtbot.keyClick(grid, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
        assert grid.selected_keys().tolist() == [1000, 1001]
        qtbot.keyClick(grid, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        assert len(grid.selected_keys()) == 80
        qtbot.keyClick(grid, Qt.Key.Key_Escape)
        assert len(grid.selected_keys()) == 0

    def test_hover_tells_the_image_and_that_it_was_left(self, qtbot, grid) -> None:
        with qtbot.waitSignal(grid.hovered) as signal:
            qtbot.mouseMove(grid.viewport(), at(grid, 1))
        assert signal.args == [1001]
        with qtbot.waitSignal(grid.hovered) as signal:
            qtbot.mouseMove(grid.viewport(), QPoint(grid.viewport().width() - 2, 2))
        assert signal.args == [-1]

    def test_selects_and_shows_by_key(self, qtbot, grid) -> None:
        grid.set_selected_keys([1070, 1004, 1005, 9999])
        assert grid.selected_keys().tolist() == [1004, 1005, 1070]
        with qtbot.assertNotEmitted(grid.selection_changed):
            grid.show_key(1079)
        assert grid.current_key() == 1079
        assert grid.viewport().rect().intersects(grid.visualRect(grid.images.index(79)))

    def test_a_broken_image_has_its_reason_as_tooltip(self, qtbot, grid, store, tmp_path) -> None:
        gone = str(tmp_path / "gone.png")
        grid.set_images([Thumbnail(1, gone, "ig/gone.jpg")])
        with qtbot.waitSignal(store.failed):
            grid.grab()
        tip = grid.images.data(grid.images.index(0), Qt.ItemDataRole.ToolTipRole)
        assert tip == "The thumbnail is missing. Scan the dataset again to create it."

    def test_badges_are_drawn_and_spoken(self, qtbot, grid) -> None:
        before = grid.grab().toImage()
        grid.set_badges(selected=[1000], medoids=[1000], pinned_in=[1001], pinned_out=[1002], highlighted=[1003])
        assert grid.grab().toImage() != before
        spoken = grid.images.data(grid.images.index(0), Qt.ItemDataRole.AccessibleTextRole)
        assert spoken == "ig/0.jpg, cluster 1, in the coreset, medoid"
        grid.set_badges(selected=[])
        assert grid.images.badges(1000) == Badges(False, True, False, False, False)

    def test_other_images_begin_at_the_top_with_none_selected(self, qtbot, grid, image_files) -> None:
        grid.set_selected_keys([1001])
        grid.verticalScrollBar().setValue(200)
        grid.set_images(thumbnails(image_files, 20))
        assert grid.verticalScrollBar().value() == 0
        assert len(grid.selected_keys()) == 0

    def test_an_empty_grid_takes_keys_and_mouse_in_silence(self, qtbot, grid) -> None:
        grid.set_images([])
        with qtbot.assertNotEmitted(grid.opened):
            qtbot.keyClick(grid, Qt.Key.Key_Return)
            qtbot.keyClick(grid, Qt.Key.Key_Space)
            qtbot.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(20, 20))

    def test_many_arrivals_are_one_signal(self, qtbot, store, image_files) -> None:
        model = ThumbnailModel(store)
        model.set_images(thumbnails(image_files, 80))
        for row in range(10, 20):  # only what a view asked for is told to it
            assert model.pixmap(row, model.image(row)) is None
        with qtbot.waitSignal(model.dataChanged) as signal:
            for file in image_files[:30]:
                model._on_loaded(file)
        first, last, _ = signal.args
        assert (first.row(), last.row()) == (10, 19)

    def test_thousands_are_made_as_they_are_looked_at(self, qtbot, grid, image_files) -> None:
        made: list[int] = []

        def make(row: int) -> Thumbnail:
            made.append(row)
            return Thumbnail(5_000 + row, image_files[row % len(image_files)], f"ig/{row}.jpg")

        images = LazyThumbnails(range(5_000, 22_000), make)
        grid.set_images(images)
        grid.repaint()
        assert 0 < len(set(made)) < 500
        grid.show_key(21_999)
        assert grid.current_key() == 21_999
        grid.selectAll()
        assert np.array_equal(grid.selected_keys(), np.arange(5_000, 22_000))
        assert len(set(made)) < 1_000
        assert images[-1].key == 21_999
        assert [image.key for image in images[2:5]] == [5_002, 5_003, 5_004]


class TestRows:
    def test_row_by_mouse_and_keys(self, qtbot, store, image_files) -> None:
        row = ThumbnailRow(64, store=store)
        qtbot.addWidget(row)
        row.set_images(thumbnails(image_files, 6))
        row.resize(row.sizeHint())
        row.show()
        with qtbot.waitSignal(row.clicked) as signal:
            qtbot.mouseClick(row, Qt.MouseButton.LeftButton, pos=row._cell(2).center())
        assert signal.args == [1002]
        with qtbot.waitSignal(row.hovered) as signal:
            qtbot.mouseMove(row, row._cell(4).center())
        assert signal.args == [1004]
        qtbot.keyClick(row, Qt.Key.Key_Right)
        with qtbot.waitSignal(row.preview_requested) as signal:
            qtbot.keyClick(row, Qt.Key.Key_Space)
        assert signal.args == [1003]
        qtbot.keyClick(row, Qt.Key.Key_End)
        with qtbot.waitSignal(row.opened) as signal:
            qtbot.keyClick(row, Qt.Key.Key_Return)
        assert signal.args == [1005]
        with qtbot.waitSignal(row.opened) as signal:
            qtbot.mouseDClick(row, Qt.MouseButton.LeftButton, pos=row._cell(0).center())
        assert signal.args == [1000]

    def test_images_that_do_not_fit_cannot_be_clicked(self, qtbot, store, image_files) -> None:
        row = ThumbnailRow(64, store=store)
        qtbot.addWidget(row)
        row.set_images(thumbnails(image_files, 6))
        row.resize(150, 80)
        row.show()
        qtbot.keyClick(row, Qt.Key.Key_End)
        with qtbot.waitSignal(row.opened) as signal:
            qtbot.keyClick(row, Qt.Key.Key_Return)
        assert signal.args == [1001]

    def test_sample_strip_walks_between_classes(self, qtbot, store, image_files) -> None:
        strip = SampleStrip(store=store)
        qtbot.addWidget(strip)
        images = thumbnails(image_files, 12)
        strip.set_samples({"basophil": images[:6], "ig": images[6:]})
        strip.resize(600, 300)
        strip.show()
        strip.activateWindow()
        strip.rows[0].setFocus()
        qtbot.waitUntil(strip.rows[0].hasFocus)
        qtbot.keyClick(strip.rows[0], Qt.Key.Key_Down)
        qtbot.waitUntil(lambda: strip.rows[1].hasFocus())
        with qtbot.waitSignal(strip.opened) as signal:
            qtbot.keyClick(strip.rows[1], Qt.Key.Key_Return)
        assert signal.args == [1006]
        assert strip.plot_table()[1][6] == ("ig", "ig/6.jpg")

    def test_medoid_strip_tells_clusters_with_their_share(self, qtbot, store, image_files) -> None:
        strip = MedoidStrip(store=store)
        qtbot.addWidget(strip)
        strip.set_medoids(
            [Medoid(7, image_files[0], "a.jpg", 720, 0.72), Medoid(3, image_files[1], "b.jpg", 280, 0.28)]
        )
        strip.resize(600, 200)
        strip.show()
        assert [image.caption for image in strip.row.images] == [
            "Cluster 1 · 72 %\n720 images",
            "Cluster 2 · 28 %\n280 images",
        ]
        with qtbot.waitSignal(strip.cluster_chosen) as signal:
            qtbot.mouseClick(strip.row, Qt.MouseButton.LeftButton, pos=strip.row._cell(1).center())
        assert signal.args == [1]
        with qtbot.waitSignal(strip.opened) as signal:
            qtbot.keyClick(strip.row, Qt.Key.Key_Return)
        assert signal.args == [3]


def test_17000_images_are_set_quickly_and_only_what_is_seen_is_fetched(qtbot, store, image_files) -> None:
    grid = ThumbnailGrid(store=store)
    qtbot.addWidget(grid)
    grid.resize(600, 400)
    files = [f"{name}?" for name in image_files]
    grid.set_images([Thumbnail(i, files[0] + str(i), "x") for i in range(17_000)])
    grid.show()
    grid.grab()
    asked = store.n_pending + len(store._waiting) + len(store._errors)
    assert 0 < asked <= 40
    grid.verticalScrollBar().setValue(grid.verticalScrollBar().maximum())
    assert grid.indexAt(grid.viewport().rect().center()).row() > 16_900
    assert np.array_equal(grid.selected_keys(), [])
