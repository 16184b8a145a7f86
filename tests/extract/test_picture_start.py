"""When a film's first picture is displayed on the player's clock, whose 0 is where a player starts."""

import json
import shutil
import subprocess
from fractions import Fraction

import av
import pytest

from data.errors import DecodeError
from extract.decode_pool import Limits, Sample, decode
from extract.decode_words import read_report
from extract.decode_worker import READERS, WorkerConfig
from extract.decord_reader import DecordReader
from extract.pyav_reader import FULL, PLANNED, PyAvReader
from extract.stills import read_stills

CONTAINERS = ("film.mp4", "film.mov", "film.mkv", "film.webm", "film.ts", "film.flv")
SOUND_DELAY_S = 0.06
"""Of the coders: AAC and Opus begin a little before or after the time that their sound is given."""


@pytest.fixture
def film(tmp_path, clip, write_film):
    """``film(name, picture_start_s=3, **options)``: 40 numbered pictures, ten a second, and sound from 0 on."""

    def make(name, picture_start_s=3, sound_s=7, count=40, **options):
        pictures = (clip.coded_frame(number) for number in range(count))
        return write_film(tmp_path / name, pictures, picture_start_s=picture_start_s, sound_s=sound_s, **options)

    return make


def read(path, reader=PyAvReader, *arguments):
    """Return the numbers of the samples, and the report."""
    opened = reader(path, *arguments)
    try:
        frames = list(opened.frames())
        return frames, opened.report()
    finally:
        opened.close()


@pytest.mark.parametrize("decode", [PLANNED, FULL])
@pytest.mark.parametrize("name", CONTAINERS)
def test_pictures_that_begin_after_the_sound_are_told_of_and_samples_count_from_the_first(film, clip, name, decode):
    frames, report = read(film(name), PyAvReader, decode)
    assert [clip.read_number(frame.rgb) for frame in frames] == [0, 10, 20, 30]
    assert report.picture_start_s == pytest.approx(3, abs=SOUND_DELAY_S)
    assert report.complete, report.reason
    assert report.decoded_s == pytest.approx(4, abs=0.11)


@pytest.mark.parametrize("name", CONTAINERS)
def test_pictures_that_begin_so_late_that_ffmpeg_takes_the_sounds_length_for_theirs_are_whole(film, clip, name):
    """It looks at the first five seconds or so; a film of 18 s was said to be read for 8 s of 18, and partial."""
    frames, report = read(film(name, picture_start_s=14, sound_s=19))
    assert [clip.read_number(frame.rgb) for frame in frames] == [0, 10, 20, 30]
    assert report.picture_start_s == pytest.approx(14, abs=SOUND_DELAY_S)
    assert report.complete, report.reason


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv"])
def test_decord_says_the_same_or_refuses_the_film(film, name):
    path = film(name)
    expected = read(path)[1].picture_start_s
    try:
        report = read(path, DecordReader)[1]
    except DecodeError as error:
        assert error.code == "decord_refused"
        return
    assert report.picture_start_s == expected


@pytest.mark.parametrize("name", CONTAINERS)
def test_films_whose_sound_and_pictures_begin_together_have_no_offset(film, name):
    assert read(film(name, picture_start_s=0))[1].picture_start_s == 0


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.ts"])
def test_a_film_without_sound_begins_with_its_pictures_wherever_its_clock_stands(film, name):
    assert read(film(name, picture_start_s=5, sound_s=None))[1].picture_start_s == 0


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.ts"])
def test_sound_and_pictures_that_begin_late_together_have_no_offset(film, name):
    assert read(film(name, picture_start_s=5, sound_start_s=5))[1].picture_start_s == 0


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.ts"])
def test_a_recording_whose_clock_is_far_on_has_the_offset_between_sound_and_pictures(film, name):
    report = read(film(name, picture_start_s=1002, sound_start_s=1000))[1]
    assert report.picture_start_s == pytest.approx(2, abs=SOUND_DELAY_S)


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.ts"])
def test_sound_that_begins_after_the_pictures_moves_nothing(film, name):
    assert read(film(name, picture_start_s=0, sound_start_s=2))[1].picture_start_s == 0


@pytest.mark.parametrize(("late_s", "told"), [(Fraction(3, 100), False), (Fraction(3, 10), True)])
@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.ts"])
def test_a_third_of_a_second_is_told_of_and_the_delay_of_a_coder_is_not(film, name, late_s, told):
    found_s = read(film(name, picture_start_s=late_s))[1].picture_start_s
    assert found_s == (pytest.approx(0.3, abs=SOUND_DELAY_S) if told else 0)


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.ts"])
def test_the_offset_is_what_ffprobe_says_between_the_first_picture_and_the_start_of_the_file(film, name):
    if shutil.which("ffprobe") is None:
        pytest.skip("no ffprobe on this machine")
    path = film(name)
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_entries", "format=start_time:frame=pts_time"]
    said = json.loads(
        subprocess.run([*command, "-select_streams", "v", str(path)], capture_output=True, check=True).stdout
    )
    late_s = float(said["frames"][0]["pts_time"]) - float(said["format"]["start_time"])
    assert read(path)[1].picture_start_s == pytest.approx(late_s, abs=SOUND_DELAY_S)


