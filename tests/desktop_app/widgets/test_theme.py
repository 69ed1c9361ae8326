import re
from pathlib import Path

import pytest
from PySide6.QtGui import QColor, QIcon
from PySide6.QtWidgets import QApplication, QPushButton

from coreset_studio.core.resources import resource_folder
from coreset_studio.desktop_app import theme

GROUNDS = ("background", "surface", "field")
AA_TEXT, AA_GRAPHICS = 4.5, 3.0


@pytest.mark.parametrize("named", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
class TestContrast:
    @pytest.mark.parametrize("ink", ["text", "muted", "accent", "good", "warning", "bad"])
    @pytest.mark.parametrize("ground", [*GROUNDS, "sunken", "hover", "accent_soft"])
    def test_words_read_well_on_every_ground(self, named: theme.Colours, ink: str, ground: str) -> None:
        assert theme.contrast(getattr(named, ink), getattr(named, ground)) >= AA_TEXT

    @pytest.mark.parametrize("kind", ["accent", "good", "warning", "bad"])
    def test_text_and_icon_read_well_in_message_strips(self, named: theme.Colours, kind: str) -> None:
        ground = getattr(named, f"{kind}_soft")
        assert theme.contrast(named.text, ground) >= AA_TEXT
        assert theme.contrast(getattr(named, kind), ground) >= AA_TEXT

    @pytest.mark.parametrize("ground", ["accent", "accent_hover", "accent_pressed"])
    def test_words_on_the_primary_button_read_well(self, named: theme.Colours, ground: str) -> None:
        assert theme.contrast(named.on_accent, getattr(named, ground)) >= AA_TEXT

    @pytest.mark.parametrize("edge", ["outline", "accent", "medoid"])
    @pytest.mark.parametrize("ground", GROUNDS)
    def test_edges_of_controls_and_focus_rings_are_seen(self, named: theme.Colours, edge: str, ground: str) -> None:
        assert theme.contrast(getattr(named, edge), getattr(named, ground)) >= AA_GRAPHICS


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_clusters_and_samplers_are_seen_in_both_modes(qapp: QApplication, mode: theme.Mode) -> None:
    theme.apply(qapp, mode)
    surface = theme.colours().surface
    for number in range(20):
        assert theme.contrast(theme.edge(theme.cluster_colour(number)), surface) >= AA_GRAPHICS
    for name in ("everything", "random", "stratified", "intelligent", "balanced-herding", "an unknown one"):
        assert theme.contrast(theme.edge(theme.sampler_colour(name)), surface) >= AA_GRAPHICS


def test_ten_clusters_differ_in_colour_and_marker() -> None:
    assert len({theme.cluster_colour(i) for i in range(10)}) == 10
    assert len({theme.cluster_symbol(i) for i in range(10)}) == 10


def test_contrast_of_black_and_white_is_21() -> None:
    assert theme.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert theme.contrast("#777777", "#777777") == pytest.approx(1)
    assert theme.words_on("#f0e442") == "#000000"
    assert theme.words_on("#0a5cad") == "#ffffff"


def test_modes_change_colours_palette_and_tell(qapp: QApplication, qtbot) -> None:
    with qtbot.waitSignal(theme.changed):
        theme.apply(qapp, "dark")
    assert theme.mode() == "dark"
    assert theme.colours().medoid == "#ffffff"
    assert qapp.palette().window().color() == QColor(theme.DARK.background)
    with qtbot.waitSignal(theme.changed):
        theme.apply(qapp, "light")
    assert theme.colours().medoid == "#000000"
    assert qapp.palette().window().color() == QColor(theme.LIGHT.background)


ICONS = sorted(file.stem for file in (resource_folder() / "icons").glob("*.svg") if "coreset-studio" not in file.stem)


@pytest.mark.parametrize("name", ICONS)
def test_every_icon_is_one_colour_and_takes_the_tint(qapp: QApplication, name: str) -> None:
    assert "currentColor" in (resource_folder() / "icons" / f"{name}.svg").read_text(encoding="utf-8")
    image = theme.icon(name, "#ff0000").pixmap(32, 32).toImage()
    inked = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
    inked = [colour for colour in inked if colour.alpha() > 200]
    assert inked
    assert all(colour.red() > 240 and colour.green() < 16 and colour.blue() < 16 for colour in inked)


def test_a_missing_icon_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        theme.icon("no such icon")


def test_an_icon_follows_the_mode_and_can_be_replaced(qapp: QApplication, qtbot) -> None:
    button = QPushButton()
    qtbot.addWidget(button)
    theme.set_icon(button, "run")
    light = darkest(button.icon())
    theme.apply(qapp, "dark")
    assert darkest(button.icon()) > light
    theme.set_icon(button, "close")
    assert button.icon().cacheKey() == theme.icon("close", "text").cacheKey()
    theme.apply(qapp, "light")
    assert button.icon().cacheKey() == theme.icon("close", "text").cacheKey()


def darkest(icon: QIcon) -> int:
    image = icon.pixmap(32, 32).toImage()
    colours = (image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height()))
    return min(colour.lightness() for colour in colours if colour.alpha() > 200)


def test_the_application_icon_has_sizes_for_title_bar_and_dock() -> None:
    sizes = {size.width() for size in theme.app_icon().availableSizes()}
    assert {16, 32, 256, 512} <= sizes


def test_no_widget_writes_a_colour_of_its_own() -> None:
    folder = Path(theme.__file__).parent
    for file in [*(folder / "widgets").glob("*.py"), *(folder / "models").glob("*.py")]:
        text = file.read_text(encoding="utf-8")
        # "#name" with other letters is a selector of a style sheet.
        assert not re.search(r"#[0-9a-fA-F]{3}\b|#[0-9a-fA-F]{6}\b", text), file
