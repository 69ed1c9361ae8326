"""The Help window, used as a reader does: by list, links, search and keys, in light and dark."""

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QSize, Qt, QUrl
from PySide6.QtGui import QImage, QTextDocument, QTextFragment
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.dialogs.help_pages import OVERVIEW, list_above, page_of, page_titles
from coreset_studio.desktop_app.dialogs.help_text import HelpText
from coreset_studio.desktop_app.dialogs.help_window import HelpWindow, show_help
from coreset_studio.desktop_app.dialogs.sampler_figure import example, sampler_figure


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[HelpWindow]:
    made = HelpWindow(None)
    qtbot.addWidget(made)
    with qtbot.waitActive(made):
        made.show_page("tour")
    yield made
    made.close()


@pytest.fixture
def _light_again(qapp: QApplication) -> Iterator[None]:
    yield
    theme.apply(qapp, "light")


def images_of(text: HelpText) -> list[QTextFragment]:
    """The figures in the page that is shown."""
    found = []
    block = text.document().begin()
    while block.isValid():
        at = block.begin()
        while not at.atEnd():
            if at.fragment().charFormat().isImageFormat():
                found.append(at.fragment())
            at += 1
        block = block.next()
    return found


def shown(window: HelpWindow) -> list[str]:
    """The names in the list that can be seen."""
    return [name for name, entry in window.entries.items() if not entry.isHidden()]


def opened(window: HelpWindow) -> list[str]:
    """The groups that are open."""
    return [name for name, entry in window.entries.items() if entry.childCount() and entry.isExpanded()]


# --- going about ----------------------------------------------------------------------------------------------


def test_pages_stand_below_the_list_of_their_kind(window: HelpWindow) -> None:
    tops = [window.pages.topLevelItem(i) for i in range(window.pages.topLevelItemCount())]
    assert [top.text(0) for top in tops] == [
        "Tour", "The method", "Which images to label first", "Settings", "Dataset sources", "Extractors", "Samplers",
        "Networks", "Metrics", "Export formats", "Several machines", "Licences",
    ]  # fmt: skip
    for top in tops:
        above = top.data(0, Qt.ItemDataRole.UserRole)
        below = [title for name, title in page_titles().items() if list_above(name) == above]
        assert [top.child(i).text(0) for i in range(top.childCount())] == below


def test_samplers_are_open_and_any_other_group_opens_with_a_page_of_it(window: HelpWindow) -> None:
    assert opened(window) == [OVERVIEW]
    window.show_page("metrics/f1")
    assert opened(window) == [OVERVIEW, "metrics/overview"]
    assert window.pages.currentItem().text(0) == "F1"
    window.show_page("exports/overview")
    assert opened(window) == [OVERVIEW, "metrics/overview"]
    window.entries["metrics/overview"].setExpanded(False)
    window._go_back()
    assert window.text.name == "metrics/f1"
    assert window.entries["metrics/overview"].isExpanded()


