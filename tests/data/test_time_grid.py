import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.time_grid import SECONDS, TimeGrid

I3D = TimeGrid(10.0, 16 / 25)  # a row every 16 frames at 25 a second, the first one 10 s after the sound
GRIDS = st.builds(TimeGrid, st.integers(0, 50_000).map(lambda ms: ms / 1000), st.sampled_from([1.0, 0.64, 0.5, 2.0]))


def test_rows_and_seconds_of_a_feature_of_sixteen_frames():
    assert [I3D.time_s(row) for row in range(4)] == pytest.approx([10.0, 10.64, 11.28, 11.92])
    assert I3D.times_s(np.array([0, 3])).tolist() == pytest.approx([10.0, 11.92])
    assert [I3D.row(time_s) for time_s in (9.9, 10.0, 10.63, 10.64, 11.93)] == [-1, 0, 0, 1, 3]
    assert [I3D.rows_until(time_s) for time_s in (0.0, 10.0, 10.1, 10.64, 10.7)] == [0, 0, 1, 1, 2]
    assert [I3D.whole_rows(seconds) for seconds in (0.0, 0.63, 0.64, 1.92, 2.0)] == [0, 0, 1, 3, 3]


@pytest.mark.parametrize(
    ("start_s", "end_s", "rows"),
    [
        (10.0, 10.64, [0]),  # half-open
        (10.64, 11.92, [1, 2]),  # edges that no float hits
        (10.7, 10.8, [1]),
        (0.0, 5.0, [0]),  # before the first picture: the first row, never none
        (12.0, 99.0, [3]),  # cut at the end
        (50.0, 60.0, [3]),
    ],
)
def test_rows_that_touch_an_interval(start_s, end_s, rows):
    assert list(range(4))[I3D.touched(start_s, end_s, 4)] == rows


@given(GRIDS, st.integers(0, 10_000))
def test_a_row_begins_in_itself_and_ends_where_the_next_begins(grid, row):
    assert grid.row(grid.time_s(row)) == row
    assert grid.rows_until(grid.time_s(row)) == row
    assert grid.touched(grid.time_s(row), grid.time_s(row + 1), row + 5) == slice(row, row + 1)
    assert grid.whole_rows(row * grid.step_s) == row


def test_a_row_a_second_from_zero_on_is_the_second_itself():
    assert [SECONDS.row(time_s) for time_s in (0.0, 0.999, 7.5)] == [0, 1, 7]  # a time of milliseconds is on its edge
    assert SECONDS.time_s(7) == 7.0
