import json
import math
from pathlib import Path

import pytest

from data.activitynet import canonical_id, read_durations, read_ground_truth, read_predictions
from data.errors import ManifestError
from data.labels import Clip

ENTRY = {"duration": "60.5", "subset": "val", "annotations": [{"label": "sex", "segment": ["1.5", 4]}]}


def write(folder: Path, value: object) -> Path:
    path = folder / "a.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


@pytest.mark.parametrize("key", ["tt1", "v_tt1"])
@pytest.mark.parametrize("wrapped", [True, False])
def test_wrapper_prefix_and_strings_do_not_matter(tmp_path: Path, key: str, wrapped: bool) -> None:
    path = write(tmp_path, {"version": "1.3", "database": {key: ENTRY}} if wrapped else {"version": "1.3", key: ENTRY})
    assert read_ground_truth(path) == {"tt1": [Clip("sex", 1.5, 4.0)]}
    assert read_durations(path) == {"tt1": 60.5}


def test_subsets(tmp_path: Path) -> None:
    path = write(tmp_path, {"a": ENTRY, "b": {**ENTRY, "subset": "test", "annotations": []}, "c": {}})
    assert list(read_ground_truth(path)) == ["a", "b", "c"]
    assert read_ground_truth(path, subset="test") == {"b": []}
    assert read_durations(path) == {"a": 60.5, "b": 60.5}


def test_intervals_without_sense_are_kept_for_the_caller_to_count(tmp_path: Path) -> None:
    segments = [[5, 5], [9, 2], ["x", 3], [None, 3], [True, 3], [10**400, 3]]
    rows = [{"label": "sex", "segment": segment} for segment in segments]
    text = json.dumps({"a": {"annotations": rows}}).replace('"x"', "NaN")
    clips = read_ground_truth(write(tmp_path, text))["a"]
    assert [(clip.start_s, clip.end_s) for clip in clips[:2]] == [(5.0, 5.0), (9.0, 2.0)]
    assert [math.isnan(clip.start_s) for clip in clips] == [False, False, True, True, True, True]
    assert len(clips) == 6


def test_predictions_and_their_scores(tmp_path: Path) -> None:
    rows = [
        {"label": "sex", "segment": [0, 1], "score": 0.5},
        {"label": "sex", "segment": [0, 1], "score": "0.25"},
        {"label": "sex", "segment": [0, 1]},
    ]
    for value in ({"results": {"v_a": rows, "b": []}, "version": "x"}, {"v_a": rows, "b": []}):
        found = read_predictions(write(tmp_path, value))
        assert list(found) == ["a", "b"]
        assert [score for _, score in found["a"][:2]] == [0.5, 0.25]
        assert math.isnan(found["a"][2][1])
        assert found["a"][0][0] == Clip("sex", 0.0, 1.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a":\n{"x" 1}}', "a.json:2: error: not JSON: Expecting ':' delimiter, column 6"),
        ("[]", "a JSON list; expected an object with one entry a title"),
        ('{"database": []}', "'database' is a list; expected an object with one entry a title"),
        ('{"a": []}', "title 'a' is a list; expected a dict"),
        ('{"a": {"annotations": {"x": 1}}}', "title 'a': {'x': 1} is not a list of objects"),
        ('{"a": {"annotations": [1]}}', "title 'a': [1] is not a list of objects"),
        (
            '{"a": {"annotations": [{"label": "sex", "segment": [1]}]}}',
            'is not {"label": text, "segment": [start, end]}',
        ),
        ('{"a": {"annotations": [{"segment": [1, 2]}]}}', 'is not {"label": text'),
        ('{"v_a": {}, "a": {}}', "'a' occurs with and without the prefix 'v_'; keep one of them"),
        ('{"a": {}, "b": {}, "a": {}}', "the key 'a' occurs twice in one object"),
        ("[" * 100_000, "not usable JSON"),
    ],
)
def test_refusals(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ManifestError) as caught:
        read_ground_truth(write(tmp_path, text))
    assert message in str(caught.value)


def test_files_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'{"a": "\xff"}')
    with pytest.raises(ManifestError, match="not UTF-8 at byte 7"):
        read_ground_truth(path)
    with pytest.raises(ManifestError, match="cannot be read: No such file"):
        read_ground_truth(tmp_path / "none.json")


def test_only_one_prefix_is_removed() -> None:
    assert [canonical_id(key) for key in ("v_a", "v_v_a", "a", "V_a")] == ["a", "v_a", "a", "V_a"]
