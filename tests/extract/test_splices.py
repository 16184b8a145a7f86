"""Films joined byte by byte: one continuous time where the standard says how, and a picture without a place is lost."""

from __future__ import annotations

import av
import pytest

from extract.pyav_reader import FULL, PyAvReader

FPS = 25
X264 = {"crf": "28", "preset": "ultrafast", "g": "25"}
VPX = {"cpu-used": "-8", "deadline": "realtime", "b": "300k", "g": "25"}


@pytest.fixture(autouse=True, scope="module")
def _quiet():
    av.logging.set_level(av.logging.PANIC)


def times(start_s, pictures):
    return [start_s + number / FPS for number in range(pictures)]


def read(path, decode):
    reader = PyAvReader(path, decode)
    try:
        return [frame.frame_index for frame in reader.frames()], reader.report()
    finally:
        reader.close()


@pytest.mark.parametrize("decode", ["planned", FULL])
@pytest.mark.parametrize("back_s", [0.1, 0.5, 0.9, 1.5, 30])
def test_a_transport_stream_goes_on_where_its_clock_steps_back(clip, back_s, decode):
    film = clip("film.ts", times(40, 100), options=X264).read_bytes()
    other = clip("other.ts", times(44 - back_s, 100), options=X264)
    other.write_bytes(film + other.read_bytes())
    samples, report = read(other, decode)
    assert report.complete, report.reason
    assert samples == list(range(8))
    assert report.decoded_s == pytest.approx(8, abs=0.05)
    assert report.pictures == 200


def test_many_short_splices_are_one_film(clip):
    """Eight parts of 0.88 s each, all of the same clock: 176 pictures."""
    part = clip("part.ts", times(9, 22), options=X264).read_bytes()
    path = clip("film.ts", times(2, 175), options=X264)
    path.write_bytes(path.read_bytes() + 8 * part)
    samples, report = read(path, "planned")
    assert report.complete, report.reason
    assert report.pictures == 175 + 176
    assert samples == list(range(15))


def test_a_transport_stream_goes_on_where_its_clock_leaps_an_hour(clip):
    film = clip("film.ts", times(0, 100), options=X264).read_bytes()
    other = clip("other.ts", times(3600, 100), options=X264)
    other.write_bytes(film + other.read_bytes())
    samples, report = read(other, "planned")
    assert report.complete, report.reason
    assert samples == list(range(8))


@pytest.mark.parametrize(
    ("name", "options", "lost_s"),
    [
        ("film.mkv", {"options": X264}, 4),
        ("film.webm", {"codec": "libvpx", "options": VPX}, 4),
        ("live.mkv", {"options": X264, "muxer": "matroska", "muxer_options": {"live": "1"}}, 4),
        ("fragments.mp4", {"options": X264, "muxer_options": {"movflags": "frag_keyframe+empty_moov"}}, 3),  # by FFmpeg
    ],
)
def test_pictures_whose_time_has_passed_already_are_lost(clip, name, options, lost_s):
    """The second film begins anew at 0, and no player that keeps to the times shows it."""
    path = clip(name, times(0, 100), fps=FPS, **options)
    path.write_bytes(2 * path.read_bytes())
    _, report = read(path, "planned")
    assert not report.complete
    assert sum(spot.lost_s for spot in report.damage) == pytest.approx(lost_s, abs=0.1), report.reason
