"""What the contract leaves to decord: it is checked against PyAV, and refused where it cannot be trusted."""

from __future__ import annotations

import importlib
import sys
from fractions import Fraction

import numpy as np
import pytest

from data.errors import DecodeError
from extract.decord_reader import DecordReader

TIMES = [Fraction(i, 24) for i in range(60)]


class Shifted:
    """decord's reader, but every picture is the next one: what it does in some transport streams."""

    def __init__(self, video, *, skip=0, stamp_s=0.0, frames=0):
        self._video, self._stamp_s, self._frames = video, stamp_s, frames
        for _ in range(skip):
            video.next()

    def __len__(self):
        return len(self._video) + self._frames

    def get_frame_timestamp(self, indices):
        stamps = self._video.get_frame_timestamp(range(len(self._video)))
        stamps[-1] += self._stamp_s
        return np.concatenate([stamps, stamps[: self._frames]])

    def next(self):
        return self._video.next()


@pytest.fixture
def shifted(monkeypatch):
    import decord

    plain = decord.VideoReader

    def install(**how):
        monkeypatch.setattr("decord.VideoReader", lambda *args, **kwargs: Shifted(plain(*args, **kwargs), **how))

    return install


def test_wrong_times_are_refused(clip, shifted):
    shifted(stamp_s=0.5)
    with pytest.raises(
        DecodeError, match=r"decord dates its pictures up to 0\.500 s wrong; read it with the reader pyav"
    ):
        DecordReader(clip("clip.mp4", TIMES))


def test_a_wrong_number_of_pictures_is_refused(clip, shifted):
    shifted(frames=2)
    with pytest.raises(DecodeError, match="decord sees 62 pictures where the file has 60"):
        DecordReader(clip("clip.mp4", TIMES))


def test_another_first_picture_is_refused(clip, shifted):
    shifted(skip=31)
    reader = DecordReader(clip("clip.mp4", TIMES))
    with pytest.raises(DecodeError, match="decord gives another first picture than PyAV"):
        list(reader.frames())


def test_whether_a_title_is_complete_is_decided_by_pyav(clip):
    """decord reads to the end; what PyAV then finds (here: the file was cut meanwhile) counts."""
    path = clip("clip.mp4", TIMES, muxer_options={"movflags": "faststart"})
    reader = DecordReader(path)
    frames = list(reader.frames())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    report = reader.report()
    reader.close()
    assert (len(frames), report.samples, report.complete) == (3, 3, False)
    assert "of 2.5 s could be decoded" in report.reason


def test_a_missing_decord_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "decord", None)
    monkeypatch.delitem(sys.modules, "extract.decord_reader")
    with pytest.raises(ImportError, match="decord is not installed; pip install decord, or choose the reader pyav"):
        importlib.import_module("extract.decord_reader")