def test_every_page_opens_by_the_mouse(window: HelpWindow, qtbot: QtBot) -> None:
    window.pages.expandAll()
    for name, title in page_titles().items():
        window.pages.scrollToItem(window.entries[name])
        place = window.pages.visualItemRect(window.entries[name]).center()
        qtbot.mouseClick(window.pages.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert window.text.name == name
        assert window.text.document().begin().text() == title


def test_the_keyboard_alone_is_enough(window: HelpWindow, qtbot: QtBot) -> None:
    assert window.text.hasFocus()
    window.pages.setFocus(Qt.FocusReason.TabFocusReason)
    for _ in range(9):
        qtbot.keyClick(window.pages, Qt.Key.Key_Down)
    assert window.text.name == "samplers/intelligent"
    qtbot.keyClick(window, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert window.text.name == "samplers/stratified"
    assert window.pages.currentItem().text(0) == "Stratified random"
    qtbot.keyClick(window, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    assert window.text.name == "samplers/intelligent"
    assert not window.forward.isEnabled()
    for _ in range(4):
        qtbot.keyClick(window.pages, Qt.Key.Key_Up)
    assert window.text.name == "extractors/overview"
    qtbot.keyClick(window.pages, Qt.Key.Key_Right)
    qtbot.keyClick(window.pages, Qt.Key.Key_Down)
    assert window.text.name == "extractors/vgg16"
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert window.isHidden()


def test_a_link_is_followed_by_the_keyboard_and_back_again(window: HelpWindow, qtbot: QtBot) -> None:
    window.show_page("samplers/balanced-herding")
    qtbot.keyClick(window.text, Qt.Key.Key_Tab)
    qtbot.keyClick(window.text, Qt.Key.Key_Return)
    assert window.text.name == "samplers/k-center"
    window.show_page("samplers/balanced-herding")
    window.text.verticalScrollBar().setValue(300)
    window.show_page("method", "samplers")
    assert window.text.verticalScrollBar().value() > 300
    qtbot.mouseClick(window.back, Qt.MouseButton.LeftButton)
    assert window.text.name == "samplers/balanced-herding"
    assert window.text.verticalScrollBar().value() == 300


def test_back_with_the_text_in_focus(window: HelpWindow, qtbot: QtBot) -> None:
    window.show_page("licences")
    assert window.text.hasFocus()
    qtbot.keyClick(window.text, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert window.text.name == "tour"
    assert not window.back.isEnabled()


def test_everything_has_a_name_for_screen_readers(window: HelpWindow) -> None:
    for widget in (window.back, window.forward, window.search, window.pages, window.text):
        assert widget.accessibleName()
    assert "Back" in window.back.toolTip()


def test_a_page_that_is_not_there_is_the_list_nearest_to_it(window: HelpWindow) -> None:
    for name, shown_instead in (
        ("samplers/of-tomorrow", OVERVIEW), ("metrics/of-tomorrow", "metrics/overview"), ("gone", OVERVIEW),
    ):  # fmt: skip
        window.show_page(name)
        assert window.text.name == shown_instead


def test_a_link_to_the_page_of_another_kind_is_followed(window: HelpWindow) -> None:
    window.show_page("networks/transfer")
    window.text.anchorClicked.emit(QUrl("help:networks/custom"))
    assert window.text.name == "networks/custom"
    window.show_page("settings")
    window.text.anchorClicked.emit(QUrl("#training"))
    assert window.text.verticalScrollBar().value() > 300


def test_pages_of_a_plugin_are_listed_and_shown(window: HelpWindow, install_plugin_module: Any) -> None:
    assert "sources/shelf" not in window.entries
    install_plugin_module("source", "shelf")
    window.show_page("sources/shelf")
    assert window.text.document().begin().text() == "Shelf"
    assert window.pages.currentItem().text(0) == "Shelf"
    assert window.pages.currentItem().parent().text(0) == "Dataset sources"
    window.search.setText("image files as text")
    assert shown(window) == ["sources/overview", "sources/shelf"]


def test_a_figure_that_a_page_has_not_is_left_out(window: HelpWindow) -> None:
    """A page of a plugin may ask for any."""
    kind = QTextDocument.ResourceType.ImageResource.value
    assert not isinstance(window.text.loadResource(kind, QUrl("figure:nobody?w=9&h=9")), QImage)
    assert isinstance(window.text.loadResource(kind, QUrl("figure:medoid?w=9&h=9")), QImage)


def test_one_window_serves_all_that_stands_in_a_window(qtbot: QtBot) -> None:
    main = QWidget()
    qtbot.addWidget(main)
    inside = QWidget(main)
    main.show()
    first = show_help(main, "tour")
    assert show_help(inside, page_of("sampler", "medoid")) is first
    assert first.text.name == "samplers/medoid"
    assert show_help(inside, page_of("extractor", "vgg16")) is first
    assert first.text.name == "extractors/vgg16"
    first.close()


# --- searching ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_searching_narrows_the_list_and_goes_from_place_to_place(window: HelpWindow, qtbot: QtBot) -> None:
    qtbot.keyClick(window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert window.search.hasFocus()
    qtbot.keyClicks(window.search, "from the DENSEST regions")
    assert shown(window) == [OVERVIEW, "samplers/typiclust"]
    assert window.found.text() == "Found on 1 page. Press Enter for the next."
    qtbot.keyClick(window.search, Qt.Key.Key_Return)
    assert window.text.name == "samplers/typiclust"
    assert window.text.textCursor().selectedText() == "from the densest regions"
    assert len(window.text.extraSelections()) == 1
    assert window.search.hasFocus()
    qtbot.keyClick(window.search, Qt.Key.Key_Escape)
    assert window.isVisible()
    assert shown(window) == list(page_titles())
    assert window.text.extraSelections() == []


def test_a_search_opens_the_groups_with_hits_and_closes_them_again(window: HelpWindow) -> None:
    window.entries[OVERVIEW].setExpanded(False)
    window.entries["networks/overview"].setExpanded(True)
    window.search.setText("recall")
    found = shown(window)
    assert "metrics/f1" in found
    assert opened(window) == [name for name in found if name.endswith("/overview")]
    assert {list_above(name) for name in found} - {""} == set(opened(window))
    window.search.setText("xyzzy")
    assert opened(window) == []
    window.search.clear()
    assert opened(window) == ["networks/overview"]
    window.search.setText("recall")
    window.show_page("metrics/f1")
    window.search.clear()
    assert opened(window) == ["networks/overview", "metrics/overview"]


def test_enter_walks_over_pages_and_begins_again(window: HelpWindow, qtbot: QtBot) -> None:
    window.search.setText("wolsey")
    qtbot.keyClick(window.search, Qt.Key.Key_Return)
    first = window.text.name
    assert first == "samplers/facility-location"
    window.search.setText("k-means")
    places: list[tuple[str, int]] = []
    place = ("", 0)
    while place not in places:
        places += [place] if place[0] else []
        qtbot.keyClick(window.search, Qt.Key.Key_Return)
        place = (window.text.name, window.text.textCursor().position())
    assert place == places[0]
    assert len(places) > 1
    assert {name for name, _ in places} >= {"samplers/typiclust"}


def test_a_space_finds_one_that_cannot_break(window: HelpWindow, qtbot: QtBot) -> None:
    window.show_page("samplers/herding")
    window.search.setText("1 to 10 %")
    qtbot.keyClick(window.search, Qt.Key.Key_Return)
    assert window.text.textCursor().selectedText().replace("\u00a0", " ") == "1 to 10 %"


def test_what_is_nowhere_is_said_to_be(window: HelpWindow, qtbot: QtBot) -> None:
    window.search.setText("xyzzy")
    assert window.found.text() == "Not found."
    assert shown(window) == []
    qtbot.keyClick(window.search, Qt.Key.Key_Return)
    assert window.text.name == "tour"


# --- figures -------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.usefixtures("_light_again")
def test_no_figure_is_missing_in_light_or_dark(window: HelpWindow, qapp: QApplication) -> None:
    grounds = {}
    for mode in ("light", "dark"):
        theme.apply(qapp, mode)
        for name in page_titles():
            window.show_page(name)
            figures = images_of(window.text)
            drawn = name.removeprefix("samplers/") in example().chosen
            assert len(figures) == (len(example().chosen) if name == OVERVIEW else drawn)
            for fragment in figures:
                wanted = fragment.charFormat().toImageFormat()
                image = window.text.document().resource(QTextDocument.ResourceType.ImageResource.value, wanted.name())
                assert isinstance(image, QImage)
                assert image.deviceIndependentSize().width() == wanted.width()
                assert image.deviceIndependentSize().height() == wanted.height()
                grounds[mode] = image.pixelColor(image.width() // 2, 4).name()
    assert grounds == {"light": theme.LIGHT.surface, "dark": theme.DARK.surface}


@pytest.mark.usefixtures("_light_again")
def test_an_open_page_follows_the_mode_where_one_reads(window: HelpWindow, qapp: QApplication, qtbot: QtBot) -> None:
    theme.apply(qapp, "light")
    window.show_page("samplers/medoid")
    window.text.verticalScrollBar().setValue(40)

    def colour_in_the_figure() -> str:
        return window.text.viewport().grab().toImage().pixelColor(QPoint(300, 120)).name()

    assert colour_in_the_figure() == theme.LIGHT.surface
    theme.apply(qapp, "dark")
    assert window.text.verticalScrollBar().value() == 40
    qtbot.waitUntil(lambda: colour_in_the_figure() == theme.DARK.surface)


def test_figures_are_as_sharp_as_the_screen(qapp: QApplication) -> None:
    figure = sampler_figure("medoid", QSize(300, 200), 2.0)
    assert (figure.width(), figure.height(), figure.devicePixelRatio()) == (600, 400, 2.0)


def test_a_figure_of_nobody_is_refused(qapp: QApplication) -> None:
    with pytest.raises(KeyError):
        sampler_figure("nobody", QSize(300, 200), 1.0)
