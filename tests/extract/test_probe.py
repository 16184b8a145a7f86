"""Probes see what can be seen, quickly, and never complain."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from extract.probe import first_frame, first_picture, key_pictures

KEY_EVERY_SECOND = {"crf": "20", "preset": "ultrafast", "g": "25", "x264-params": "scenecut=0"}


@pytest.fixture(autouse=True, scope="module")
def _quiet():
    av.logging.set_level(av.logging.PANIC)


@pytest.fixture
def ten_seconds(clip):
    return clip("clip.mp4", [Fraction(i, 25) for i in range(250)], options=KEY_EVERY_SECOND)


def zeroed(path, share):
    """Zero the pictures up to this share of the file; the index of an MP4 written plainly is at its end."""
    data = bytearray(path.read_bytes())
    data[100 : int(len(data) * share)] = bytes(int(len(data) * share) - 100)
    path.write_bytes(data)


def test_key_pictures_come_from_the_middles_of_equal_parts(clip, ten_seconds):
    pictures = list(key_pictures(ten_seconds, 4))
    assert [clip.read_number(rgb) for rgb in pictures] == [25, 75, 150, 200]  # keys up to 1.25, 3.75, 6.25, 8.75 s


def test_one_key_frame_is_given_once(clip):
    path = clip("clip.mp4", [Fraction(i, 25) for i in range(100)], options=KEY_EVERY_SECOND | {"g": "1000"})
    assert [clip.read_number(rgb) for rgb in key_pictures(path, 5)] == [0]


def test_key_frames_far_apart_are_found(clip):
    """Held back by the decoder for B-frames, a key frame comes out without decoding the next one, 14 s later."""
    options = KEY_EVERY_SECOND | {"g": "350", "bf": "3", "preset": "veryfast"}
    path = clip("clip.mp4", [Fraction(i, 25) for i in range(800)], options=options)
    assert [clip.read_number(rgb) for rgb in key_pictures(path, 3)] == [0, 350]


def test_damaged_parts_are_passed_over(clip, ten_seconds):
    zeroed(ten_seconds, 0.5)
    numbers = [clip.read_number(rgb) for rgb in key_pictures(ten_seconds, 4)]
    assert numbers
    assert set(numbers) <= {100, 125, 150, 175, 200, 225}


def test_the_first_picture(clip, ten_seconds):
    assert clip.read_number(first_picture(ten_seconds)) == 0
    assert np.array_equal(first_picture(ten_seconds), next(key_pictures(ten_seconds, 10)))


def test_nothing_decodable_is_none(ten_seconds):
    zeroed(ten_seconds, 0.9)
    assert first_frame(ten_seconds) is None
    assert first_picture(ten_seconds) is None
    assert list(key_pictures(ten_seconds, 4)) == []
