"""The version, which About, manifests, file names and the package read here."""

__version__ = "0.1.0"
