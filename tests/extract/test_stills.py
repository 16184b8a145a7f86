"""Single pictures are those that the scores were made from, whatever the container and however they are reached."""

from fractions import Fraction

import numpy as np
import pytest

from extract import stills
from extract.pyav_reader import PyAvReader
from extract.stills import StillReader, read_stills

TEXT = (
    "text or a playlist, no video; name the video file itself, or copy it again if it was one; "
    "`coarse2fine doctor FILE` shows what is in it"
)

ODD_RATE = Fraction(1001, 24000)
TIMES_S = [number * ODD_RATE for number in range(24 * 8)]


def wanted(path, seconds):
    """What a reading of the whole file gives for these seconds."""
    reader = PyAvReader(path)
    whole = {frame.frame_index: frame for frame in reader.frames()}
    reader.close()
    return [whole[second] for second in seconds]


def given(path, seconds):
    reader = StillReader(path, seconds)
    frames = list(reader.frames())
    report = reader.report()
    reader.close()
    assert report.samples == len(frames)
    assert [frame.frame_index for frame in frames] == list(range(len(frames)))
    return frames


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.ts"])
@pytest.mark.parametrize("seconds", [[0], [1, 2, 3], [3, 7], [7]])
def test_a_still_is_the_frame_that_was_scored(clip, name, seconds):
    path = clip(name, TIMES_S, options={"g": "48", "bf": "2", "crf": "20", "preset": "ultrafast"})
    for still, frame in zip(given(path, seconds), wanted(path, seconds), strict=True):
        assert clip.read_number(still.rgb) == clip.read_number(frame.rgb)
        assert still.pts_s == frame.pts_s


def test_seeking_does_not_decode_from_the_start(clip, monkeypatch):
    path = clip("film.mp4", TIMES_S, options={"g": "24", "crf": "20", "preset": "ultrafast"})
    monkeypatch.setattr(PyAvReader, "frames", lambda self: pytest.fail("read from the start"))
    assert clip.read_number(given(path, [6])[0].rgb) == 143  # 143 * 1001 / 24000 = 5.96 s


def test_where_seeking_fails_the_film_is_read_from_the_start(clip, monkeypatch):
    path = clip("film.mp4", TIMES_S)
    monkeypatch.setattr(stills, "_seek", lambda *arguments: None)
    assert [clip.read_number(still.rgb) for still in given(path, [2, 5])] == [47, 119]


def test_pictures_come_from_a_child_with_the_aspect_of_the_screen(clip):
    path = clip("wide.mp4", TIMES_S[:72], size=(64, 176), sample_aspect=Fraction(2))
    found = read_stills(path, [1, 2], input_px=64, timeout_s=60, memory_mib=4096)
    assert found.error == ""
    assert found.aspect == pytest.approx(2 * 176 / 64)
    assert {second: picture.shape for second, picture in found.pictures.items()} == {1: (64, 64, 3), 2: (64, 64, 3)}
    assert not np.array_equal(found.pictures[1], found.pictures[2])


def test_a_still_sideways_is_upright(clip):
    path = clip("turned.mp4", TIMES_S[:48], rotation_deg=90)
    assert read_stills(path, [0], input_px=32, timeout_s=60, memory_mib=None).aspect == pytest.approx(64 / 176)


def test_what_cannot_be_read_is_said(clip, tmp_path):
    path = clip("short.mp4", TIMES_S[:48])
    past_end = read_stills(path, [1, 99], input_px=32, timeout_s=60, memory_mib=None)
    assert list(past_end.pictures) == [1]
    assert past_end.error == "short.mp4: the video ends before second 99"
    (tmp_path / "list.mp4").write_text("film.mp4")
    refused = read_stills(tmp_path / "list.mp4", [0], input_px=32, timeout_s=60, memory_mib=None)
    assert refused.pictures == {}
    assert refused.error == f"list.mp4: {TEXT}"
