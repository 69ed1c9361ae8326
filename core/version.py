"""The one place where the version stands: About, manifests, file names and the package read it here."""

__version__ = "0.1.0"
