"""One contract, every reader: the right picture for every second, upright, on generated clips of every awkward kind.

Expected numbers come from the list of times alone (``expected_numbers``). decord may refuse a clip, never misread it:
which ones it refuses is part of the contract.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from data.errors import DecodeError
from extract.decord_reader import DecordReader
from extract.pyav_reader import FULL, PyAvReader

FILM = Fraction(24000, 1001)


def at_rate(rate, count, start=0):
    return [start + Fraction(i) / rate for i in range(count)]


# Uneven steps of 1/90000 s, between 8 and 400 ms.
UNEVEN = [Fraction(int(tick), 90_000) for tick in np.cumsum(np.random.default_rng(3).integers(720, 36_000, 60))]
MPEG2 = {"codec": "mpeg2video", "fps": 25, "at_fps": True, "options": {"bf": "2", "g": "12"}}
MPEG4 = {"codec": "mpeg4", "fps": 25, "at_fps": True, "options": {}}
B_FRAMES = {"crf": "20", "preset": "veryfast", "bf": "3", "g": "24", "x264-params": "b-adapt=0:scenecut=0"}
OPEN_GOP = B_FRAMES | {"x264-params": "b-adapt=0:scenecut=0:open-gop=1"}

# name -> (file name, presentation times, writer options); sparse times stand for two hours without encoding them.
CLIPS = {
    "24": ("clip.mp4", at_rate(24, 80), {}),
    "25 mkv": ("clip.mkv", at_rate(25, 80), {}),
    "23.976": ("clip.mp4", at_rate(FILM, 130), {}),
    "23.976 mkv": ("clip.mkv", at_rate(FILM, 130), {}),
    "23.976 b-frames": ("clip.mp4", at_rate(FILM, 80), {"options": B_FRAMES}),
    "30 b-frames mkv": ("clip.mkv", at_rate(30, 100), {"options": B_FRAMES}),
    "open gop": ("clip.mp4", at_rate(24, 100), {"options": OPEN_GOP}),
    "open gop ts": ("clip.ts", at_rate(24, 100), {"options": OPEN_GOP}),
    "mpeg-2 open gop ts": ("clip.ts", at_rate(25, 80), MPEG2),
    "mpeg-2 ps": ("clip.mpg", at_rate(25, 80), MPEG2),
    "mpeg-4 avi": ("clip.avi", at_rate(25, 80), MPEG4),
    "mpeg-4 b-frames avi": ("clip.avi", at_rate(25, 80), MPEG4 | {"options": {"bf": "2"}}),
    "vfr": ("clip.mp4", UNEVEN, {}),
    "vfr b-frames": ("clip.mp4", UNEVEN, {"options": B_FRAMES}),
    "vfr mkv": ("clip.mkv", [Fraction(round(time * 1000), 1000) for time in UNEVEN], {}),
    "gaps": ("clip.mp4", [0, Fraction(1, 24), Fraction(37, 10), Fraction(38, 10), 9, Fraction(181, 20)], {}),
    "gaps mkv": ("clip.mkv", [0, Fraction(1, 25), Fraction(37, 10), Fraction(38, 10), 9, Fraction(181, 20)], {}),
    "non-zero start mkv": ("clip.mkv", at_rate(25, 60, start=3), {}),
    "non-zero start ts": ("clip.ts", at_rate(25, 60, start=3), {}),
    "just before the second": ("clip.mp4", [0, Fraction(9995, 10_000), Fraction(10_005, 10_000), 2], {}),
    "one millisecond late": ("clip.mp4", [0, Fraction(1001, 1000), Fraction(2002, 1000), Fraction(3500, 1000)], {}),
    "edit list": ("clip.mp4", at_rate(24, 80, start=Fraction(-25, 24)), {}),
    "edit list b-frames": ("clip.mp4", at_rate(24, 80, start=Fraction(-25, 24)), {"options": B_FRAMES}),
    "10 bit": ("clip.mp4", at_rate(24, 60), {"pix_fmt": "yuv420p10le"}),
    "10 bit hevc": ("clip.mkv", at_rate(24, 30), {"codec": "libx265", "pix_fmt": "yuv420p10le", "options": {}}),
    "vp9": ("clip.webm", at_rate(25, 30), {"codec": "libvpx-vp9", "options": {"cpu-used": "8", "crf": "30"}}),
    "odd size": ("clip.mp4", at_rate(24, 30), {"pix_fmt": "yuv444p", "size": (67, 177)}),
    "one frame": ("clip.mp4", [0], {}),
    "one frame mkv": ("clip.mkv", [5], {}),
    "two hours": ("clip.mkv", [0, *(Fraction(i) / FILM for i in range(167_800, 167_900))], {}),
    "two hours mp4": ("clip.mp4", [0, *(Fraction(i) / FILM for i in range(167_800, 167_900))], {}),
}
NEGATIVE = {"muxer_options": {"avoid_negative_ts": "disabled", "use_editlist": "1"}}
FRAGMENTED = {"muxer_options": {"movflags": "frag_keyframe+empty_moov"}}
CLIPS |= {"fragmented": ("clip.mp4", at_rate(24, 80), FRAGMENTED | {"options": B_FRAMES})}

# decord refuses these; everything else it must read like PyAV.
REFUSED_BY_DECORD = {
    "open gop ts",
    "mpeg-2 open gop ts",
    "mpeg-2 ps",
    "mpeg-4 avi",
    "mpeg-4 b-frames avi",
    "non-zero start ts",
    "edit list",
    "edit list b-frames",
    "gaps mkv",
}

READERS = {"pyav": PyAvReader, "pyav full": lambda path: PyAvReader(path, FULL), "decord": DecordReader}


@pytest.fixture(params=READERS)
def reader_name(request):
    return request.param


def written(clip, name):
    file_name, times_s, options = CLIPS[name]
    if min(times_s) < 0:
        options = options | NEGATIVE
    path = clip(file_name, times_s, **options)
    first_shown = sum(time < 0 for time in times_s)
    numbers = [first_shown + number for number in clip.expected_numbers(times_s[first_shown:])]
    since_s = [float(time - times_s[first_shown]) for time in times_s]
    return path, numbers, since_s


def numbers_of(clip, frames):
    """The number in each frame; a held array is read once."""
    numbers = []
    for before, frame in zip([None, *frames], frames, strict=False):
        held = before is not None and before.rgb is frame.rgb
        numbers.append(numbers[-1] if held else clip.read_number(frame.rgb))
    return numbers


def read(reader_class, path):
    reader = reader_class(path)
    try:
        frames = list(reader.frames())
        return frames, reader.report(), reader.info
    finally:
        reader.close()


@pytest.mark.parametrize("name", CLIPS)
def test_every_second_gets_its_frame(clip, reader_name, name):
    path, numbers, since_s = written(clip, name)
    if reader_name == "decord" and name in REFUSED_BY_DECORD:
        with pytest.raises(DecodeError, match="reader pyav") as caught:
            read(DecordReader, path)
        assert caught.value.code == "decord_refused"
        return
    frames, report, _ = read(READERS[reader_name], path)
    assert numbers_of(clip, frames) == numbers
    assert [frame.frame_index for frame in frames] == list(range(len(numbers)))
    # Matroska stores milliseconds.
    assert [frame.pts_s for frame in frames] == pytest.approx([since_s[number] for number in numbers], abs=0.0011)
    assert (report.complete, report.reason, report.corrupt_packets) == (True, "", 0)
    assert report.samples == len(numbers)


def test_held_samples_share_one_array(clip, reader_name):
    path, _, _ = written(clip, "gaps")
    frames, _, _ = read(READERS[reader_name], path)
    assert frames[0].rgb is not frames[1].rgb
    assert frames[1].rgb is frames[2].rgb is frames[3].rgb


@pytest.mark.parametrize("file_name", ["clip.mp4", "clip.mkv"])
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("rotation_deg", [0, 90, 180, 270])
def test_pictures_are_upright(clip, reader_name, file_name, mirrored, rotation_deg, tmp_path):
    """The upright picture is stored turned back; a reader must give the upright one again."""
    from extract.pyav_writer import write_video

    upright = [clip.coded_frame(number) for number in range(30)]
    unmirrored = [rgb[:, ::-1] if mirrored else rgb for rgb in upright]
    stored = [np.ascontiguousarray(np.rot90(rgb, rotation_deg // 90)) for rgb in unmirrored]
    path = tmp_path / file_name
    write_video(path, stored, fps=24, rotation_deg=rotation_deg, mirrored=mirrored, sample_aspect=Fraction(4, 3))
    if mirrored and reader_name == "decord":
        with pytest.raises(DecodeError, match="a mirrored picture, which decord leaves mirrored"):
            DecordReader(path)
        return
    frames, _, info = read(READERS[reader_name], path)
    assert [clip.read_number(frame.rgb) for frame in frames] == [0, 24]
    assert frames[0].rgb.shape == upright[0].shape
    assert np.abs(frames[0].rgb.astype(int) - upright[0])[::63, ::175].max() < 40  # the coloured corners
    assert info.rotation_deg == rotation_deg
    assert (info.width_px, info.height_px) == (stored[0].shape[1], stored[0].shape[0])
    assert frames[0].sample_aspect == pytest.approx(3 / 4 if rotation_deg in (90, 270) else 4 / 3)


def test_square_pixels_have_aspect_one(clip, reader_name):
    path, _, _ = written(clip, "one frame")
    frames, _, _ = read(READERS[reader_name], path)
    assert frames[0].sample_aspect == 1.0


def test_probe_spreads_over_the_title_and_leaves_the_reading_alone(clip, reader_name):
    path = clip("clip.mp4", at_rate(24, 240), options={"crf": "20", "preset": "ultrafast", "g": "24"})
    reader = READERS[reader_name](path)
    frames = reader.frames()
    first = next(frames)
    numbers = [clip.read_number(rgb) for rgb in reader.probe(5)]
    assert numbers == [24, 72, 120, 168, 216]  # key frames at or before 1, 3, 5, 7 and 9 s
    rest = [clip.read_number(frame.rgb) for frame in frames]
    reader.close()
    assert [clip.read_number(first.rgb), *rest] == [24 * t for t in range(10)]


def test_a_missing_file_is_a_decode_error(reader_name):
    with pytest.raises(DecodeError, match=r"gone\.mp4: cannot be read \(No such file or directory\); check the path"):
        READERS[reader_name](Path("gone.mp4"))


def test_a_reading_that_was_stopped_is_not_complete(clip, reader_name):
    path, _, _ = written(clip, "24")
    reader = READERS[reader_name](path)
    next(reader.frames())
    report = reader.report()
    reader.close()
    assert not report.complete
    assert "stopped before the end" in report.reason
