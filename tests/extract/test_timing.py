from __future__ import annotations

from fractions import Fraction

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
    times.frame(90_000, 40)
    assert times.frame(1400, 40) == (Fraction(90_040, 1000), Fraction(90_080, 1000))
    assert times.frame(1440, 40) == (Fraction(90_080, 1000), Fraction(90_120, 1000))


def test_a_leap_beyond_the_declared_duration_is_refused():
    times = clock(declared_s=100.0)
    times.frame(0, 40)
    assert times.frame(10**9, 40) is None
    assert times.frame(99_000, 40) == (99, Fraction(9904, 100))


def test_a_video_may_outlast_its_declaration_without_a_leap():
    times = clock(declared_s=1.0)
    starts = [times.frame(second * 1000, 1000) for second in range(200)]
    assert None not in starts
