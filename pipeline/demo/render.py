"""Frames of a demo title from its shots.

Features are taken once a second, so motion may be cheap: a region is cropped and graded once per shot; a pan is then a
moving crop, a zoom one bilinear resize per frame, and above 12 moves a second pictures are held.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance, ImageFilter

from pipeline.demo.imagery import CLIP_FPS, load_source
from pipeline.demo.shots import Shot, View

FADE_S = 0.5
GRAIN = 2.5
INSET_SHARE = 0.45
LARGEST_CANVAS_PX = 480
MOTION_FPS = 12

RGB = npt.NDArray[np.uint8]
Size = tuple[int, int]


def title_frames(
    shots: Sequence[Shot], *, fps: Fraction, size_px: Size, letterbox_px: int = 0, quarter_turns: int = 0
) -> Iterator[RGB]:
    """Yield the frames of a title, (H, W, 3) uint8 RGB.

    Args:
        shots: in order.
        fps: frames per second.
        size_px: (width, height) of a frame, bars included, before it is turned.
        letterbox_px: height of a black bar above and one below.
        quarter_turns: how often to turn the stored frame by 90 degrees counter-clockwise.
    """
    width, height = size_px
    inner = (width, height - 2 * letterbox_px)
    for shot in shots:
        for rgb in _shot_frames(shot, fps, inner):
            framed = np.pad(rgb, ((letterbox_px, letterbox_px), (0, 0), (0, 0))) if letterbox_px else rgb
            yield np.ascontiguousarray(np.rot90(framed, quarter_turns)) if quarter_turns else framed


def _shot_frames(shot: Shot, fps: Fraction, size_px: Size) -> Iterator[RGB]:
    fade_frames = min(round(FADE_S * fps), shot.frames // 2) if shot.fades else 0
    for index, rgb in enumerate(_composed(shot, fps, size_px)):
        light = min(1.0, (min(index, shot.frames - 1 - index) + 1) / fade_frames) if fade_frames else 1.0
        yield rgb if light == 1.0 else (rgb * light).astype(np.uint8)


def _composed(shot: Shot, fps: Fraction, size_px: Size) -> Iterator[RGB]:
    if shot.backdrop is None:
        yield from _view_frames(shot.view, shot.frames, fps, size_px)
        return
    behind = _view_frames(shot.backdrop, shot.frames, fps, size_px)
    if shot.style == "blend":
        for front, back in zip(_view_frames(shot.view, shot.frames, fps, size_px), behind):
            yield ((front.astype(np.uint16) + back) // 2).astype(np.uint8)
        return
    width, height = size_px
    inset = (round(width * INSET_SHARE), round(height * INSET_SHARE))
    left, top = (width - inset[0] - width // 20, height - inset[1] - height // 20)
    for front, back in zip(_view_frames(shot.view, shot.frames, fps, inset), behind):
        frame = back.copy()
        frame[top - 2 : top + inset[1] + 2, left - 2 : left + inset[0] + 2] = 235
        frame[top : top + inset[1], left : left + inset[0]] = front
        yield frame


def _view_frames(view: View, frames: int, fps: Fraction, size_px: Size) -> Iterator[RGB]:
    canvases = _canvases(view, frames, fps)
    if len(canvases) == 1 and view.start[2] == view.end[2]:
        yield from _panned(canvases[0], view, frames, size_px)
        return
    hold = max(1, round(fps / MOTION_FPS))
    for index in range(frames):
        if index % hold == 0:
            canvas = canvases[_clip_index(index, fps, len(canvases))]
            box = _window(canvas, view, size_px, index / max(1, frames - 1))
            rgb = np.asarray(canvas.resize(size_px, Image.Resampling.BILINEAR, box=box))
        yield rgb


def _panned(canvas: Image.Image, view: View, frames: int, size_px: Size) -> Iterator[RGB]:
    """Yield a still or a pan of constant scale: one resize for the shot, then crops at whole pixels."""
    width, height = size_px
    left, top, right, _ = _window(canvas, view, size_px, 0.0)
    factor = width / (right - left)
    scaled = canvas.resize(
        (max(width, round(canvas.width * factor)), max(height, round(canvas.height * factor))),
        Image.Resampling.BILINEAR,
    )
    rgb = np.asarray(scaled)
    for index in range(frames):
        left, top, *_ = _window(canvas, view, size_px, index / max(1, frames - 1))
        x, y = min(round(left * factor), scaled.width - width), min(round(top * factor), scaled.height - height)
        yield rgb[y : y + height, x : x + width]


def _clip_index(index: int, fps: Fraction, length: int) -> int:
    """Play a clip forwards and backwards in turn, at its own speed, so that it has no jump."""
    if length == 1:
        return 0
    step = int(index * CLIP_FPS / fps) % (2 * length - 2)
    return step if step < length else 2 * length - 2 - step


def _canvases(view: View, frames: int, fps: Fraction) -> list[Image.Image]:
    """Return the graded pictures of the region that the shot needs: one, or as many of the clip as it plays."""
    pictures = load_source(view.region.source)
    if len(pictures) > 1:
        first, last = (round(share * len(pictures)) for share in view.region.clip)
        part = pictures[first:last]
        begin = int(view.phase * (len(part) - 2))
        pictures = part[begin : begin + max(2, int(frames * CLIP_FPS / fps) + 1)]
    graded = [_graded(picture, view) for picture in pictures]
    return graded if len(graded) > 1 else [_with_grain(graded[0], int(view.phase * 2**32))]


def _graded(picture: RGB, view: View) -> Image.Image:
    height, width = picture.shape[:2]
    left, top, right, bottom = view.region.box
    part = picture[round(top * height) : round(bottom * height), round(left * width) : round(right * width)]
    image = Image.fromarray(np.ascontiguousarray(part[:, ::-1] if view.mirrored else part))
    image.thumbnail((LARGEST_CANVAS_PX, LARGEST_CANVAS_PX))
    if view.blur_px:
        image = image.filter(ImageFilter.GaussianBlur(view.blur_px))
    values = (np.arange(256.0) - 128.0) * view.contrast + 128.0
    table = np.concatenate([values * view.brightness * factor for factor in view.tint])
    return ImageEnhance.Color(image).enhance(view.colour).point(table.clip(0, 255).astype(np.uint8).tolist())


def _with_grain(image: Image.Image, seed: int) -> Image.Image:
    grain = np.random.default_rng(seed).standard_normal((image.height, image.width, 1), dtype=np.float32) * GRAIN
    return Image.fromarray((np.asarray(image) + grain).clip(0, 255).astype(np.uint8))


def _window(canvas: Image.Image, view: View, size_px: Size, progress: float) -> tuple[float, float, float, float]:
    """Return the window (left, top, right, bottom, in pixels of the canvas) at ``progress`` in [0, 1] of the shot."""
    aspect = size_px[0] / size_px[1]
    left, top, scale = (a + (b - a) * progress for a, b in zip(view.start, view.end))
    width = scale * min(canvas.width, canvas.height * aspect)
    height = width / aspect
    x, y = left * (canvas.width - width), top * (canvas.height - height)
    return (x, y, min(x + width, canvas.width), min(y + height, canvas.height))
