"""Damage that only shows in how much of a picture's data was used; and pictures that must not be taken for damaged."""

from __future__ import annotations

import random
from fractions import Fraction

import av
import numpy as np
import pytest

from extract import decoders
from extract.decoders import Decoder
from extract.media import MAX_PIXELS, open_stream
from extract.pyav_reader import FULL, PyAvReader
from extract.pyav_writer import write_video

SECONDS, FPS = 4, 25
VPX = {"cpu-used": "-8", "deadline": "realtime", "b": "300k", "g": "100"}
CODECS = {
    "vp8": ("libvpx", VPX),
    "vp8 in partitions": ("libvpx", {**VPX, "slices": "4"}),
    "vp9": ("libvpx-vp9", {**VPX, "cpu-used": "8"}),
}


def measured(path):
    reader = PyAvReader(path, FULL)
    try:
        return reader.measure()
    finally:
        reader.close()


@pytest.fixture(params=CODECS)
def film(request, clip, tmp_path):
    """Four seconds that all hang on one key frame; its position and size."""
    codec, options = CODECS[request.param]
    noise = np.random.default_rng(1)
    path = tmp_path / "film.webm"
    write_video(path, with_noise(clip, noise), fps=FPS, codec=codec, options=options)
    with av.open(str(path)) as container:
        first = next(packet for packet in container.demux(video=0) if packet.size)
        return path, first.pos, first.size


def with_noise(clip, noise):
    for number in range(SECONDS * FPS):
        rgb = clip.coded_frame(number, 128, 176)
        rgb[64:, :150] = noise.integers(0, 255, (64, 150, 3))
        yield rgb


@pytest.mark.parametrize("seed", range(4))
def test_bytes_that_change_inside_a_key_frame_are_noticed(film, monkeypatch, seed):
    path, position, size = film
    assert measured(path).corrupt_packets == 0
    choice = random.Random(seed)
    data = bytearray(path.read_bytes())
    for _ in range(8):  # behind the headers
        data[position + choice.randrange(16, size)] ^= choice.randrange(1, 256)
    path.write_bytes(data)
    report = measured(path)
    assert (report.complete, report.corrupt_packets > 0) == (False, True)
    monkeypatch.setattr(decoders.av, "codecs_available", frozenset())
    assert measured(path).corrupt_packets == 0  # by FFmpeg's own decoders alone


PLAIN = {
    "black": lambda number: np.zeros((96, 160, 3), np.uint8),
    "white": lambda number: np.full((96, 160, 3), 255, np.uint8),
    "grey, then a picture": lambda number: np.full((96, 160, 3), 90, np.uint8) if number < 40 else gradient(number),
    "letterbox": lambda number: gradient(number) * (np.abs(np.arange(96) - 48) < 30)[:, None, None],
    "stripes": lambda number: np.indices((96, 160))[1][..., None].repeat(3, 2) // 8 % 2 * np.uint8(255),
}


def gradient(number):
    return (np.indices((96, 160)).sum(0)[..., None] + 3 * number + np.array([0, 50, 90])).astype(np.uint8)


@pytest.mark.parametrize("picture", PLAIN)
@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9"])
@pytest.mark.parametrize(
    "options",
    [
        {"deadline": "realtime", "g": "10", "b": "400k"},
        {"deadline": "good", "auto-alt-ref": "1", "lag-in-frames": "10", "g": "20", "b": "30k"},
        {"deadline": "realtime", "g": "3", "crf": "4", "b": "20M", "error-resilient": "1"},
    ],
    ids=["fast", "low", "high"],
)
def test_plain_pictures_are_not_damaged_ones(tmp_path, picture, codec, options):
    path = tmp_path / "clip.webm"
    frames = (PLAIN[picture](number).astype(np.uint8) for number in range(60))
    write_video(path, frames, fps=FPS, codec=codec, options={"cpu-used": "5", **options})
    report = measured(path)
    assert (report.complete, report.corrupt_packets, report.samples) == (True, 0, 3)


@pytest.mark.parametrize("rotation_deg", [90, 180])
def test_a_decoder_that_is_not_the_streams_own_turns_pictures_likewise(clip, tmp_path, rotation_deg):
    path = tmp_path / "turned.mp4"
    stored = [np.rot90(clip.coded_frame(number), rotation_deg // 90) for number in range(30)]
    options = {"codec": "libvpx-vp9", "options": {"cpu-used": "8", "crf": "20", "deadline": "realtime"}}
    write_video(path, map(np.ascontiguousarray, stored), fps=FPS, rotation_deg=rotation_deg, **options)
    reader = PyAvReader(path)
    assert [clip.read_number(frame.rgb) for frame in reader.frames()] == [0, 25]
    reader.close()


def test_pictures_behind_the_end_of_an_edit_list_are_not_shown(clip):
    options = {"codec": "libvpx-vp9", "options": {"cpu-used": "8", "deadline": "realtime", "g": "25"}}
    path = clip("film.mp4", [Fraction(i, 25) for i in range(75)], **options)
    data = path.read_bytes()
    at = data.index(b"elst") + 12  # version, count, then the length of the only edit in milliseconds
    path.write_bytes(data[:at] + (2000).to_bytes(4, "big") + data[at + 4 :])
    with av.open(str(path)) as container:
        assert sum(packet.is_discard for packet in container.demux(video=0) if packet.size) > 0
        container.seek(0)
        own = [frame.pts for frame in container.decode(video=0)]
    container, stream = open_stream(path, 1)
    with container:
        decoder = Decoder(stream)
        shown = [
            decoded.frame.pts for packet in container.demux(stream) if packet.size for decoded in decoder.decode(packet)
        ]
    assert shown == own


def test_an_enormous_picture_in_mid_stream_is_refused_before_it_costs_memory(clip):
    path = clip("film.webm", [Fraction(i, 25) for i in range(30)], codec="libvpx-vp9", options={"cpu-used": "8"})
    container, stream = open_stream(path, 1)
    with container:
        decoder = Decoder(stream)
        packet = next(packet for packet in container.demux(stream) if packet.size)
        assert decoder.decode(packet)[0].key
        data = bytearray(packet)
        data[4:9] = (int.from_bytes(data[4:9], "big") | 0xFFFFFFFF << 4).to_bytes(5, "big")  # 65536 x 65536
        assert MAX_PIXELS < 2**32
        with pytest.raises(av.ArgumentError, match="65536 x 65536"):
            decoder.decode(av.Packet(bytes(data)))
        assert decoder.decode(packet)[0].frame.width == 176
