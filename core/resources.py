"""Where icons, licences and weights are, in a checkout, an installed wheel and a frozen program."""

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

import platformdirs

from coreset_studio import resources

APPLICATION = "coreset-studio"


def resource_folder() -> Path:
    """Return the `resources` folder that came with the program.

    It is a package of its own, so that its place is known wherever the program was installed or frozen.
    """
    return Path(resources.__path__[0])


def ensure_home() -> str:
    """Let a user without a home folder, as in some containers, have one for as long as the system keeps it.

    Libraries look it up in different ways, so it is set in the environment, and only if it is not set.

    Returns
    -------
    str
        What was done, in a sentence; empty where there is a home folder.
    """
    with suppress(RuntimeError):
        Path.home()
        return ""
    home = _private_folder()
    os.environ["USERPROFILE" if os.name == "nt" else "HOME"] = str(home)
    return (
        f"This user has no home folder, so the cache and weights are stored in {home}, which may be emptied. "
        "Set HOME, or CORESET_CACHE and CORESET_DATA, to a folder of your own."
    )


def _private_folder() -> Path:
    """Return a folder among the temporary ones that belongs to this user alone, the same one at each call."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"{APPLICATION}-{user}"
    with suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        facts = folder.lstat()
        # Another user may have made it, or a link in its place.
        if stat.S_ISDIR(facts.st_mode) and facts.st_uid == user and not facts.st_mode & 0o077:
            return folder
    return Path(tempfile.mkdtemp(prefix=f"{APPLICATION}-"))


def expanded(path: Path) -> Path:
    """Return a path with a leading ``~`` replaced by the home folder; as it is where that is not known."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def user_data_folder() -> Path:
    """Return the user's own data folder, where downloaded and imported weights go.

    The environment variable CORESET_DATA names another one.
    """
    ensure_home()
    named = os.environ.get("CORESET_DATA")
    return Path(named) if named else Path(platformdirs.user_data_dir(APPLICATION, appauthor=False))


def weight_folders() -> tuple[Path, ...]:
    """Return the folders in which weights are looked for, in this order; some may not exist."""
    ensure_home()
    keras_home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    return (resource_folder() / "weights", user_data_folder() / "weights", keras_home / "models")
