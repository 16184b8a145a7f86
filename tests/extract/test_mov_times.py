"""One changed byte in the tables of an MP4 redates its pictures without an error; the other tables tell."""

from __future__ import annotations

import struct

import av
import pytest

from extract.mov_times import contradiction
from extract.pyav_reader import PyAvReader

FPS, SECONDS = 25, 12
TIMES = [frame / FPS for frame in range(FPS * SECONDS)]
X264 = {"crf": "28", "preset": "ultrafast", "g": "25", "bf": "2"}


@pytest.fixture
def film(clip):
    return clip("film.mp4", TIMES, fps=FPS, at_fps=True, options=X264)


def report_of(path):
    reader = PyAvReader(path)
    try:
        return reader.measure()
    finally:
        reader.close()


def change(path, box, offset, value):
    """Set a 4-byte field of the first box of that name."""
    data = bytearray(path.read_bytes())
    struct.pack_into(">I", data, data.index(box) + 4 + offset, value)
    path.write_bytes(data)


def track_of(path):
    with av.open(str(path)) as container:
        return container.streams.video[0].id


def test_the_tables_of_a_whole_film_agree(film):
    assert contradiction(film, track_of(film)) == ""
    assert report_of(film).complete


def first_delta(path):
    data = path.read_bytes()
    at = data.index(b"stts") + 4
    return struct.unpack_from(">I", data, at + 12)[0]


@pytest.mark.parametrize(("times", "said"), [(2, "24.0 s"), (100, "1200.0 s"), (0.5, "6.0 s")])
def test_a_changed_duration_of_its_pictures_is_told(film, times, said):
    change(film, b"stts", 12, int(first_delta(film) * times))
    report = report_of(film)
    assert not report.complete
    assert f"its pictures last {said} by their table, but the file says 12.0 s" in report.reason


def test_pictures_without_a_time_are_told(film):
    change(film, b"stts", 8, 100)
    report = report_of(film)
    assert not report.complete
    assert "the file holds 300 pictures, but dates 100" in report.reason


@pytest.mark.parametrize("ticks", [5000, 20_000])
def test_an_edit_list_that_hides_what_the_track_says_is_shown_is_told(film, ticks):
    change(film, b"elst", 8, ticks)
    report = report_of(film)
    assert not report.complete
    assert f"is shown for 12.0 s and for {ticks / 1000:.1f} s" in report.reason


def test_far_too_long_is_as_wrong_as_too_short(clip):
    """A Matroska whose tag declares 4 of its 12 s."""
    path = clip("film.mkv", TIMES, fps=FPS, options=X264)
    data = path.read_bytes()
    assert data.count(b"00:00:12.0") == 1
    path.write_bytes(data.replace(b"00:00:12.0", b"00:00:04.0"))
    report = report_of(path)
    assert not report.complete
    assert report.reason == "12.0 s were decoded, but the file declares 4.0 s"
