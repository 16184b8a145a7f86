"""Upright pictures: what a container's display matrix asks a player to do, done on arrays.

A display matrix maps stored to displayed coordinates (x right, y down): x' = a x + c y, y' = b x + d y. Cameras write
quarter turns and mirrorings; anything between is rounded to the nearest of the eight.
"""

from __future__ import annotations

from math import atan2, degrees
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class DisplayMatrix(NamedTuple):
    """The four linear entries, in any common scale (files hold them as 16.16 fixed point)."""

    a: int
    b: int
    c: int
    d: int

    @property
    def sideways(self) -> bool:
        """Whether width and height change places."""
        return abs(self.a) + abs(self.d) < abs(self.b) + abs(self.c)

    @property
    def mirrored(self) -> bool:
        """Whether it mirrors the picture (beside any rotation)."""
        return self.a * self.d - self.b * self.c < 0

    @property
    def rotation_deg(self) -> int:
        """Clockwise rotation: 0, 90, 180 or 270. A mirroring (left to right) counts as done after it."""
        a = -self.a if self.mirrored else self.a
        return round(degrees(atan2(self.b, a)) / 90) * 90 % 360


IDENTITY = DisplayMatrix(1, 0, 0, 1)
_QUARTERS = (IDENTITY, DisplayMatrix(0, 1, -1, 0), DisplayMatrix(-1, 0, 0, -1), DisplayMatrix(0, -1, 1, 0))


def rotated(clockwise_deg: float) -> DisplayMatrix:
    """Return the matrix of a rotation, to the nearest quarter turn."""
    return _QUARTERS[round(clockwise_deg / 90) % 4]


def upright(rgb: npt.NDArray[np.uint8], matrix: DisplayMatrix) -> npt.NDArray[np.uint8]:
    """Return the picture as it is to be seen: (H, W, 3) or, turned sideways, (W, H, 3); contiguous."""
    if matrix.sideways:
        rgb = rgb.transpose(1, 0, 2)
        mirror_x, mirror_y = matrix.c < 0, matrix.b < 0
    else:
        mirror_x, mirror_y = matrix.a < 0, matrix.d < 0
    return np.ascontiguousarray(rgb[:: -1 if mirror_y else 1, :: -1 if mirror_x else 1])
