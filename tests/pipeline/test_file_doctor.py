"""What ``doctor FILE`` says of a file, line by line, and as JSON; and that the command reads files as a run does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from data.errors import ConfigError, DecodeError
from extract.damage import Spot
from extract.examine import Examination
from extract.frames import ReadReport, StreamInfo, VideoInfo
from extract.pyav_writer import write_video
from pipeline.cli import cli
from pipeline.file_doctor import BY_CODE, advice, as_json, describe

STREAMS = (
    StreamInfo("video", "h264", 1920, 1080, default=True, chosen=True),
    StreamInfo("audio", "aac", default=True),
    StreamInfo("cover", "mjpeg", 640, 640),
)
INFO = VideoInfo("matroska,webm", "h264", 1920, 1080, 90, 213.0, 213.4, STREAMS)
DAMAGED = "1 packet at 00:01:23 of 00:03:33 is damaged (4.0 s of video are lost)"
REPORT = ReadReport(
    213.0, 213, 1, False, DAMAGED, False, 5325, 0.04, (Spot(83.4, 4.0, 1),), 1, (Spot(84.0),), 7
)  # fmt: skip


def test_a_damaged_film_in_lines():
    lines = list(describe(Examination(Path("films/Küss mich.mkv"), INFO, REPORT, None)))
    assert lines[:-2] == [
        "films/Küss mich.mkv",
        f"  verdict       partial: {DAMAGED}",
        "  container     matroska,webm, 00:03:33 in all by its own account",
        "  streams       0: video h264 1920 x 1080 (default, this one is read)",
        "                1: audio aac (default)",
        "                2: cover picture mjpeg 640 x 640 (not read)",
        "  picture       h264, 1920 x 1080 pixels, shown turned by 90 degrees clockwise",
        "  length        213.00 s declared, 213.00 s decoded, 213 samples",
        "  timing        5325 pictures, 25 a second on average, one is shown for 0.04 s at most",
        "  damage        00:01:23 (1 packet damaged, 4.00 s lost)",
        "  stepped over  bytes that belong to no picture, before 00:01:24, and 6 more times",
    ]
    assert lines[-2].startswith("  what to do    copy or download it again")
    assert "-i 'films/Küss mich.mkv'" in lines[-1]


def test_another_video_that_lasts_longer_is_pointed_at():
    streams = (StreamInfo("video", "mjpeg", 640, 640, chosen=True), StreamInfo("video", "h264", 96, 64))
    info = VideoInfo("matroska,webm", "mjpeg", 640, 640, 0, 0.04, 4.0, streams)
    lines = describe(Examination(Path("a.mkv"), info, ReadReport(0.04, 1, 0, True, "", pictures=1), None))
    assert "  mind          the file lasts 4.00 s, 3.96 s more; perhaps another video is meant: 1" in lines


def test_a_picture_that_comes_after_the_sound_is_said_and_is_no_shortage():
    info = VideoInfo("mov,mp4", "h264", 96, 64, 0, 6.0, 16.0, STREAMS)
    report = ReadReport(6.0, 6, 0, True, "", pictures=150, longest_s=0.04, picture_start_s=10.0)
    lines = list(describe(Examination(Path("late10.mp4"), info, report, None)))
    assert "                the first picture is displayed 10.00 s after a player starts" in lines
    assert not any(line.startswith("  mind") for line in lines)


def test_a_complete_film_needs_nothing():
    report = ReadReport(213.0, 213, 0, True, "", False, 5325, 0.04)
    seen = Examination(Path("a.mkv"), INFO, report, None)
    assert (seen.verdict, advice(seen)) == ("complete", [])
    assert "  damage        none seen" in describe(seen)


def test_a_film_that_is_shorter_than_declared_may_be_remuxed_but_not_one_that_breaks_off():
    short = ReadReport(100.0, 100, 0, False, "100.0 s of 213.0 s could be decoded")
    assert "-c copy" in advice(Examination(Path("a.ts"), INFO, short, None))[1]
    cut = ReadReport(100.0, 100, 0, False, "the file breaks off (at 00:01:40)", cut_off=True)
    assert len(advice(Examination(Path("a.ts"), INFO, cut, None))) == 1


@pytest.mark.parametrize("code", [*BY_CODE, "schema"])
def test_every_refusal_comes_with_something_to_do(code):
    seen = Examination(Path("a b.mkv"), None, None, DecodeError("a b.mkv: is bad", code=code))
    (words,) = advice(seen)
    assert "{" not in words
    assert next(iter(list(describe(seen))[1:])) == "  verdict       refused: is bad"


def test_a_file_name_cannot_write_to_the_terminal():
    seen = Examination(Path("a\x1b[2J\n.mkv"), INFO, REPORT, None)
    assert all(line.isprintable() for line in describe(seen))


def test_json_holds_everything_and_is_json():
    said = json.loads(json.dumps(as_json(Examination(Path("a.mkv"), INFO, REPORT, None))))
    assert (said["verdict"], said["reason"], said["error_code"]) == ("partial", DAMAGED, "")
    assert said["report"]["damage"] == [{"start_s": 83.4, "lost_s": 4.0, "damaged": 1}]
    assert said["info"]["streams"][2]["kind"] == "cover"


def test_the_command_reads_files_and_its_code_says_whether_all_are_whole(tmp_path):
    film, text = tmp_path / "film.mkv", tmp_path / "film.srt"
    frames = (np.full((64, 96, 3), number, np.uint8) for number in range(50))
    write_video(film, frames, fps=25)
    text.write_text("1\n")
    ran = CliRunner().invoke(cli, ["doctor", str(film)])
    assert (ran.exit_code, ran.stdout.splitlines()[1]) == (0, "  verdict       complete")
    ran = CliRunner().invoke(cli, ["doctor", "--json", str(film), str(text)])
    assert ran.exit_code == 1
    assert [one["verdict"] for one in json.loads(ran.stdout)] == ["complete", "refused"]


def test_a_file_that_is_not_there_is_a_mistake_of_whoever_named_it(tmp_path):
    ran = CliRunner().invoke(cli, ["doctor", str(tmp_path / "none.mkv")])
    assert isinstance(ran.exception, ConfigError)
    assert "none.mkv: no such file" in str(ran.exception)


def test_the_host_as_json(monkeypatch):
    from pipeline import doctor

    monkeypatch.setattr(doctor, "examine", lambda *asked: iter([doctor.Finding("disk", "warning", "words")]))
    ran = CliRunner().invoke(cli, ["doctor", "--json"])
    assert json.loads(ran.stdout) == {
        "counts": {"ok": 0, "warning": 1, "failure": 0},
        "findings": [{"subject": "disk", "state": "warning", "words": "words"}],
    }
