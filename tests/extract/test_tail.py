"""What lies behind everything that was read of a file is film that was not seen, unless the container put it there."""

from __future__ import annotations

import random

import av
import pytest

from extract.ebml import ebml_end
from extract.pyav_reader import PyAvReader

FPS, FRAMES = 25, 100
TIMES = [frame / FPS for frame in range(FRAMES)]
X264 = {"crf": "28", "preset": "veryfast", "g": "25"}
LIVE = {"muxer": "matroska", "muxer_options": {"live": "1"}}
FILMS = {
    "film.ts": {"options": X264},
    "film.m2ts": {"options": X264, "muxer": "mpegts", "muxer_options": {"mpegts_m2ts_mode": "1"}},
    "film.mpg": {"codec": "mpeg2video", "options": {"g": "25"}, "at_fps": True, "fps": FPS},
    "first.mpg": {"codec": "mpeg1video", "options": {"g": "25"}, "at_fps": True, "fps": FPS},
    "film.h264": {"options": {**X264, "g": "100"}},
    "film.m2v": {"codec": "mpeg2video", "options": {"g": "25"}, "at_fps": True, "fps": FPS, "muxer": "mpeg2video"},
    "live.mkv": {"options": X264, **LIVE},
    "film.flv": {"options": X264},
    "film.nut": {"options": X264},
    "fast.mp4": {"options": X264, "muxer_options": {"movflags": "faststart"}},
    "fragments.mp4": {"options": X264, "muxer_options": {"movflags": "frag_keyframe+empty_moov"}},
}
FILLS = {"00": bytes, "FF": lambda size: b"\xff" * size, "noise": random.Random(5).randbytes}


@pytest.fixture(autouse=True, scope="module")
def _quiet():
    av.logging.set_level(av.logging.PANIC)


def report_of(path):
    reader = PyAvReader(path)
    try:
        list(reader.frames())
        return reader.report()
    finally:
        reader.close()


@pytest.mark.parametrize(
    ("name", "fill"),
    [
        (name, fill) for name in FILMS for fill in FILLS if (name, fill) != ("film.nut", "noise")
    ],  # NUT sees packets in it
)
def test_a_film_whose_end_is_overwritten_is_not_complete(clip, name, fill):
    """But for NUT, whose demuxer takes some noise for packets."""
    path = clip(name, TIMES, **FILMS[name])
    assert report_of(path).complete, "as written it is read to its end"
    film = path.read_bytes()
    kept = len(film) * 6 // 10
    path.write_bytes(film[:kept] + FILLS[fill](len(film) - kept))
    assert not report_of(path).complete


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("name", [name for name in FILMS if name not in ("film.nut",)])
def test_bytes_of_no_meaning_behind_a_whole_film_are_told(clip, name, fill):
    path = clip(name, TIMES, **FILMS[name])
    film = path.read_bytes()
    path.write_bytes(film + FILLS[fill](len(film) // 188 * 94))
    report = report_of(path)
    assert not report.complete
    assert report.decoded_s == pytest.approx(4, abs=0.05)


def test_the_words_say_how_much_was_not_read_and_what_it_is(clip):
    path = clip("film.ts", TIMES, options=X264)
    film = path.read_bytes()
    path.write_bytes(film + bytes(len(film)))
    assert report_of(path).reason == (
        f"the end of the file holds no picture or sound that can be read ({len(film)} bytes, 50 % of it: "
        "all of them are 0x00)"
    )


@pytest.mark.parametrize("name", ["film.mp4", "film.flv", "fast.mp4"])
def test_a_film_that_is_appended_to_another_is_said_to_be_unread(clip, name):
    path = clip(name, TIMES, options=X264)
    film = path.read_bytes()
    path.write_bytes(film + film)
    report = report_of(path)
    assert not report.complete
    assert report.reason.startswith("another film is appended to the file, and was not read")


def test_a_film_that_passes_for_the_last_packet_of_another_is_unread(clip):
    """NUT has no end of its own: what follows belongs to the last packet until a header is found."""
    path = clip("film.nut", TIMES, options=X264)
    path.write_bytes(2 * path.read_bytes())
    assert report_of(path).reason.startswith("the end of the file holds no picture or sound that can be read")


@pytest.mark.parametrize(
    ("name", "padding"),
    [
        ("film.ts", (b"\x47\x1f\xff\x10" + b"\xff" * 184) * 400),  # null packets
        ("film.mpg", (b"\0\0\1\xbe" + (2042).to_bytes(2, "big") + b"\xff" * 2042) * 30),  # a padding stream
        ("film.mp4", (50_000).to_bytes(4, "big") + b"free" + bytes(49_992)),
        ("film.mp4", bytes(512)),
    ],
)
def test_what_a_container_calls_padding_is_none_of_the_film(clip, name, padding):
    path = clip(name, TIMES, **FILMS.get(name, {"options": X264}))
    path.write_bytes(path.read_bytes() + padding)
    report = report_of(path)
    assert report.complete, report.reason


def test_a_recording_that_was_killed_breaks_off_inside_a_block(clip):
    path = clip("live.mkv", TIMES, options=X264, **LIVE)
    film = path.read_bytes()
    path.write_bytes(film[: len(film) // 2])
    report = report_of(path)
    assert not report.complete
    assert report.reason.startswith("the file breaks off")


@pytest.mark.parametrize("cluster_known", [True, False])
def test_the_structure_of_a_film_without_a_size_is_walked_to_its_end(tmp_path, cluster_known):
    block = b"\xa3\x86" + b"\x81\0\0\x80ab"
    cluster_size = bytes([0x80 | 3 * len(block)]) if cluster_known else b"\x01" + b"\xff" * 7
    whole = b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x01" + b"\xff" * 7
    whole += (b"\x1f\x43\xb6\x75" + cluster_size + 3 * block) * 2
    path = tmp_path / "film"
    for size, cut in ((len(whole), False), (len(whole) - 1, True), (len(whole) - len(block) - 3, True)):
        path.write_bytes(whole[:size])
        with path.open("rb") as handle:
            end = ebml_end(handle, size)
        assert end is not None
        assert (end.cut, end.unsized, end.cues) == (cut, True, False)
        assert end.at <= size
