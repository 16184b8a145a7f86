"""Which of several video streams is the film, and that the others are told of."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from data.schemas import Coverage
from extract.media import open_stream
from extract.pyav_reader import PyAvReader
from infer.title_status import title_row

FPS = 25
SMALL, LARGE = (64, 48), (320, 240)


def mux(path, *streams, sound_s=0.0, options=None, late_s=0, sound="aac"):
    """Write streams of (codec, size, seconds, default) that begin ``late_s`` after the sound, in the order of time."""
    with av.open(str(path), "w", options=dict(options or {})) as container:
        packets = []
        for codec, (width, height), seconds, default in streams:
            stream = container.add_stream(codec, rate=FPS)
            stream.width, stream.height = width, height
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            stream.codec_context.time_base = Fraction(1, FPS)
            stream.disposition = av.stream.Disposition.default if default else av.stream.Disposition(0)
            packets.append(encoded(stream, max(1, round(seconds * FPS)), round(late_s * FPS)))
        if sound_s:
            packets.append(silence(container.add_stream(sound, rate=48_000), sound_s))
        everything = [packet for of_stream in packets for packet in of_stream if packet.dts is not None]
        for packet in sorted(everything, key=lambda packet: packet.dts * packet.time_base):
            container.mux(packet)
    return path


def silence(stream, seconds):
    stream.codec_context.layout, stream.codec_context.bit_rate = "stereo", 64_000
    packets = []
    for block in range(round(seconds * 48)):
        samples = av.AudioFrame.from_ndarray(np.zeros((2, 1000), np.float32), format="fltp", layout="stereo")
        samples.sample_rate, samples.pts, samples.time_base = 48_000, block * 1000, Fraction(1, 48_000)
        packets += stream.encode(samples)
    return packets + stream.encode(None)


def encoded(stream, pictures, first=0):
    packets = []
    for number in range(pictures):
        picture = av.VideoFrame.from_ndarray(
            np.full((stream.height, stream.width, 3), number * 7 % 256, np.uint8), format="rgb24"
        )
        picture.pts, picture.time_base = first + number, Fraction(1, FPS)
        packets += stream.encode(picture)
    return packets + stream.encode(None)


def read(path):
    reader = PyAvReader(path)
    try:
        return len(list(reader.frames())), reader.report(), reader.info
    finally:
        reader.close()


@pytest.mark.parametrize("name", ["film.mkv", "film.mp4", "film.ts", "film.mov"])
@pytest.mark.parametrize("film_first", [True, False])
def test_the_longest_of_two_angles_is_the_film(tmp_path, name, film_first):
    film, other = ("libx264", SMALL, 6, False), ("libx264", LARGE, 2, True)
    path = mux(tmp_path / name, *((film, other) if film_first else (other, film)))
    samples, report, info = read(path)
    assert samples == 6
    assert (info.width_px, info.height_px) == SMALL
    assert report.complete, report.reason
    assert report.unseen
    assert report.remark.startswith("1 other video stream not looked at (2.0 s)")


@pytest.mark.parametrize("film_first", [True, False])
@pytest.mark.parametrize("name", ["film.mkv", "film.mp4"])
def test_a_poster_that_is_an_ordinary_track_is_not_the_film(tmp_path, name, film_first):
    film, poster = ("libx264", SMALL, 4, False), ("mjpeg", LARGE, 0.04, True)
    samples, report, info = read(mux(tmp_path / name, *((film, poster) if film_first else (poster, film))))
    assert (samples, info.codec) == (4, "h264")
    assert report.complete, report.reason
    assert not report.unseen, "a picture is no film"


def test_a_file_that_says_nothing_of_its_streams_is_measured_by_their_packets(tmp_path):
    """A live Matroska has neither durations nor counts."""
    film, other = ("libx264", SMALL, 6, False), ("libx264", LARGE, 2, True)
    path = mux(tmp_path / "film.mkv", other, film, options={"live": "1"})
    with av.open(str(path)) as container:
        assert not any(stream.metadata.get("DURATION") for stream in container.streams)
    samples, report, _ = read(path)
    assert samples == 6
    assert report.remark.startswith("1 other video stream not looked at (2.0 s)")


@pytest.mark.parametrize("default", [0, 1])
def test_of_streams_of_like_length_the_default_one_is_read(tmp_path, default):
    streams = [("libx264", SMALL, 4, default == 0), ("libx264", LARGE, 4, default == 1)]
    path = mux(tmp_path / "film.mkv", *streams)
    container, stream = open_stream(path, 1)
    with container:
        assert (stream.width, stream.height) == (SMALL, LARGE)[default]


@pytest.mark.parametrize("name", ["film.mkv", "film.mp4", "film.ts"])
def test_a_film_that_ends_before_half_of_its_sound_is_not_complete(tmp_path, name):
    _, report, _ = read(mux(tmp_path / name, ("libx264", SMALL, 2, True), sound_s=10))
    assert not report.complete
    assert report.reason.startswith("its pictures end at 2.0 s, but the file lasts 10.0 s")


def test_sound_that_goes_on_for_a_while_is_told_of(tmp_path):
    _, report, _ = read(mux(tmp_path / "film.mp4", ("libx264", SMALL, 5, True), sound_s=9))
    assert report.complete, report.reason
    assert report.remark == "the sound goes on for 4.0 s after the last picture"
    assert not report.unseen


def test_a_title_with_video_that_was_not_looked_at_is_for_review():
    fields = {"title_id": "t", "source": "t.mkv", "source_sha256": "", "reader": "pyav", "container": "", "codec": ""}
    numbers = {"width_px": 64, "height_px": 48, "rotation_deg": 0, "declared_duration_s": 6.0, "decoded_s": 6.0}
    coverage = Coverage(**fields, **numbers, samples=6, corrupt_packets=0, complete=True, reason="")
    assert title_row("t", [], coverage).status == "clear"
    words = "1 other video stream not looked at (2.0 s)"
    unseen = Coverage(**{**vars(coverage), "remark": words, "unseen": True})
    row = title_row("t", [], unseen)
    assert (row.status, row.reason, row.coverage) == ("review", words, 1.0)


@pytest.mark.parametrize("name", ["film.mkv", "film.ts", "film.mp4", "film.flv"])
def test_a_film_that_begins_long_after_its_sound_is_complete(tmp_path, name):
    """FFmpeg looks at the first seconds of a file and takes the video to begin with the sound."""
    path = mux(tmp_path / name, ("libx264", SMALL, 6, True), sound_s=18, late_s=10)
    samples, report, info = read(path)
    assert (samples, report.complete) == (6, True), report.reason
    assert report.picture_start_s == pytest.approx(10, abs=0.05)
    assert info.declared_duration_s in (None, pytest.approx(6, abs=0.05))


def test_what_a_wmv_declares_is_of_the_file_and_not_of_its_video(tmp_path):
    path = mux(tmp_path / "film.wmv", ("wmv2", SMALL, 5, True), sound_s=9, sound="wmav2")
    samples, report, _ = read(path)
    assert (samples, report.complete) == (5, True), report.reason
    assert report.remark.startswith("the sound goes on for 4.")
    data = path.read_bytes()
    for part in (0.3, 0.6, 0.99):
        path.write_bytes(data[: int(len(data) * part)])
        _, report, _ = read(path)
        assert not report.complete
        assert report.reason.startswith("the file breaks off")
