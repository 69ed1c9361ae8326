"""What About says of plugins."""

import pytest

from coreset_studio.desktop_app.dialogs.about_dialog import plugin_words


@pytest.mark.slow
@pytest.mark.usefixtures("example_plugin")
def test_about_lists_what_a_plugin_adds() -> None:
    assert plugin_words() == (
        "<p><b>Plugins</b><br>coreset-example-plugin 1.0: source JSON lines of paths and classes, "
        "extractor Mean colour, sampler Evenly spaced, network Nearest mean, metric Kappa, export format One folder</p>"
    )
