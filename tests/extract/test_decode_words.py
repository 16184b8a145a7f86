"""What a hijacked decoder may say: nothing that is not of its type, in range and printable gets through."""

from __future__ import annotations

import json

import pytest

from extract.damage import MAX_SPOTS, Spot
from extract.decode_words import MAX_LETTERS, read_failure, read_info, read_report
from extract.frames import TOLD_STREAMS, ReadReport, StreamInfo, VideoInfo

INFO = {"container": "mov,mp4", "codec": "h264", "width_px": 64, "height_px": 48, "rotation_deg": 90} | {
    "declared_duration_s": None
}
REPORT = {"decoded_s": 2.5, "samples": 3, "corrupt_packets": 0, "complete": True, "reason": ""}
SPOT = {"start_s": 83.4, "lost_s": 4.0, "damaged": 1}
STREAM = {"kind": "video", "codec": "h264", "width_px": 64, "height_px": 48, "default": True, "chosen": True}
NESTED = b"[" * 500_000


def test_honest_words_come_through():
    assert read_info(json.dumps(INFO).encode()) == VideoInfo(**INFO)
    assert read_report(json.dumps(REPORT).encode()) == ReadReport(**REPORT)
    info = read_info(json.dumps(INFO | {"streams": [STREAM] * TOLD_STREAMS, "container_s": 3.0}).encode())
    assert (info.streams, info.container_s) == ((StreamInfo(**STREAM),) * TOLD_STREAMS, 3.0)
    report = read_report(json.dumps(REPORT | {"damage": [SPOT] * MAX_SPOTS, "damage_count": 70}).encode())
    assert (report.damage, report.damage_count) == ((Spot(**SPOT),) * MAX_SPOTS, 70)
    error = read_failure(b'{"code": "no_frames", "error": "film: nichts \\u00fcbrig"}')
    assert (error.code, str(error)) == ("no_frames", "film: nichts übrig")


@pytest.mark.parametrize(
    "change",
    [
        {"container": 7},
        {"container": "=cmd()"},
        {"codec": "h264\x1b[2J"},
        {"codec": "x" * 101},
        {"width_px": "64"},
        {"width_px": -1},
        {"width_px": 2**40},
        {"rotation_deg": 45},
        {"declared_duration_s": float("nan")},
        {"declared_duration_s": float("inf")},
        {"declared_duration_s": -1.0},
        {"declared_duration_s": [[]]},
        {"more": 1},
        {"container_s": float("nan")},
        {"streams": [STREAM] * (TOLD_STREAMS + 1)},
        {"streams": [STREAM | {"kind": "\x1b[2J"}]},
        {"streams": [STREAM | {"codec": "=cmd()"}]},
    ],
)
def test_an_info_of_wrong_values_is_refused(change):
    with pytest.raises(ValueError):
        read_info(json.dumps(INFO | change).encode())


@pytest.mark.parametrize(
    "change",
    [
        {"decoded_s": float("nan")},
        {"samples": 2.5},
        {"samples": True},
        {"complete": 1},
        {"reason": None},
        {"damage": [SPOT | {"start_s": float("inf")}]},
        {"damage": [SPOT] * (MAX_SPOTS + 1)},
        {"damage": [SPOT | {"words": "x"}]},
        {"damage_count": -1},
        {"stepped_over": [1.0]},
        {"pictures": "many"},
        {"longest_s": -0.1},
    ],
)
def test_a_report_of_wrong_values_is_refused(change):
    with pytest.raises(ValueError):
        read_report(json.dumps(REPORT | change).encode())


@pytest.mark.parametrize("read", [read_info, read_report, read_failure])
@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"null", b"[]", NESTED, b'{"a":' * 100_000, b"1" * 100_000])
def test_what_is_no_message_is_a_value_error(read, body):
    with pytest.raises(ValueError):
        read(body)


@pytest.mark.parametrize("code", ["", "=1+1", "a b", "x" * 41, "a\nb", "CODE"])
def test_codes_are_short_words(code):
    with pytest.raises(ValueError):
        read_failure(json.dumps({"code": code, "error": "x"}).encode())


def test_errors_are_printable_and_bounded():
    error = read_failure(json.dumps({"code": "decode", "error": "a\x1b[31m\n\u202e" + "b" * 10_000}).encode())
    assert str(error).startswith("a?[31m??b")
    assert len(str(error)) == MAX_LETTERS
