from __future__ import annotations

from fractions import Fraction

import pytest

from extract.media import MOV
from extract.timing import FrameClock

MS = Fraction(1, 1000)


def clock(container="mov", *, time_base=MS, rate=Fraction(25), declared_s=None):
    return FrameClock(container, time_base, rate, declared_s)


def test_pts_and_duration_are_taken_exactly():
    assert clock(time_base=Fraction(1, 90_000)).frame(30_000, 3003) == (Fraction(1, 3), Fraction(33_003, 90_000))


def test_without_duration_a_picture_lasts_one_over_the_rate():
    assert clock().frame(1000, 0) == (1, Fraction(104, 100))
    assert clock(rate=None).frame(1000, None) == (1, Fraction(104, 100))


def test_without_pts_a_picture_follows_its_predecessor():
    times = clock()
    times.frame(1000, 500)
    assert times.frame(None, 500) == (Fraction(3, 2), 2)


def test_avi_pictures_take_the_decoding_times_in_order():
    """What FFmpeg reports as pts in AVI runs backwards around B-frames."""
    times = clock("avi", time_base=Fraction(1, 25))
    for dts in (0, 1, 2):
        times.packet(dts + 1, dts, 1)
    assert [times.frame(pts, 1)[0] for pts in (1, 4, 2)] == [0, Fraction(1, 25), Fraction(2, 25)]


def test_a_refused_avi_packet_takes_its_time_with_it():
    times = clock("avi", time_base=Fraction(1))
    for dts in (0, 1):
        times.packet(dts, dts, 1)
    times.refused()
    times.packet(2, 2, 1)
    assert [times.frame(None, 1)[0] for _ in range(2)] == [0, 2]


def test_a_picture_earlier_than_one_shown_is_refused():
    times = clock()
    times.frame(5000, 40)
    assert times.frame(4960, 40) is None
    assert times.frame(5000, 40) == (5, Fraction(504, 100))


def test_a_transport_stream_clock_may_restart():
    times = clock("mpegts")
    assert dated(times, [90_000, 1400, 1440]) == [90.0, 90.04, 90.08]


def test_a_leap_beyond_the_declared_duration_is_refused():
    times = clock(declared_s=100.0)
    times.frame(0, 40)
    assert times.frame(10**9, 40) is None
    assert times.frame(99_000, 40) == (99, Fraction(9904, 100))


def test_a_video_may_outlast_its_declaration_without_a_leap():
    times = clock(declared_s=1.0)
    starts = [times.frame(second * 1000, 1000) for second in range(200)]
    assert None not in starts


def dated(times, ticks, duration=40):
    """Times of pictures in seconds, as ``Decoding`` asks for them: a doubtful one is settled by the one after it."""
    starts = []
    for pts, following in zip(ticks, [*ticks[1:], None], strict=True):
        if times.doubts(pts):
            times.restart(pts, following)
        span = times.frame(pts, duration)
        starts.append(None if span is None else round(float(span[0]), 3))
    return starts


def test_a_step_back_of_less_than_a_second_is_a_new_clock():
    """An advertisement that is spliced in, 0.84 s earlier by its own clock."""
    times = clock("mpegts")
    assert dated(times, [9880, 9920, 9960, 9120, 9160]) == [9.88, 9.92, 9.96, 10.0, 10.04]
    assert times.changed


def test_a_leap_ahead_is_a_new_clock_if_the_next_picture_goes_on_from_it():
    assert dated(clock("mpegts"), [0, 40, 3_600_000, 3_600_040]) == [0.0, 0.04, 0.08, 0.12]


def test_a_picture_may_be_held_for_a_minute():
    assert dated(clock("mpegts"), [0, 40, 60_000, 60_040]) == [0.0, 0.04, 60.0, 60.04]


def test_one_damaged_time_is_no_new_clock():
    assert dated(clock("mpegts"), [0, 40, 20, 120, 160]) == [0.0, 0.04, None, 0.12, 0.16]
    assert dated(clock("mov"), [0, 40, 80, 20, 60]) == [0.0, 0.04, 0.08, None, None]


@pytest.mark.parametrize(
    ("container", "trims"), [(MOV, True), ("matroska,webm", False), ("mpegts", False), ("nut", False)]
)
def test_only_an_edit_list_takes_pictures_off_the_screen(container, trims):
    assert clock(container).trims == trims
