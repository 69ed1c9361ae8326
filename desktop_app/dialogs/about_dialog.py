"""About: version, what to cite, licences, plugins."""

import platform
from html import escape

from PySide6.QtCore import Qt, Signal, qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from coreset_studio.core.descriptions import NO_PLUGINS, all_kinds, plugin_problems, takes_plugins
from coreset_studio.core.version import __version__
from coreset_studio.desktop_app import theme

CITATION = "Ashraf, Ullah, Nadeem, Noor: Coreset selection based on Intra-class diversity. 29 September 2025."


def plugin_words() -> str:
    """Return what the installed plugins add, and what of them is left out and why, as HTML."""
    if not takes_plugins():
        return f"<p>{NO_PLUGINS}</p>"
    added: dict[str, list[str]] = {}
    for kind, known in all_kinds().items():
        for name, plugin in known.plugins.items():
            added.setdefault(str(plugin), []).append(f"{kind} {known[name].title}")
    if added:
        lines = (f"{escape(plugin)}: {escape(', '.join(what))}" for plugin, what in sorted(added.items()))
        found = f"<p><b>Plugins</b><br>{'<br>'.join(lines)}</p>"
    else:
        found = "<p>No plugins installed.</p>"
    return found + "".join(f"<p>{escape(problem.sentence)}</p>" for problem in plugin_problems())


class AboutDialog(QDialog):
    """Who made this, under which terms, and how to cite it.

    Signals
    -------
    licences_requested : ()
    """

    licences_requested = Signal()

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle("About Coreset Studio")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        symbol = QLabel()
        symbol.setPixmap(theme.app_icon().pixmap(theme.UNIT * 8, theme.UNIT * 8))
        heading = QLabel("Coreset Studio")
        heading.setFont(theme.title_font())
        self.words = QLabel(
            f"<p>Version {__version__} · Python {platform.python_version()} · Qt {qVersion()}</p><p>Selects a small, "
            "diverse training subset of a labelled image folder, and shows what it costs in accuracy. All data "
            "stays on this computer.</p><p><b>If you use it in a publication, please cite the paper that describes "
            f"the method:</b><br>{CITATION}</p><p>Free software under the GNU General Public License, version 3 or "
            "later: you may use, study, share and change it under the same terms. It comes without any warranty. It "
            f"is not a medical device.</p>{plugin_words()}"
        )
        self.words.setWordWrap(True)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.words.setMinimumWidth(theme.UNIT * 56)
        text = QVBoxLayout()
        text.addWidget(heading)
        text.addWidget(self.words, 1)
        head = QHBoxLayout()
        head.setSpacing(theme.UNIT * 3)
        head.addWidget(symbol, 0, Qt.AlignmentFlag.AlignTop)
        head.addLayout(text, 1)
        buttons = QDialogButtonBox()
        buttons.addButton("Close", QDialogButtonBox.ButtonRole.RejectRole)
        buttons.rejected.connect(self.reject)
        copy = QPushButton("Copy citation")
        copy.setToolTip("Copy the reference to the clipboard")
        copy.clicked.connect(self.copy_citation)
        licences = QPushButton("Licences")
        licences.setToolTip("Libraries that this program is built on, and their licences")
        licences.clicked.connect(self.licences_requested)
        buttons.addButton(copy, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(licences, QDialogButtonBox.ButtonRole.ActionRole)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*[theme.UNIT * 3] * 4)
        layout.setSpacing(theme.UNIT * 2)
        layout.addLayout(head, 1)
        layout.addWidget(buttons)

    def copy_citation(self) -> None:
        """Copy the reference."""
        QGuiApplication.clipboard().setText(CITATION)
