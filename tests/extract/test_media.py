"""What may be opened, and what a file says of its video before anything is decoded."""

from __future__ import annotations

import os
import random
from fractions import Fraction

import av
import numpy as np
import pytest

from data.errors import DecodeError
from extract.media import declared_duration_s, open_stream, packet_times
from extract.pyav_writer import write_video

TEXT = (
    "text or a playlist, no video; name the video file itself, or copy it again if it was one; "
    "`coarse2fine doctor FILE` shows what is in it"
)


@pytest.fixture(autouse=True, scope="module")
def _quiet():
    av.logging.set_level(av.logging.PANIC)


def refusal(path):
    with pytest.raises(DecodeError) as caught:
        open_stream(path, 1)
    return caught.value


def declared_s(path):
    container, stream = open_stream(path, 1)
    with container:
        return declared_duration_s(container, stream)


def test_a_playlist_named_mp4_is_refused(tmp_path):
    path = tmp_path / "list.mp4"
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nother.ts\n#EXT-X-ENDLIST\n")
    error = refusal(path)
    assert (error.code, str(error)) == (
        "refused_format",
        f"list.mp4: {TEXT}",
    )


def test_a_playlist_that_a_zero_byte_hides_is_not_followed(tmp_path, clip):
    clip("other.ts", [Fraction(i, 25) for i in range(30)])
    path = tmp_path / "list.m3u8"
    path.write_bytes(b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nother.ts\n#EXT-X-ENDLIST\n\x00")
    assert refusal(path).code in {"refused_format", "unreadable"}


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_only_regular_files_are_opened(tmp_path, make):
    make(tmp_path / "thing.mp4")
    error = refusal(tmp_path / "thing.mp4")
    assert (error.code, str(error)) == ("not_a_file", "thing.mp4: not a regular file; list a video file")


def test_an_empty_file(tmp_path):
    (tmp_path / "empty.mp4").touch()
    assert str(refusal(tmp_path / "empty.mp4")) == "empty.mp4: the file is empty; copy it again"


def test_noise_is_unreadable(tmp_path):
    path = tmp_path / "noise.mp4"
    path.write_bytes(random.Random(0).randbytes(50_000))
    assert refusal(path).code in {"unreadable", "refused_format"}


def test_a_codec_outside_the_list_is_refused(tmp_path):
    path = tmp_path / "clip.mkv"
    write_video(path, [np.zeros((64, 64, 3), np.uint8)] * 3, codec="snow", options={"strict": "experimental"})
    assert refusal(path).code == "refused_codec"


def test_pictures_too_large_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "clip.mkv"
    write_video(path, [np.zeros((64, 64, 3), np.uint8)] * 3)
    monkeypatch.setattr("extract.media.MAX_PIXELS", 64 * 63)
    error = refusal(path)
    assert error.code == "refused_codec"
    assert "64 x 64" in str(error)


def test_names_are_not_taken_for_urls(tmp_path, monkeypatch, clip):
    clip("concat:a|b.mp4", [0])
    monkeypatch.chdir(tmp_path)
    assert packet_times(tmp_path / "concat:a|b.mp4")[0] == [0]


def test_sound_alone_is_no_video(tmp_path):
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=48_000)
        for block in range(48):
            samples = av.AudioFrame.from_ndarray(np.zeros((2, 1000), np.float32), format="fltp", layout="stereo")
            samples.sample_rate, samples.pts = 48_000, block * 1000
            container.mux(sound.encode(samples))
        container.mux(sound.encode(None))
    error = refusal(path)
    assert (error.code, str(error)) == (
        "no_video_stream",
        "sound.mp4: no video stream (found audio); list a file that holds video",
    )


def test_the_largest_video_is_the_main_one(tmp_path):
    path = tmp_path / "two.mkv"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("libx264", rate=25, options={"preset": "ultrafast"}) for _ in range(2)]
        for stream, side in zip(streams, (64, 96), strict=True):
            stream.width, stream.height, stream.pix_fmt, stream.disposition = side, side, "yuv420p", 0
        for stream in streams:
            picture = av.VideoFrame.from_ndarray(np.zeros((stream.height, stream.width, 3), np.uint8))
            container.mux([*stream.encode(picture), *stream.encode(None)])
    container, stream = open_stream(path, 1)
    container.close()
    assert (stream.width, stream.height) == (96, 96)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.ts", "clip.avi"])
@pytest.mark.parametrize("start_s", [0, 3])
def test_the_declared_duration_is_that_of_the_pictures(clip, name, start_s):
    """50 pictures at 25 a second, wherever the clock begins."""
    mpeg4 = {"codec": "mpeg4", "fps": 25, "at_fps": True, "options": {}}
    options = mpeg4 if name == "clip.avi" else {}
    path = clip(name, [start_s + Fraction(i, 25) for i in range(50)], **options)
    assert declared_s(path) == pytest.approx(2.0, abs=0.002)


def test_packet_times_are_sorted_by_presentation(clip):
    times_s = [Fraction(i, 25) for i in range(30)]
    path = clip("clip.mp4", times_s, options={"preset": "veryfast", "bf": "2"})
    times, end_s = packet_times(path)
    assert times == times_s
    assert end_s > times_s[-1]


def test_packet_times_do_not_tell_what_an_edit_list_hides(clip):
    times_s = [Fraction(i, 25) for i in range(-10, 30)]
    path = clip("clip.mp4", times_s, muxer_options={"avoid_negative_ts": "disabled", "use_editlist": "1"})
    assert packet_times(path) is None
