"""Pixels that the engine has decoded, as Qt draws them."""

from PySide6.QtGui import QImage

from core.service.image_requests import DecodedImage


def image_of(picture: DecodedImage) -> QImage:
    """Return the pixels of a decoded image, with memory of their own."""
    width, height = picture.width, picture.height
    return QImage(picture.rgb, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
