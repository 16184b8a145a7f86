"""Colours follow what the file declares, and what players assume where it declares nothing."""

from __future__ import annotations

import av
import numpy as np
import pytest

from extract.rgb import RgbConverter

RED = [200, 40, 60]
WEIGHTS = {"bt709": (0.2126, 0.0722), "smpte170m": (0.299, 0.114), "bt2020nc": (0.2627, 0.0593)}  # Kr, Kb


def plain_frame(matrix, *, full_range=False, height=64):
    """One colour all over, (height, 64), from the Y'CbCr values that the matrix and the range give it."""
    red_weight, blue_weight = WEIGHTS[matrix]
    rgb = np.array(RED) / 255
    luma = red_weight * rgb[0] + (1 - red_weight - blue_weight) * rgb[1] + blue_weight * rgb[2]
    chroma = [(rgb[2] - luma) / (2 * (1 - blue_weight)), (rgb[0] - luma) / (2 * (1 - red_weight))]
    scale, offset, chroma_scale = (255, 0, 255) if full_range else (219, 16, 224)
    values = [offset + scale * luma, *(128 + chroma_scale * value for value in chroma)]
    counts = (64 * height, 16 * height, 16 * height)
    planes = np.concatenate([np.full(n, round(v), np.uint8) for n, v in zip(counts, values, strict=True)])
    return av.VideoFrame.from_ndarray(planes.reshape(height * 3 // 2, 64), format="yuv420p")


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", WEIGHTS)
def test_a_declared_matrix_and_range_are_used(tmp_path, matrix, full_range):
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"qp": "0", "x264-params": f"colormatrix={matrix}"})
        stream.codec_context.color_range = 2 if full_range else 1
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        picture = plain_frame(matrix, full_range=full_range)
        picture.color_range = stream.codec_context.color_range
        container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    with av.open(str(path)) as container:
        rgb = RgbConverter()(next(container.decode(video=0)))
    assert rgb[32, 32] == pytest.approx(RED, abs=3)


@pytest.mark.parametrize(("height", "matrix"), [(576, "smpte170m"), (720, "bt709")])
def test_an_undeclared_matrix_is_that_of_sd_or_hd(height, matrix):
    rgb = RgbConverter()(plain_frame(matrix, height=height))
    assert rgb.shape == (height, 64, 3)
    assert rgb[32, 32] == pytest.approx(RED, abs=3)
