"""What the contract leaves to PyAV: damaged files, pictures without RGB, streams that only pose as the video."""

from __future__ import annotations

import random
from contextlib import suppress
from fractions import Fraction

import av
import numpy as np
import pytest

from data.errors import DecodeError
from extract.decode_pool import Limits, decode
from extract.decode_worker import WorkerConfig
from extract.pyav_reader import FULL, PyAvReader
from extract.pyav_writer import write_video
from extract.rgb import RgbConverter

FPS = 25
FRAMES = 100
LOST = 1.0


@pytest.fixture(autouse=True, scope="module")
def _quiet():
    av.logging.set_level(av.logging.PANIC)


def refusal(path):
    with pytest.raises(DecodeError) as caught:
        list(PyAvReader(path).frames())
    return caught.value


def read(path):
    reader = PyAvReader(path)
    try:
        return list(reader.frames()), reader.report(), reader.info
    finally:
        reader.close()


# Streams


def mux(path, *, sound_s):
    """Two seconds of video and some of sound."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        sound = container.add_stream("aac", rate=48_000)
        for _ in range(50):
            container.mux(video.encode(av.VideoFrame.from_ndarray(np.full((64, 64, 3), 200, np.uint8))))
        container.mux(video.encode(None))
        for block in range(sound_s * 48):
            samples = av.AudioFrame.from_ndarray(np.zeros((2, 1000), np.float32), format="fltp", layout="stereo")
            samples.sample_rate, samples.pts = 48_000, block * 1000
            container.mux(sound.encode(samples))
        container.mux(sound.encode(None))


def test_a_cover_picture_is_not_the_video(tmp_path):
    """The cover is the larger picture and comes first in the file."""
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 320, 320, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        video = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        picture = av.VideoFrame.from_ndarray(np.zeros((320, 320, 3), np.uint8))
        container.mux(cover.encode(picture.reformat(format="yuvj420p")))
        container.mux(cover.encode(None))
        for _ in range(50):
            container.mux(video.encode(av.VideoFrame.from_ndarray(np.full((64, 64, 3), 200, np.uint8))))
        container.mux(video.encode(None))
    samples, report, info = read(path)
    assert (len(samples), report.complete, info.codec) == (2, True, "h264")
    assert samples[0].rgb.mean() == pytest.approx(200, abs=3)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.ts"])
def test_sound_that_outlasts_the_video_is_no_loss(tmp_path, name):
    mux(tmp_path / name, sound_s=6)
    frames, report, _ = read(tmp_path / name)
    assert (len(frames), report.complete, report.reason) == (2, True, "")
    assert report.decoded_s == pytest.approx(2.0, abs=0.01)


def test_the_size_may_change_in_the_middle(tmp_path, clip):
    small = clip("small.ts", [Fraction(i, 25) for i in range(50)])
    large = clip("large.ts", [Fraction(i, 25) for i in range(50, 100)], size=(96, 208))
    path = tmp_path / "both.ts"
    path.write_bytes(small.read_bytes() + large.read_bytes())
    frames, _, _ = read(path)
    assert {frame.rgb.shape for frame in frames} == {(64, 176, 3), (96, 208, 3)}


# Damage

SHARP = {"crf": "28", "preset": "veryfast", "g": "25", "bf": "2"}
FRAGMENTS = {"movflags": "frag_keyframe+empty_moov"}
CONTAINERS = {
    "fast.mp4": {"options": SHARP, "muxer_options": {"movflags": "faststart"}},
    "plain.mp4": {"options": SHARP},
    "fragments.mp4": {"options": SHARP, "muxer_options": FRAGMENTS},
    "clip.mkv": {"options": SHARP},
    "clip.webm": {"codec": "libvpx", "options": {"cpu-used": "8", "b": "300k", "g": "25"}},
    "clip.ts": {"options": SHARP},
    "clip.mpg": {"codec": "mpeg2video", "options": {"bf": "2", "g": "15"}},
    "mpeg4.avi": {"codec": "mpeg4", "options": {"g": "25"}},
    "clip.flv": {"options": SHARP | {"bf": "0"}},
}


def busy_frames(clip):
    """Coded frames with noise below the bar code, so that every picture takes bytes."""
    noise = np.random.default_rng(1)
    for number in range(FRAMES):
        rgb = clip.coded_frame(number)
        rgb[50:, :150] = noise.integers(0, 255, (14, 150, 3))
        yield rgb


def mutants(intact, seed):
    """Cut at four places, and eight zeroed ranges of 0.2 % to 40 %."""
    choice = random.Random(seed)
    for fifths in range(1, 5):
        yield f"cut to {fifths}/5", intact[: len(intact) * fifths // 5 // 2 * 2 + 1]  # odd: not between two packets
    for share in (0.002, 0.01, 0.05, 0.1, 0.2, 0.3, 0.3, 0.4):
        length = int(len(intact) * share)
        at = choice.randrange(0, len(intact) - length)
        yield f"{length} bytes from {at} zeroed", intact[:at] + bytes(length) + intact[at + length :]


def see(clip, path):
    """The report of decoding everything, and the numbers of all pictures that a viewer could still make out."""
    reader = PyAvReader(path, FULL)
    seen = set()
    displayed = reader._decoding.displayed

    def looking():
        for time, frame in displayed():
            with suppress(AssertionError):  # a spoilt picture is lost to the viewer
                seen.add(clip.read_number(frame.to_ndarray(format="rgb24")))
            yield time, frame

    reader._decoding.displayed = looking
    report = reader.measure()
    reader.close()
    return report, seen


@pytest.mark.parametrize("name", CONTAINERS)
def test_no_mutant_that_lost_more_than_a_second_is_complete(tmp_path, clip, name):
    path = tmp_path / name
    write_video(path, busy_frames(clip), fps=FPS, **CONTAINERS[name])
    _, report, _ = read(path)
    assert (report.complete, report.corrupt_packets, report.decoded_s) == (True, 0, pytest.approx(FRAMES / FPS))
    intact = path.read_bytes()
    outcomes = []
    for damage, mutant in mutants(intact, seed=11):
        path.write_bytes(mutant)
        try:
            frames, report, _ = read(path)
        except DecodeError as error:
            outcomes.append(error.code)
            continue
        in_full, seen = see(clip, path)
        lost_s = (FRAMES - len(seen)) / FPS
        assert [frame.frame_index for frame in frames] == list(range(report.samples)), damage
        assert not (report.complete and lost_s > LOST), f"{damage}: lost {lost_s} s, but {report}"
        assert report.complete == (not report.reason)
        assert report.complete <= in_full.complete, f"{damage}: a plan missed what decoding everything shows"
        outcomes.append("complete" if report.complete else "partial")
    assert set(outcomes) <= {"complete", "partial", "unreadable", "refused_format", "refused_codec", "no_frames"} | {
        "no_video_stream"
    }
    assert outcomes.count("complete") < len(outcomes)


def test_a_damaged_packet_holds_the_last_good_picture_and_is_counted(tmp_path, clip):
    """Short GOPs: the loss stays below what is tolerated, and later pictures are right again."""
    path = tmp_path / "clip.mp4"
    options = {"crf": "28", "preset": "ultrafast", "g": "5"}
    write_video(path, busy_frames(clip), fps=FPS, options=options, muxer_options={"movflags": "faststart"})
    with av.open(str(path)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][52]
        at, size = packet.pos, packet.size
    intact = path.read_bytes()
    path.write_bytes(intact[:at] + bytes(size) + intact[at + size :])
    frames, report, _ = read(path)
    numbers = [clip.read_number(frame.rgb) for frame in frames]
    assert numbers == [0, 25, 50, 75]
    assert report.corrupt_packets >= 1
    assert report.complete


class Refusing(RgbConverter):
    """Cannot convert the pictures with these numbers, counted in the order in which they are asked for."""

    def __init__(self, refused):
        super().__init__()
        self._refused, self._asked = refused, -1

    def __call__(self, frame):
        self._asked += 1
        if self._asked in self._refused:
            raise av.ArgumentError(22, "unsupported conversion")
        return super().__call__(frame)


@pytest.mark.parametrize(
    ("refused", "numbers", "pts_s"),
    [
        ({0, 1}, [50, 50, 50, 75], [0, 1, 2, 3]),  # held back: samples 0 and 1 keep the times of what they lost
        ({2}, [0, 25, 25, 75], [0, 1, 1, 3]),  # held over, as any picture
        ({0, 3}, [25, 25, 50, 50], [0, 1, 2, 2]),
    ],
)
def test_pictures_that_cannot_be_converted_leave_no_sample_out(tmp_path, clip, monkeypatch, refused, numbers, pts_s):
    """Every picture is a key frame, so that nothing else is lost."""
    path = clip("clip.mp4", [Fraction(i, 25) for i in range(FRAMES)], options={"crf": "20", "g": "1"})
    monkeypatch.setattr("extract.pyav_reader.RgbConverter", lambda matrix: Refusing(refused))
    frames, report, _ = read(path)
    assert [clip.read_number(frame.rgb) for frame in frames] == numbers
    assert [(frame.frame_index, frame.pts_s) for frame in frames] == list(enumerate(pts_s))
    assert (report.samples, report.corrupt_packets, report.complete) == (4, len(refused), False)
    assert report.reason == f"the pictures of {len(refused)} samples cannot be converted to RGB"


def test_a_video_of_which_nothing_can_be_converted_fails(clip, monkeypatch):
    path = clip("clip.mp4", [Fraction(i, 25) for i in range(60)])
    monkeypatch.setattr("extract.pyav_reader.RgbConverter", lambda matrix: Refusing(range(60)))
    assert refusal(path).code == "no_frames"


SHORTSIGHTED = """
import av
import extract.pyav_reader as pyav_reader

