"""Show the packages of the checkout as they are imported: makes ``build/link/coreset_studio`` of symbolic links.

The folders are installed inside `coreset_studio` (setup.py). mypy, import-linter and mkdocstrings read files instead of
importing, so they need a folder in which each package is where its name says. On Windows, making links requires
developer mode.
"""

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def link(root: Path = ROOT) -> Path:
    """Make the links anew, and return the folder to search for imports."""
    place = root / "build" / "link"
    package = place / "coreset_studio"
    shutil.rmtree(package, ignore_errors=True)
    package.mkdir(parents=True)
    for file in sorted((root / "core" / "public").iterdir()):
        if file.is_file():
            (package / file.name).symlink_to(file)
    for name in ("core", "desktop_app", "resources"):
        (package / name).symlink_to(root / name, target_is_directory=True)
    return place


if __name__ == "__main__":
    link(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT)