def test_a_decode_process_hands_it_over(film):
    config = WorkerConfig(READERS["pyav"], "full", False, 32, None, arguments=(PLANNED,))
    news = list(decode([film("film.mp4")], config, Limits(1, 60, 60)))
    end = news[-1]
    assert not isinstance(end, Sample)
    assert end.report.picture_start_s == pytest.approx(3, abs=SOUND_DELAY_S)


@pytest.mark.parametrize("said", ["-1", "NaN", '"3"', "1e400"])
def test_a_decode_process_is_not_believed_a_time_that_is_none(said):
    body = (
        '{"decoded_s": 1, "samples": 1, "corrupt_packets": 0, "complete": true, "reason": "", "picture_start_s": '
        + said + "}"
    )  # fmt: skip
    with pytest.raises(ValueError):
        read_report(body.encode())


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.ts"])
def test_a_still_shows_what_a_player_shows_at_that_second(film, clip, name):
    stills = read_stills(film(name), [0, 3, 4, 5, 6], input_px=176, timeout_s=60, memory_mib=None)
    assert stills.error == ""
    assert list(stills.pictures) == [0, 3, 4, 5, 6]
    whole = {number: clip.coded_frame(number).mean() for number in (0, 10, 20, 30)}
    for second, number in {0: 0, 3: 0, 4: 10, 5: 20, 6: 30}.items():
        assert stills.pictures[second].mean() == pytest.approx(whole[number], abs=6)


@pytest.mark.parametrize("decode", [PLANNED, FULL])
@pytest.mark.parametrize("late_s", [0, 2])
def test_a_recording_in_which_the_clock_of_33_bits_begins_anew_is_read_whole(film, clip, decode, late_s):
    begins_s = 2**33 // 90_000 - 3  # 3.7 s before it does
    path = film("film.ts", picture_start_s=begins_s + late_s, sound_start_s=begins_s)
    frames, report = read(path, PyAvReader, decode)
    assert [clip.read_number(frame.rgb) for frame in frames] == [0, 10, 20, 30]
    assert report.complete, report.reason
    assert report.picture_start_s == (pytest.approx(late_s, abs=SOUND_DELAY_S) if late_s else 0)
    stills = read_stills(path, [late_s + 1], input_px=176, timeout_s=60, memory_mib=None)
    assert stills.pictures[late_s + 1].mean() == pytest.approx(clip.coded_frame(10).mean(), abs=6)


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_what_is_damaged_before_that_clock_begins_anew_is_told(film, share):
    begins_s = 2**33 // 90_000 - 6
    path = film("film.ts", picture_start_s=begins_s, sound_start_s=begins_s, count=80)
    data = bytearray(path.read_bytes())
    at = int(len(data) * share) // 188 * 188
    data[at : at + len(data) // 4] = bytes(len(data) // 4)
    path.write_bytes(data)
    _, report = read(path, PyAvReader, PLANNED)
    assert not report.complete


def cut_in_mid_gop(source, target, *, begins_s, decodable_s):
    """Copy what a recording holds that began at ``begins_s``, and whose next key frame is at ``decodable_s``."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        copies = {stream.index: new.add_stream_from_template(stream) for stream in old.streams}
        zero_s = old.start_time / av.time_base
        for packet in old.demux():
            if packet.dts is None:
                continue
            since_s = float(packet.pts * packet.time_base) - zero_s
            is_lost_key = packet.stream.type == "video" and packet.is_keyframe and since_s < decodable_s - 0.01
            if since_s < begins_s - 0.01 or is_lost_key:
                continue
            packet.stream = copies[packet.stream.index]
            new.mux(packet)
    return target


@pytest.mark.parametrize("decode", [PLANNED, FULL])
@pytest.mark.parametrize("sound_s", [None, 8])
def test_a_recording_that_begins_within_a_group_says_so_and_is_complete(film, clip, tmp_path, sound_s, decode):
    whole = film("film.ts", picture_start_s=0, sound_s=sound_s, count=80)
    path = cut_in_mid_gop(whole, tmp_path / "cut.ts", begins_s=0.3, decodable_s=3)
    _, report = read(path, PyAvReader, decode)
    # pictures from 0.3 to 8 s of the film, of which those before 3 s cannot be decoded; a player's 0 is at 0.3 s
    assert report.picture_start_s == pytest.approx(2.7, abs=2 * SOUND_DELAY_S)
    assert report.decoded_s == pytest.approx(5)
    assert report.complete, report.reason
    assert report.lead_s == pytest.approx(2.7)
    assert "the first picture that can be decoded comes 2.7 s after the first packet" in report.remark


@pytest.mark.parametrize("begins_s", [0.3, 1.2])
def test_a_recording_whose_first_key_frame_is_far_away_is_not_complete(film, clip, tmp_path, begins_s):
    """Nobody waits for longer than ten seconds; what is missing then is the beginning of the film."""
    whole = film("film.ts", picture_start_s=0, sound_s=16, count=160)
    path = cut_in_mid_gop(whole, tmp_path / "cut.ts", begins_s=begins_s, decodable_s=12)
    _, report = read(path, PyAvReader, PLANNED)
    assert not report.complete
    assert f"4.0 s of {16 - begins_s:.1f} s could be decoded" in report.reason


def test_where_the_first_picture_can_be_decoded_the_declared_length_begins_with_it(film):
    for name in CONTAINERS:
        for picture_start_s in (0, 3):
            assert read(film(name, picture_start_s=picture_start_s))[1].declared_start_s is None
