"""Side data that PyAV has no name for, codecs of editing rooms, and encryption by other than the common scheme."""

from __future__ import annotations

import struct

import av
import numpy as np
import pytest

from data.errors import DecodeError
from extract.orientation import DisplayMatrix
from extract.pyav_reader import PyAvReader
from extract.pyav_writer import write_video
from extract.rgb import display_matrix

EXIF = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x01\0\0\0\0\0\0\0"  # one field: orientation, upright


@pytest.fixture(autouse=True, scope="module")
def _quiet():
    av.logging.set_level(av.logging.PANIC)


def read(path):
    reader = PyAvReader(path)
    try:
        return list(reader.frames()), reader.report()
    finally:
        reader.close()


def exif_film(path):
    """Two seconds of JPEG pictures that each carry EXIF, as cameras write them."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=5)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuvj420p"
        for number in range(10):
            picture = av.VideoFrame.from_ndarray(np.full((64, 96, 3), number * 20, np.uint8), format="rgb24")
            for packet in stream.encode(picture):
                data = bytes(packet)
                segment = b"\xff\xe1" + struct.pack(">H", len(EXIF) + 2) + EXIF
                with_exif = av.Packet(data[:2] + segment + data[2:])
                with_exif.pts, with_exif.dts, with_exif.time_base = packet.pts, packet.dts, packet.time_base
                with_exif.stream, with_exif.is_keyframe = stream, True
                container.mux(with_exif)
    return path


def test_pictures_with_exif_are_read(tmp_path):
    path = exif_film(tmp_path / "film.avi")
    with av.open(str(path)) as container, pytest.raises(ValueError, match="is not a valid Type"):
        _ = next(container.decode(video=0)).side_data
    frames, report = read(path)
    assert report.complete, report.reason
    assert [round(float(frame.rgb.mean()), -1) for frame in frames] == [0, 100]


@pytest.mark.parametrize(
    ("ccw_deg", "matrix"),
    [(0, DisplayMatrix(1, 0, 0, 1)), (-90, DisplayMatrix(0, 1, -1, 0)), (180, DisplayMatrix(-1, 0, 0, -1))],
)
def test_the_rotation_is_kept_beside_side_data_of_no_name(ccw_deg, matrix):
    class Frame:
        rotation = ccw_deg

        @property
        def side_data(self):
            raise ValueError("29 is not a valid Type")

    assert display_matrix(Frame()) == matrix
    assert display_matrix(Frame()).rotation_deg == -ccw_deg % 360


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("film.mov", "qtrle", "rgb24"),
        ("film.mov", "v210", "yuv422p10le"),
        ("film.mov", "cfhd", "yuv422p10le"),
        ("film.mov", "r210", "gbrp10le"),
        ("film.mov", "v308", "yuv444p"),
        ("film.avi", "magicyuv", "yuv420p"),
        ("film.mxf", "jpeg2000", "yuv420p"),
        ("film.mov", "jpeg2000", "rgb24"),
    ],
)
def test_codecs_of_editing_rooms_are_read(tmp_path, name, codec, pix_fmt):
    if codec not in av.codecs_available:
        pytest.skip(f"this FFmpeg has no encoder {codec}")
    path = tmp_path / name
    red, green = (np.full((96, 96, 3), colour, np.uint8) for colour in ((200, 30, 30), (30, 160, 30)))
    write_video(path, [red] * 25 + [green] * 25, fps=25, codec=codec, pix_fmt=pix_fmt)
    frames, report = read(path)
    assert report.complete, report.reason
    reds = [bool(frame.rgb[..., 0].mean() > frame.rgb[..., 1].mean()) for frame in frames]
    assert reds == [True, False]


def box(name, *parts):
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), name) + content


def protect(path, scheme):
    """Mark the video of an MP4 as encrypted, as a packager does; its pictures stay as they are."""
    data = bytearray(path.read_bytes())
    at = data.index(b"avc1", data.index(b"stsd")) - 4
    (length,) = struct.unpack_from(">I", data, at)
    data[at + 4 : at + 8] = b"encv"
    marks = box(b"sinf", box(b"frma", b"avc1"), box(b"schm", bytes(4), scheme, struct.pack(">I", 0x10001)))
    data[at + length : at + length] = marks
    struct.pack_into(">I", data, at, length + len(marks))
    for name in (b"stsd", b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        start = data.index(name) - 4
        struct.pack_into(">I", data, start, struct.unpack_from(">I", data, start)[0] + len(marks))
    path.write_bytes(data)


@pytest.mark.parametrize("scheme", [b"piff", b"itun"])
def test_a_film_that_is_encrypted_by_another_scheme_is_said_to_be_encrypted(clip, scheme):
    path = clip("film.mp4", [frame / 25 for frame in range(50)])
    protect(path, scheme)
    with pytest.raises(DecodeError) as caught:
        read(path)
    assert caught.value.code == "encrypted"


def test_pictures_that_are_marked_as_encrypted_are_never_complete(clip):
    """By the common scheme, but without the boxes that it needs."""
    path = clip("film.mp4", [frame / 25 for frame in range(50)])
    protect(path, b"cenc")
    _, report = read(path)
    assert not report.complete
    assert "the file says that its video is encrypted" in report.reason
