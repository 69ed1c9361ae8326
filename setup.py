"""Which folders are packages: `coreset_studio` is the folder `core/public`; all others have their own names."""

from setuptools import find_packages, setup

FOUND = find_packages(include=["core*", "desktop_app*", "resources"], exclude=["core.public"])

setup(packages=[*FOUND, "coreset_studio"], package_dir={"coreset_studio": "core/public"})
