"""What containers say of the size of pictures, and what is made of it when the codec disagrees."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from extract.declared_size import declared_size, same_size
from extract.media import open_stream
from extract.pyav_reader import PyAvReader

TIMES = [Fraction(i, 25) for i in range(50)]
FILES = {
    "clip.mp4": ({}, (176, 64)),
    "clip.mov": ({}, (176, 64)),
    "fragments.mp4": ({"muxer_options": {"movflags": "frag_keyframe+empty_moov"}}, (176, 64)),
    "clip.mkv": ({}, (176, 64)),
    "clip.webm": ({"codec": "libvpx", "options": {"b": "300k"}}, (176, 64)),
    "clip.avi": ({"codec": "mpeg4", "options": {}, "at_fps": True, "fps": 25}, (176, 64)),
    "clip.ts": ({}, None),
    "clip.flv": ({"at_fps": True, "fps": 25}, None),
}


@pytest.mark.parametrize("name", FILES)
def test_what_the_container_says(clip, name):
    options, expected = FILES[name]
    path = clip(name, TIMES, **options)
    container, stream = open_stream(path, 1)
    with container:
        assert declared_size(path, container, stream) == expected


def test_the_size_is_that_of_the_stream_in_question(tmp_path):
    for name in ("clip.mp4", "clip.mkv"):
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            streams = [container.add_stream("libx264", rate=25) for _ in range(2)]
            for video, (width, height) in zip(streams, ((32, 32), (320, 176)), strict=True):
                video.width, video.height, video.pix_fmt = width, height, "yuv420p"
            for video in streams:
                picture = np.zeros((video.height, video.width, 3), np.uint8)
                container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
                container.mux(video.encode(None))
        with av.open(str(path)) as container:
            sizes = [declared_size(path, container, stream) for stream in container.streams.video]
        assert sizes == [(32, 32), (320, 176)], name


@pytest.mark.parametrize(
    ("other", "same"), [((1920, 1080), True), ((1920, 1088), True), ((1080, 1920), True), ((1904, 1080), False)]
)
def test_sizes_are_compared_in_macroblocks(other, same):
    assert same_size((1920, 1080), other) is same


@pytest.mark.parametrize(
    ("name", "intact", "damaged"),
    [
        ("clip.mkv", b"\xb0\x81\xb0\xba\x81\x40", b"\xb0\x81\x90\xba\x81\x40"),
        ("clip.mp4", b"\x00\xb0\x00\x40\x00\x48", b"\x00\x90\x00\x40\x00\x48"),
    ],
)
def test_a_codec_that_disagrees_with_its_container_is_not_believed(clip, name, intact, damaged):
    path = clip(name, TIMES)
    data = path.read_bytes()
    assert data.count(intact) == 1
    path.write_bytes(data.replace(intact, damaged))
    reader = PyAvReader(path)
    assert len(list(reader.frames())) == 2
    report = reader.report()
    reader.close()
    assert not report.complete
    assert report.reason == "its pictures are 176 x 64 pixels, but the file says 144 x 64"


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.avi"])
def test_any_bytes_are_read_without_an_error(clip, name):
    options, _ = FILES[name]
    path = clip(name, TIMES, **options)
    container, stream = open_stream(path, 1)
    noise = np.random.default_rng(0)
    intact = np.frombuffer(path.read_bytes(), np.uint8)
    with container:
        for _ in range(200):
            data = intact.copy()
            data[noise.integers(0, min(len(data), 2000), 30)] = noise.integers(0, 256, 30)
            path.write_bytes(data[: noise.integers(1, len(data))].tobytes())
            size = declared_size(path, container, stream)
            assert size is None or min(size) > 0
