"""A file in memory that limits how often a decoder may ask for its bytes."""

import io

from coreset_studio.core.errors import ImageError

TOO_MANY_PARTS = "It is damaged: it has more parts than any valid image."


class CountedBytes(io.BytesIO):
    """The bytes of a file, with a limit on the number of reads.

    Decoders look for what comes next piece by piece, byte by byte where they are lost: megabytes of rubbish that
    follow the head of a file would keep them busy for minutes.

    Parameters
    ----------
    data : bytes
    most : int
        How many reads are allowed.
    """

    def __init__(self, data: bytes, most: int) -> None:
        super().__init__(data)
        self._left = most

    @property
    def is_used_up(self) -> bool:
        """Whether more was asked than is allowed; some decoders hide the error."""
        return self._left < 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes.

        Raises
        ------
        ImageError
            If there were more reads than any valid image needs.
        """
        self._left -= 1
        if self._left < 0:
            raise ImageError(TOO_MANY_PARTS)
        return super().read(size)
