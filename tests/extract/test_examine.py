"""What is found in a file: read as an extraction reads it, with the spots of what is damaged, cut or stepped over."""

from __future__ import annotations

from fractions import Fraction

import av
import pytest

from extract.examine import examine_video
from extract.pyav_reader import PyAvReader
from extract.settings import ExtractSettings

FPS = 25
TIMES_S = [Fraction(number, FPS) for number in range(12 * FPS)]
GROUPS_OF_TWO_S = {"crf": "20", "preset": "ultrafast", "g": "50", "keyint_min": "50", "sc_threshold": "0", "bf": "0"}


@pytest.fixture
def film(clip):
    """Twelve seconds, a key frame every two."""
    return clip("film.mkv", TIMES_S, options=GROUPS_OF_TWO_S)


def spoil(path, at_s):
    """Put zeros into the packet of the picture at a time."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.pts is not None]
        (packet,) = (packet for packet in packets if abs(packet.pts * packet.time_base - at_s) < 0.01)
        payload, pos = bytes(packet), packet.pos
    data = bytearray(path.read_bytes())
    start = data.index(payload, pos)
    half = start + len(payload) // 2
    data[half : start + len(payload)] = bytes(start + len(payload) - half)
    path.write_bytes(data)


def test_an_intact_film_is_complete_and_described(film):
    seen = examine_video(film, ExtractSettings())
    assert (seen.verdict, seen.error, seen.report.reason, seen.report.damage) == ("complete", None, "", ())
    (stream,) = seen.info.streams
    assert (stream.kind, stream.codec, stream.width_px, stream.height_px, stream.chosen) == (
        *("video", "h264", 176, 64),
        True,
    )
    assert (seen.report.pictures, seen.report.samples) == (300, 12)
    assert seen.report.longest_s == pytest.approx(1 / FPS, abs=0.002)
    assert seen.info.container_s == pytest.approx(12, abs=0.1)


def test_damage_is_told_with_its_place(film):
    """The picture at 5 s is spoilt; the next key frame is at 6 s."""
    spoil(film, 5)
    seen = examine_video(film, ExtractSettings())
    (spot,) = seen.report.damage
    assert seen.verdict == "partial"
    assert spot.start_s == pytest.approx(5, abs=0.05)
    assert 1 <= spot.lost_s < 2  # from what the decoder had given by then
    lost = f"({spot.lost_s:.1f} s of video are lost)"
    assert seen.report.reason == f"1 packet at 00:00:05 of 00:00:12 is damaged {lost}"


def test_places_are_those_of_decoding_everything(film):
    spoil(film, 3)
    spoil(film, 9)
    reports = []
    for decode in ("planned", "full"):
        reader = PyAvReader(film, decode)
        reports.append(reader.measure())
        reader.close()
    planned, full = reports
    assert (planned.damage, planned.reason) == (full.damage, full.reason)
    assert len(full.damage) == full.damage_count == 2
    assert "at 00:00:03 and 00:00:09 of 00:00:12" in full.reason


def test_a_film_that_breaks_off_says_where(film):
    data = film.read_bytes()
    film.write_bytes(data[: len(data) // 2])
    seen = examine_video(film, ExtractSettings())
    assert (seen.verdict, seen.report.cut_off, seen.is_short) == ("partial", True, True)
    assert f"the file breaks off (at 00:00:{int(seen.report.decoded_s):02d})" in seen.report.reason


def test_bytes_that_are_stepped_over_are_told(film):
    with av.open(str(film)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    data = bytearray(film.read_bytes())
    start, stop = packets[120].pos, packets[140].pos
    data[start:stop] = bytes(stop - start)
    film.write_bytes(data)
    seen = examine_video(film, ExtractSettings())
    assert seen.verdict == "partial"
    assert seen.report.stepped_over_count >= 1
    assert any(4 < spot.start_s <= 6.1 for spot in seen.report.stepped_over)


def test_what_is_no_video_is_refused_with_its_reason(tmp_path):
    path = tmp_path / "subtitles.srt"
    path.write_text("1\n00:00:01,000 --> 00:00:02,000\nhello\n")
    seen = examine_video(path, ExtractSettings())
    assert (seen.verdict, seen.error.code, seen.info, seen.report) == ("refused", "refused_format", None, None)


def test_progress_is_told_with_the_length_of_the_file(film):
    told = []
    examine_video(film, ExtractSettings(), lambda read_s, length_s: told.append((read_s, length_s)))
    assert [read_s for read_s, _ in told] == list(range(1, 13))
    assert {round(length_s) for _, length_s in told} == {12}
