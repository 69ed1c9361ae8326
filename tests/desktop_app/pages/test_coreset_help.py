"""From the sampler that is chosen on the Coreset page to its page in Help."""

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from coreset_studio.desktop_app.dialogs.help_window import HelpWindow
from coreset_studio.desktop_app.pages.coreset import CoresetPage
from coreset_studio.desktop_app.pages.page import PageContext


def choose(page: CoresetPage, name: str, qtbot: QtBot) -> None:
    page.options.sampler.setCurrentIndex(page.options.sampler.findData(name))
    page.options.sampler.activated.emit(page.options.sampler.currentIndex())
    qtbot.waitUntil(lambda: page.model.state("coreset") == "done")


@pytest.mark.slow
def test_the_chosen_sampler_is_explained_by_key_and_mouse(clustered_context: PageContext, qtbot: QtBot) -> None:
    page = CoresetPage(clustered_context)
    qtbot.addWidget(page)
    with qtbot.waitActive(page):
        page.show()
    page.enter()
    qtbot.waitUntil(lambda: page.model.state("coreset") == "done")
    choose(page, "k-center", qtbot)
    page.options.sampler.setFocus()
    qtbot.keyClick(page.options.sampler, Qt.Key.Key_Tab)
    assert page.options.about.hasFocus()
    assert page.options.about.accessibleName() == "About this sampler"
    qtbot.keyClick(page.options.about, Qt.Key.Key_Space)
    help_window = page.findChild(HelpWindow)
    assert isinstance(help_window, HelpWindow)
    assert help_window.isVisible()
    assert help_window.text.name == "samplers/k-center"
    choose(page, "random", qtbot)
    qtbot.mouseClick(page.options.about, Qt.MouseButton.LeftButton)
    assert help_window.text.name == "samplers/random"
    assert len(page.findChildren(HelpWindow)) == 1
    help_window.close()
    page.leave()
