"""Pixels that the engine has decoded, as Qt draws them."""

from PySide6.QtGui import QImage

from coreset_studio.core.service.image_requests import DecodedImage


def image_of(decoded: DecodedImage) -> QImage:
    """Return the pixels of a decoded image, with memory of their own."""
    width, height = decoded.width, decoded.height
    return QImage(decoded.rgb, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
