"""From decoded frames to upright RGB arrays: the colours and the orientation that the file asks for.

What features see must not depend on how a film was coded: matrix and range are those that the frame declares, and where
it declares none, those that players assume. HDR pictures are converted without tone mapping, and interlaced ones stay
woven, both fields as coded.
"""

from __future__ import annotations

import struct
from typing import cast

import numpy as np
import numpy.typing as npt
from av.sidedata.sidedata import SideDataContainer
from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from extract.orientation import IDENTITY, DisplayMatrix, rotated, upright

Rgb = npt.NDArray[np.uint8]

# Colours that nobody specified: HD is BT.709 and SD is BT.601, as players assume.
_HD_HEIGHT_PX = 720
_UNSPECIFIED_COLORSPACE = 2


def display_matrix(frame: VideoFrame, otherwise: DisplayMatrix = IDENTITY) -> DisplayMatrix:
    """Return the display matrix of a frame; ``otherwise`` if it has none."""
    try:
        side_data = cast(SideDataContainer, frame.side_data)
    except ValueError:  # PyAV does not name all kinds (EXIF, views of stereo films), and tells but the rotation then
        return rotated(-frame.rotation) if frame.rotation else otherwise
    if SideDataType.DISPLAYMATRIX not in side_data:
        return otherwise
    a, b, _, c, d, *_ = struct.unpack_from("=9i", bytes(side_data[SideDataType.DISPLAYMATRIX]))
    return DisplayMatrix(a, b, c, d)


class RgbConverter:
    """Turns decoded frames into upright RGB arrays, with the matrix and range that the frame declares.

    Args:
        matrix: display matrix of frames that bring none of their own.
    """

    def __init__(self, matrix: DisplayMatrix = IDENTITY) -> None:
        self._reformatter = VideoReformatter()
        self._matrix = matrix

    def __call__(self, frame: VideoFrame) -> Rgb:
        """Return (H, W, 3) uint8, full range."""
        source = None
        if frame.colorspace == _UNSPECIFIED_COLORSPACE and not frame.format.is_rgb:
            source = Colorspace.ITU709 if frame.height >= _HD_HEIGHT_PX else Colorspace.ITU601
        picture = self._reformatter.reformat(
            frame, format="rgb24", src_colorspace=source, dst_color_range=ColorRange.JPEG, threads=1
        )
        return upright(cast(Rgb, picture.to_ndarray()), display_matrix(frame, self._matrix))
