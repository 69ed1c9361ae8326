"""Which folders are packages: all are installed inside `coreset_studio`, which itself is the folder `core/public`."""

from setuptools import find_packages, setup

FOLDERS = ("core", "desktop_app", "resources")
FOUND = find_packages(include=["core*", "desktop_app*", "resources"], exclude=["core.public"])

setup(
    packages=["coreset_studio", *(f"coreset_studio.{name}" for name in FOUND)],
    package_dir={"coreset_studio": "core/public", **{f"coreset_studio.{name}": name for name in FOLDERS}},
)
