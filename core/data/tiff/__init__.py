"""TIFF files that Pillow does not read, or reads wrongly: several channels, other types, planes of OME and ImageJ."""
