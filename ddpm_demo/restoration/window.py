"""A rectangle of a picture, in whole pixels."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """Rows `top` to `top + height` and columns `left` to `left + width` of a picture."""

    top: int
    left: int
    height: int
    width: int

    @property
    def bottom(self) -> int:
        return self.top + self.height

    @property
    def right(self) -> int:
        return self.left + self.width

    @property
    def num_pixels(self) -> int:
        return self.height * self.width

    @property
    def slices(self) -> tuple[slice, slice]:
        """To take it out of an array [H, W, ...]."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def within(self, outer: Window) -> Window:
        """The same pixels, counted from the corner of a window around them."""
        return Window(self.top - outer.top, self.left - outer.left, self.height, self.width)

    def times(self, factor: int) -> Window:
        """The same rectangle of a picture enlarged so many times."""
        return Window(
            factor * self.top, factor * self.left, factor * self.height, factor * self.width
        )

    def overlaps(self, other: Window) -> bool:
        return (
            self.top < other.bottom
            and other.top < self.bottom
            and self.left < other.right
            and other.left < self.right
        )

    def around(self, other: Window) -> Window:
        """The smallest that holds both."""
        top, left = min(self.top, other.top), min(self.left, other.left)
        bottom, right = max(self.bottom, other.bottom), max(self.right, other.right)
        return Window(top, left, bottom - top, right - left)


def fitted(start: int, end: int, margin: int, length: int, multiple: int = 1) -> tuple[int, int]:
    """(first, count): `margin` around [start, end) in [0, length), first and count multiples.

    Where a side of the picture is in the way there is less margin. The last multiple that lies
    only partly in [0, length) is left out.
    """
    length = length // multiple * multiple
    first = max(0, (start - margin) // multiple * multiple)
    last = min(length, -(-(end + margin) // multiple) * multiple)
    return first, last - first
