"""Where icons, licences and weights are: in a checkout, in an installed wheel and in a frozen program alike."""

import os
from pathlib import Path

import platformdirs

import resources

APPLICATION = "coreset-studio"


def resource_folder() -> Path:
    """Return the `resources` folder that came with the program.

    It is a package of its own, so that its place is known wherever the program was installed or frozen.
    """
    return Path(resources.__path__[0])


def user_data_folder() -> Path:
    """Return the user's own data folder, where downloaded and imported weights go.

    The environment variable CORESET_DATA names another one.
    """
    named = os.environ.get("CORESET_DATA")
    return Path(named) if named else Path(platformdirs.user_data_dir(APPLICATION, appauthor=False))


def weight_folders() -> tuple[Path, ...]:
    """Return the folders in which weights are looked for, in this order; some may not exist."""
    keras_home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
    return (resource_folder() / "weights", user_data_folder() / "weights", keras_home / "models")
