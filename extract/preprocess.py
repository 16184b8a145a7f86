"""From a decoded picture to the square network input: letterbox bars off, framing, one antialiased resize.

Runs in the decode process, which must stay small and never import torch: numpy and Pillow only. Pillow's bilinear
resize is antialiased and equals torchvision's within rounding; without antialiasing features move by 3 %.

Bars are looked for over the whole title, not per frame: a night scene or a fade to black must not change the framing.
A row (or column) belongs to a bar when it is near black in *every* bright enough probe picture and its inner edge is
in the same place in several of them, which a dark sky is not. Where in doubt nothing is cut off.

Axes: H height, W width, S side of the network input.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

Picture = npt.NDArray[np.uint8]

DARK_LEVEL = 24  # brightest channel of a bar's pixel, 0 to 255: black at limited range read as full range is 16
BRIGHT_LEVEL = 64
BRIGHT_SHARE = 0.1  # a picture tells about bars when so much of it is bright: no fades, no credits
STRAY_SHARE = 0.01  # pixels of a row that compression may have made brighter
AGREE_SHARE = 1 / 3  # of the pictures must have their edge where the bar ends
EDGE_TOLERANCE = 0.01  # of the side
MIN_PICTURES = 3
MIN_BAR, MAX_BAR = 0.02, 0.4  # of the side; thinner ones are not worth a cut
SUBTITLE_FREE = 1 / 8  # of a row at either end, where no subtitle is
IMAGENET_SHORT_SIDE = 256 / 224


@dataclass(frozen=True)
class CropBox:
    """The part of a picture that is not bars, as fractions of its width and height (resolution may change)."""

    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0

    def cut(self, picture: Picture) -> Picture:
        """Return the part of a (H, W, 3) picture inside the box, a view."""
        height, width = picture.shape[:2]
        rows = slice(round(self.top * height), round(self.bottom * height))
        columns = slice(round(self.left * width), round(self.right * width))
        return picture[rows, columns]


WHOLE = CropBox()


def find_letterbox(pictures: Iterable[Picture]) -> CropBox:
    """Find constant black bars of a title.

    Not in the paper: the bars of wide films waste up to a quarter of the input and shift the features.

    Args:
        pictures: (H, W, 3) uint8 of one size, spread over the title; no more are taken than it needs to see that there
            are no bars. Fewer than three bright ones: no bars.
    """
    bright: list[npt.NDArray[np.bool_]] = []
    first: Picture | None = None
    lit_sides: set[str] = set()
    for picture in pictures:
        first = picture if first is None else first
        level = _brightest_channel(picture)
        if picture.shape != first.shape or (level > BRIGHT_LEVEL).mean() < BRIGHT_SHARE:
            continue
        bright.append(level > DARK_LEVEL)
        lit_sides |= _lit_sides(bright[-1])
        if len(lit_sides) == 4:  # each side is lit in some picture, and a bar is dark in all
            return WHOLE
    if len(bright) < MIN_PICTURES:
        return WHOLE
    height, width = bright[0].shape
    top, bottom = _bar_pair(bright)
    left, right = _bar_pair([lit[top : height - bottom].T for lit in bright])
    return CropBox(left / width, top / height, 1 - right / width, 1 - bottom / height)


def _lit_sides(lit: npt.NDArray[np.bool_]) -> set[str]:
    """Return the sides where a picture is lit so near its edge that there is no bar."""
    sides = {"top": lit, "bottom": lit[::-1], "left": lit.T, "right": lit.T[::-1]}
    return {side for side, rows in sides.items() if _dark_rows(rows) < MIN_BAR * len(rows)}


def _brightest_channel(picture: Picture) -> npt.NDArray[np.uint8]:
    """Return (H, W); five times faster than ``picture.max(axis=2)``."""
    return np.maximum(np.maximum(picture[..., 0], picture[..., 1]), picture[..., 2])


def _bar_pair(lit: Sequence[npt.NDArray[np.bool_]]) -> tuple[int, int]:
    """Return the thickness of the bars before the first and after the last row, pixels."""
    first = _bar(lit)
    flipped = [picture[::-1] for picture in lit]
    last = _bar(flipped)
    if last < first and _is_bar_with_subtitles(flipped, first):
        last = first
    elif first < last and _is_bar_with_subtitles(lit, last):
        first = last
    return first, last


def _bar(lit: Sequence[npt.NDArray[np.bool_]]) -> int:
    """Return the number of leading rows that are dark in all pictures, 0 unless it is plausibly a bar."""
    side = len(lit[0])
    depths = np.array([_dark_rows(picture) for picture in lit])
    bar = int(depths.min())
    agreeing = int((depths <= bar + EDGE_TOLERANCE * side).sum())
    if not MIN_BAR * side <= bar <= MAX_BAR * side or agreeing < max(2, AGREE_SHARE * len(lit)):
        return 0
    return bar


def _dark_rows(lit: npt.NDArray[np.bool_]) -> int:
    is_lit = lit.mean(axis=1) > STRAY_SHARE
    return int(is_lit.argmax()) if is_lit.any() else len(lit)


def _is_bar_with_subtitles(lit: Sequence[npt.NDArray[np.bool_]], bar: int) -> bool:
    """Say whether the leading ``bar`` rows mirror a proven bar: text in a minority of pictures, dark ends always."""
    margin = int(lit[0].shape[1] * SUBTITLE_FREE)
    ends = [np.concatenate([picture[:bar, :margin], picture[:bar, -margin:]], axis=1) for picture in lit]
    with_text = sum(_dark_rows(picture) < bar for picture in lit)
    return all(_dark_rows(end) >= bar for end in ends) and with_text * 2 < len(lit)


def to_input(picture: Picture, sample_aspect: float, *, crop: CropBox, framing: str, input_px: int) -> Picture:
    """Return the (S, S, 3) uint8 network input of a picture.

    Args:
        picture: (H, W, 3) uint8, upright, on the coded pixel grid.
        sample_aspect: width / height of one pixel, > 0.
        crop: what to keep of the picture, see ``find_letterbox``.
        framing: ``full``: all of it, squeezed to a square (so the pixel aspect plays no part); ``center-crop``: the
            centre 224/256 of the short side as displayed.
        input_px: S.
    """
    kept = crop.cut(picture)
    height, width = kept.shape[:2]
    box = (0.0, 0.0, float(width), float(height))
    if framing == "center-crop":
        box = _centre_square(width, height, sample_aspect)
    image = Image.fromarray(kept).resize((input_px, input_px), Image.Resampling.BILINEAR, box=box)
    return np.asarray(image)


def _centre_square(width: int, height: int, sample_aspect: float) -> tuple[float, float, float, float]:
    """Return the source box (left, top, right, bottom) that is a centred square on the screen."""
    side = min(width * sample_aspect, height) / IMAGENET_SHORT_SIDE
    half_width, half_height = side / sample_aspect / 2, side / 2
    return width / 2 - half_width, height / 2 - half_height, width / 2 + half_width, height / 2 + half_height
