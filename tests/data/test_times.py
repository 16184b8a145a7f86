import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.times import TimeForm, parse_frame_rate, parse_time


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("83.5", 83.5),
        (" 83. ", 83.0),
        (".5", 0.5),
        ("1:23.5", 83.5),
        ("75:30", 4530.0),
        ("00:01:23.500", 83.5),
        ("2:00:00,250", 7200.25),
        ("2002@23.976", 2002 / 23.976),
        ("2400@24000/1001", 100.1),
        ("50f", 2.0),
        ("0f", 0.0),
    ],
)
def test_forms_of_a_time(text: str, seconds: float) -> None:
    assert parse_time(text, frame_rate_fps=25.0) == pytest.approx(seconds, abs=1e-12)


@pytest.mark.parametrize(
    "text",
    ["", "-1", "+1", "nan", "inf", "1e3", "1,234", "1:60", "1:75:00", "12@0", "12@25/0", "1 2", "١٢"],
)
def test_refuses_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"write|60 or more|frame rate"):
        parse_time(text, frame_rate_fps=25.0)


def test_a_frame_number_needs_a_rate() -> None:
    with pytest.raises(ValueError, match=r"'12f' is a frame number without a rate; write 12@23\.976 or give the rate"):
        parse_time("12f")


def test_its_own_rate_beats_the_configured_one() -> None:
    assert parse_time("100@50", frame_rate_fps=25.0) == 2.0


@given(milliseconds=st.integers(0, 400 * 3600 * 1000))
def test_a_clock_time_means_its_milliseconds(milliseconds: int) -> None:
    rest, thousandths = divmod(milliseconds, 1000)
    minutes, seconds = divmod(rest, 60)
    hours, minutes_of_hour = divmod(minutes, 60)
    exact = milliseconds / 1000
    assert parse_time(f"{hours:02}:{minutes_of_hour:02}:{seconds:02}.{thousandths:03}") == pytest.approx(
        exact, abs=1e-9
    )
    assert parse_time(f"{minutes}:{seconds:02},{thousandths:03}") == pytest.approx(exact, abs=1e-9)
    assert parse_time(str(exact)) == exact


@given(frame=st.integers(0, 10**7), rate=st.sampled_from(["24", "25", "23.976", "30000/1001", "60"]))
def test_a_frame_lasts_one_over_the_rate(frame: int, rate: str) -> None:
    begin, end = parse_time(f"{frame}@{rate}"), parse_time(f"{frame + 1}@{rate}")
    assert end - begin == pytest.approx(1 / parse_frame_rate(rate), abs=1e-6)


@given(text=st.text(max_size=60))
def test_any_text_gives_seconds_or_a_value_error(text: str) -> None:
    try:
        seconds = parse_time(text, frame_rate_fps=25.0)
    except ValueError:
        return
    assert 0 <= seconds < 10**40


@given(digits=st.text("0123456789", min_size=30, max_size=500))
def test_absurdly_long_numbers_are_refused_or_finite(digits: str) -> None:
    for text in (digits, f"{digits}f", f"{digits}@25", f"{digits}:00:00"):
        try:
            assert parse_time(text, frame_rate_fps=1000.0) < 10**45
        except ValueError as error:
            assert len(str(error)) < 200


@pytest.mark.parametrize("text", ["0", "-25", "nan", "inf", "1001", "25/0", "fast", ""])
def test_refuses_what_is_no_frame_rate(text: str) -> None:
    with pytest.raises(ValueError, match="is no frame rate"):
        parse_frame_rate(text)


def test_frame_rates_may_be_fractions() -> None:
    assert parse_frame_rate("24000/1001") == pytest.approx(23.976024, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "expected_s"), [("0.000231481", 20.0), ("2.31481E-05", 2.0), ("0.0416667824", 3600.01)]
)
def test_a_fraction_of_a_day_is_the_time_that_was_typed_and_not_what_its_digits_leave_of_it(text, expected_s):
    assert parse_time(text, form=TimeForm(unit="days")) == expected_s
