"""Show a file in the system's file manager, selected where that is possible."""

import os
import subprocess
import sys
from pathlib import Path

from PySide6.QtCore import QProcess, QUrl
from PySide6.QtGui import QDesktopServices


def show_in_folder(file: Path) -> bool:
    """Open the folder of a file in the file manager; return whether something was opened.

    Windows and macOS select the file. Elsewhere its folder is opened, as file managers differ in how they are asked.
    """
    if sys.platform == "win32":  # pragma: no cover - not the system of the tests
        # One argument with quotes inside, as Explorer parses its command line by itself.
        return QProcess.startDetached("explorer", [f"/select,{os.path.normpath(file)}"])[0]
    if sys.platform == "darwin":  # pragma: no cover - not the system of the tests
        return subprocess.run(["/usr/bin/open", "-R", os.fspath(file)], check=False).returncode == 0
    return QDesktopServices.openUrl(QUrl.fromLocalFile(os.fspath(file.parent)))