class Converter(pyav_reader.RgbConverter):
    asked = 0
    def __call__(self, frame):
        self.asked += 1
        if self.asked <= 2:
            raise av.ArgumentError(22, "unsupported conversion")
        return super().__call__(frame)

pyav_reader.RgbConverter = Converter
Reader = pyav_reader.PyAvReader
"""


def test_a_decode_process_accepts_a_title_whose_first_pictures_cannot_be_converted(tmp_path, clip, monkeypatch):
    path = clip("clip.mp4", [Fraction(i, 25) for i in range(FRAMES)])
    (tmp_path / "shortsighted.py").write_text(SHORTSIGHTED)
    monkeypatch.syspath_prepend(str(tmp_path))
    config = WorkerConfig("shortsighted:Reader", "full", letterbox=False, input_px=64, memory_mib=4096)
    limits = Limits(workers=1, no_progress_timeout_s=60, title_timeout_s=120)
    *samples, end = decode([path], config, limits)
    assert [sample.pixels is None for sample in samples] == [False, True, True, False]
    assert end.error is None
    assert not end.report.complete


def test_memory_does_not_hold_frames(tmp_path, clip):
    """A few decoded frames are alive at a time, however many were read."""
    import gc

    def alive():
        return sum(isinstance(thing, av.VideoFrame) for thing in gc.get_objects())

    path = clip("clip.mp4", [Fraction(i, 25) for i in range(250)])
    gc.collect()
    before = alive()
    assert max(alive() - before for _ in PyAvReader(path).frames()) < 40


# The last picture's display


@pytest.mark.parametrize("decode", ["planned", FULL])
@pytest.mark.parametrize("name", ["slides.mp4", "slides.mkv"])
def test_slides_are_sampled_to_the_end_of_the_last_one(tmp_path, name, decode):
    """Two slides, of 3 and of 5 s."""
    path = tmp_path / name
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=1, options={"bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for start_ms, level in ((0, 30), (3000, 200)):
            slide = av.VideoFrame.from_ndarray(np.full((64, 64, 3), level, np.uint8), format="rgb24")
            slide.pts, slide.time_base = start_ms, Fraction(1, 1000)
            for packet in stream.encode(slide):
                packet.duration = 3000 if not start_ms else 5000
                container.mux(packet)
        for packet in stream.encode(None):
            packet.duration = 3000 if packet.pts == 0 else 5000
            container.mux(packet)
    reader = PyAvReader(path, decode)
    try:
        levels = [round(float(frame.rgb.mean()), -1) for frame in reader.frames()]
        report = reader.report()
    finally:
        reader.close()
    assert levels == [30] * 3 + [200] * 5
    assert (report.complete, report.samples, report.decoded_s) == (True, 8, 8.0)
