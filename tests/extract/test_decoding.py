"""Decoding by plan gives what decoding everything gives, picture for picture, and sees the damage that it sees."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from data.errors import DecodeError
from extract import decoding, planner
from extract.coded import look_for
from extract.media import open_stream
from extract.packets import VideoPackets
from extract.pyav_reader import FULL, PLANNED, PyAvReader
from extract.pyav_writer import write_video

FPS, FRAMES = 24, 168
X264 = {"crf": "28", "preset": "veryfast", "bf": "3", "g": "60"}
X265 = {"crf": "32", "preset": "ultrafast"}
HEVC = "bframes=3:keyint=48:min-keyint=48:b-adapt=0:log-level=none:pools=none:frame-threads=1:"
SVT = "lp=1:lookahead=0"
UNEVEN = [Fraction(int(tick), 90_000) for tick in np.cumsum(np.random.default_rng(3).integers(720, 7_200, FRAMES))]

# name -> (file name, writer options)
FILMS = {
    "h264 mp4": ("film.mp4", {"options": X264}),
    "h264 mkv": ("film.mkv", {"options": X264 | {"g": "250"}}),
    "h264 ts": ("film.ts", {"options": X264}),
    "h264 flv": ("film.flv", {"options": X264}),
    "h264 fragments": ("film.mp4", {"options": X264, "muxer_options": {"movflags": "frag_keyframe+empty_moov"}}),
    "h264 short groups": ("film.mkv", {"options": X264 | {"g": "9"}}),
    "h264 key frames only": ("film.mp4", {"options": X264 | {"g": "1"}}),
    "h264 open groups": ("film.mkv", {"options": X264 | {"x264-params": "b-adapt=0:scenecut=0:open-gop=1"}}),
    "h264 pyramid": ("film.mp4", {"options": X264 | {"bf": "7", "x264-params": "b-adapt=0:b-pyramid=normal"}}),
    "h264 slices": ("film.mp4", {"options": X264 | {"x264-params": "slices=3"}}),
    "h264 interlaced ts": ("film.ts", {"options": X264 | {"x264-params": "tff=1"}}),
    "h264 10 bit": ("film.mp4", {"options": X264, "pix_fmt": "yuv420p10le"}),
    "h264 vfr": ("film.mp4", {"options": X264, "times_s": UNEVEN}),
    "h264 vfr mkv": ("film.mkv", {"options": X264, "times_s": UNEVEN}),
    "hevc mp4": ("film.mp4", {"codec": "libx265", "options": X265 | {"x265-params": HEVC + "open-gop=0"}}),
    "hevc open groups mkv": ("film.mkv", {"codec": "libx265", "options": X265 | {"x265-params": HEVC + "open-gop=1"}}),
    "hevc layers": (
        "film.mp4",
        {"codec": "libx265", "options": X265 | {"x265-params": HEVC + "open-gop=0:temporal-layers=3"}},
    ),
    "hevc 10 bit ts": (
        "film.ts",
        {"codec": "libx265", "options": X265 | {"x265-params": HEVC + "open-gop=0"}, "pix_fmt": "yuv420p10le"},
    ),
    "av1 mp4": ("film.mp4", {"codec": "libsvtav1", "options": {"preset": "12", "g": "36", "svtav1-params": SVT}}),
    "av1 mkv": ("film.mkv", {"codec": "libsvtav1", "options": {"preset": "12", "g": "36", "svtav1-params": SVT}}),
    "vp9 webm": ("film.webm", {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8", "g": "36"}}),
    "vp9 hidden pictures": (
        "film.webm",
        {"codec": "libvpx-vp9", "options": {"cpu-used": "5", "g": "36", "auto-alt-ref": "1", "lag-in-frames": "12"}},
    ),
    "mpeg-4 mp4": ("film.mp4", {"codec": "mpeg4", "options": {"bf": "2", "g": "36"}}),
    "mpeg-4 mkv": ("film.mkv", {"codec": "mpeg4", "options": {"bf": "2", "g": "36"}}),
    "mpeg-2 ts": ("film.ts", {"codec": "mpeg2video", "options": {"bf": "2", "g": "36"}}),
    "mpeg-2 mkv": (
        "film.mkv",
        {"codec": "mpeg2video", "options": {"bf": "2", "g": "36", "flags": "+cgop", "sc_threshold": "1000000000"}},
    ),
}
# Films whose packets do not tell enough, or differ from their pictures: nothing is left out.
WHOLE = {
    "mpeg-4 avi": ("film.avi", {"codec": "mpeg4", "options": {"bf": "2", "g": "36"}}),
    "h264 raw": ("film.h264", {"options": X264}),
    "mpeg-4 interlaced": (
        "film.mp4",
        {"codec": "mpeg4", "options": {"bf": "2", "g": "36", "flags": "+ildct+ilme"}},
    ),
    "vp8 webm": ("film.webm", {"codec": "libvpx", "options": {"deadline": "realtime", "cpu-used": "8", "g": "36"}}),
    "h264 groups of a minute": ("film.mp4", {"options": X264 | {"g": "250", "x264-params": "scenecut=0"}, "fps": 4}),
}


@pytest.fixture(autouse=True, scope="module")
def _quiet():
    av.logging.set_level(av.logging.PANIC)


def pictures(clip):
    """Numbered pictures over a moving pattern with a noisy corner: no two are alike, and every block is predicted."""
    noise = np.random.default_rng(1)
    rows, columns = np.mgrid[0:64, 0:176]
    for number in range(FRAMES):
        rgb = clip.coded_frame(number)
        wave = 128 + 60 * np.sin((columns + 3 * number) / 9) * np.cos((rows + number) / 5)
        rgb[48:] = wave[48:, :, None].astype(np.uint8)
        rgb[50:60, :40] = noise.integers(0, 255, (10, 40, 3))
        yield rgb


def write(clip, folder, name):
    file_name, options = (FILMS | WHOLE)[name]
    path = folder / file_name
    write_video(path, pictures(clip), **{"fps": FPS, **options})
    return path


def read(path, decode):
    reader = PyAvReader(path, decode)
    try:
        samples = [(frame.frame_index, frame.pts_s, frame.rgb.copy()) for frame in reader.frames()]
        return samples, reader.report(), reader._decoding.decoded
    except DecodeError as error:
        return [], error.code, 0
    finally:
        reader.close()


def assert_equal(by_plan, in_full):
    assert [sample[:2] for sample in by_plan[0]] == [sample[:2] for sample in in_full[0]]
    different = [
        index
        for (index, _, ours), (_, _, theirs) in zip(by_plan[0], in_full[0], strict=True)
        if not np.array_equal(ours, theirs)
    ]
    assert different == []
    assert by_plan[1] == in_full[1]


@pytest.mark.parametrize("name", FILMS)
def test_a_plan_leaves_pictures_out_and_changes_nothing(clip, tmp_path, name):
    path = write(clip, tmp_path, name)
    by_plan, in_full = read(path, PLANNED), read(path, FULL)
    assert_equal(by_plan, in_full)
    assert (in_full[1].complete, in_full[2]) == (True, FRAMES)
    assert by_plan[2] < FRAMES


@pytest.mark.parametrize("name", WHOLE)
def test_what_cannot_be_planned_is_decoded_whole(clip, tmp_path, name):
    path = write(clip, tmp_path, name)
    by_plan, in_full = read(path, PLANNED), read(path, FULL)
    assert_equal(by_plan, in_full)
    assert by_plan[2] >= in_full[2]


def test_two_hours_of_timestamps(clip):
    """Three pictures every 20 s, the middle one a B-frame that stands for no sample; the last is held for 20 s."""
    times_s = [Fraction(20 * i) + Fraction(j, 25) for i in range(361) for j in range(3)]
    options = {"crf": "30", "preset": "ultrafast", "bf": "1", "g": "3", "x264-params": "b-adapt=0:scenecut=0"}
    path = clip("film.mp4", [0, *times_s[1:]], options=options)
    by_plan, in_full = read(path, PLANNED), read(path, FULL)
    assert_equal(by_plan, in_full)
    assert (len(by_plan[0]), in_full[2]) == (7220, 1083)
    assert by_plan[2] < 1083 - 300


# Giving the plan up


@pytest.mark.parametrize("name", ["h264 mp4", "h264 short groups", "h264 open groups", "mpeg-2 ts", "hevc mp4"])
@pytest.mark.parametrize("doubtful", [0, 45, 75])
def test_a_plan_can_be_given_up_anywhere(clip, tmp_path, monkeypatch, name, doubtful):
    path = write(clip, tmp_path, name)
    in_full = read(path, FULL)
    matched, seen = decoding.Decoding._matched, []

    def doubting(self, decoded):
        seen.append(decoded.frame.pts)
        if len(seen) == doubtful + 1:
            raise decoding._DoubtError
        return matched(self, decoded)

    monkeypatch.setattr(decoding.Decoding, "_matched", doubting)
    by_plan = read(path, PLANNED)
    assert_equal(by_plan, in_full)
    assert len(seen) in (doubtful + 1, by_plan[2])


@pytest.mark.parametrize(("limit", "value"), [("GROUP_BYTES", 1000), ("GROUP_S", Fraction(1, 2))])
def test_look_ahead_is_bounded(clip, tmp_path, monkeypatch, limit, value):
    path = write(clip, tmp_path, "h264 mp4")
    monkeypatch.setattr(planner, limit, value)
    by_plan = read(path, PLANNED)
    assert_equal(by_plan, read(path, FULL))
    assert by_plan[2] == FRAMES


# Damage where nothing is decoded


def spared_packets(path):
    """(position, size) of pictures that a plan leaves out, the largest first: B-frames between the whole seconds."""
    container, stream = open_stream(path, 1)
    look = look_for(stream.codec_context.codec.canonical_name, stream.codec_context.extradata)
    with container:
        packets = [arrival.packet for arrival in VideoPackets(path, container, stream)]
        seconds = [(packet.pts - packets[0].pts) * stream.time_base for packet in packets]
        spared = [
            (packet.pos, packet.size)
            for packet, second in zip(packets, seconds, strict=True)
            if second > 3 and second % 1 and look(bytes(packet)).disposable
        ]
    assert len(spared) > 10
    return sorted(spared, key=lambda found: -found[1])


def overwritten(path, at, data):
    path.write_bytes(path.read_bytes()[:at] + data + path.read_bytes()[at + len(data) :])


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda size: (0, b"\x7f\xff\xff\xff"), id="a length"),
        pytest.param(lambda size: (4, b"\xff"), id="a header"),
        pytest.param(lambda size: (size // 3, bytes(70)), id="a zeroed block"),
    ],
)
@pytest.mark.parametrize("name", ["h264 mp4", "hevc mp4"])
def test_damage_in_a_picture_that_is_left_out_is_counted_as_if_it_were_decoded(clip, tmp_path, name, damage):
    path = write(clip, tmp_path, name)
    at, size = spared_packets(path)[0]
    offset, data = damage(size)
    overwritten(path, at + offset, data)
    by_plan, in_full = read(path, PLANNED), read(path, FULL)
    assert_equal(by_plan, in_full)
    assert in_full[1].corrupt_packets > 0
    assert by_plan[2] > FRAMES // 2


def test_a_lost_transport_packet_is_noticed_where_nothing_is_decoded(clip, tmp_path):
    path = write(clip, tmp_path, "h264 ts")
    at, _ = spared_packets(path)[0]
    whole = path.read_bytes()
    path.write_bytes(whole[: at + 188] + whole[at + 2 * 188 :])
    by_plan, in_full = read(path, PLANNED), read(path, FULL)
    assert_equal(by_plan, in_full)
    assert in_full[1].corrupt_packets > 0


def test_missing_rows_of_mpeg_2_are_noticed_where_nothing_is_decoded(clip, tmp_path):
    path = write(clip, tmp_path, "mpeg-2 mkv")
    at, size = spared_packets(path)[0]
    picture = path.read_bytes()[at : at + size]
    third_row = picture.index(b"\x00\x00\x01\x03")
    overwritten(path, at + third_row, b"\x55\x55\x55\x55")
    by_plan, in_full = read(path, PLANNED), read(path, FULL)
    assert_equal(by_plan, in_full)
    assert in_full[1].corrupt_packets > 0


def test_flipped_bits_in_a_picture_that_is_left_out_change_no_sample(clip, tmp_path):
    """The limit of what can be noticed: lengths and headers are whole."""
    path = write(clip, tmp_path, "h264 mp4")
    intact = read(path, PLANNED)
    for at, size in spared_packets(path)[:5]:
        middle = at + size * 2 // 3
        overwritten(path, middle, bytes([path.read_bytes()[middle] ^ 0x55]))
    assert_equal(read(path, PLANNED), intact)


def test_a_film_that_breaks_off_is_not_complete(clip, tmp_path):
    path = write(clip, tmp_path, "h264 mkv")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    by_plan, in_full = read(path, PLANNED), read(path, FULL)
    assert_equal(by_plan, in_full)
    assert not by_plan[1].complete


def test_memory_that_runs_out_in_the_decoder_is_not_damage(clip, tmp_path, monkeypatch):
    path = write(clip, tmp_path, "h264 mp4")

    def no_memory(*arguments):
        raise av.error.MemoryError(12, "Cannot allocate memory")

    for decode, method in ((PLANNED, "_matched"), (FULL, "_not_given")):
        with monkeypatch.context() as patch:
            patch.setattr(decoding.Decoding, method, no_memory)
            with pytest.raises(MemoryError):
                read(path, decode)


def test_memory_that_runs_out_before_the_decoder_is_not_damage_either(clip, tmp_path, monkeypatch):
    path = write(clip, tmp_path, "h264 mp4")

    def no_memory(*arguments, **options):
        raise av.error.MemoryError(12, "Cannot allocate memory")

    with monkeypatch.context() as patch:
        patch.setattr("extract.packets.breaks_off", no_memory)
        with pytest.raises(MemoryError):
            read(path, FULL)
    monkeypatch.setattr("extract.media.av.open", no_memory)
    with pytest.raises(MemoryError):
        read(path, FULL)
