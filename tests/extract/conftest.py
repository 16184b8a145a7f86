"""Clips whose frames carry their own number as a bar code that survives lossy coding, and any scaling by two."""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction

import numpy as np
import pytest

from extract.pyav_writer import write_video

BITS = 10
CELL = 16


def coded_frame(number, height=64, width=176):
    """Bits of the number (and its complement below) as black and white cells; corners orient it: top left is red."""
    rgb = np.full((height, width, 3), 128, np.uint8)
    for bit in range(BITS):
        value = 255 if number >> bit & 1 else 0
        left = CELL // 2 + bit * CELL
        rgb[16:32, left : left + CELL] = value
        rgb[32:48, left : left + CELL] = 255 - value
    rgb[:12, :24] = (220, 20, 20)
    rgb[-12:, -24:] = (20, 20, 220)
    return rgb


def read_number(rgb):
    """The number of an upright coded frame of any code size; fails on a picture that is not one."""
    number = 0
    for bit in range(BITS):
        centre = CELL + bit * CELL
        upper = float(rgb[21:27, centre - 3 : centre + 3].mean())
        lower = float(rgb[37:43, centre - 3 : centre + 3].mean())
        assert abs(upper - lower) > 80, f"no bar code: bit {bit} is {upper:.0f} over {lower:.0f}"
        number |= (upper > lower) << bit
    return number


def expected_numbers(times_s):
    """The rule, in the plainest words: for each whole second up to the last frame, the last frame displayed by then."""
    since = [Fraction(time) - Fraction(times_s[0]) for time in times_s]
    return [bisect_right(since, t + Fraction(1, 1000)) - 1 for t in range(int(since[-1]) + 1)]


@pytest.fixture
def clip(tmp_path):
    """``clip(name, times_s, **write_video options)`` writes coded frames at these times and returns the path.

    ``at_fps`` for encoders that know no other times than multiples of 1 / fps.
    """

    def make(name, times_s, *, size=(64, 176), at_fps=False, **options):
        path = tmp_path / name
        frames = (coded_frame(number, *size) for number in range(len(times_s)))
        options.setdefault("options", {"crf": "20", "preset": "ultrafast"})
        write_video(path, frames, times_s=None if at_fps else times_s, **options)
        return path

    make.read_number = read_number
    make.expected_numbers = expected_numbers
    make.coded_frame = coded_frame
    return make
