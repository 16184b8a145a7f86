"""One odd annotation never costs the rest: what annotation tools and published files hold besides labels in time."""

import json
from pathlib import Path

import pytest

from data.label_files import read_label_file
from data.label_reading import AS_WRITTEN, LabelReading
from data.label_rows import LabelRows

LABELS, IDS = ("sex", "violence"), ("film", "other")


def read(folder: Path, content: object, reading: LabelReading = AS_WRITTEN, name: str = "labels.json") -> LabelRows:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return read_label_file(path, LABELS, IDS, reading=reading)


def clips(rows: LabelRows) -> list[tuple[str, str, float, float]]:
    return [(clip.title_id, clip.label, clip.start_s, clip.end_s) for clip in rows.clips]


def messages(rows: LabelRows) -> list[str]:
    return [f"{problem.severity}: {problem.message}" for problem in rows.problems]


def timeline(start: int, end: int, *labels: str) -> dict[str, object]:
    value = {"ranges": [{"start": start, "end": end}], "timelinelabels": list(labels)}
    return {"id": "r", "type": "timelinelabels", "value": value}


def task(*annotations: dict[str, object], **data: object) -> dict[str, object]:
    return {"data": {"video": "/data/upload/1/abcdef01-film.mp4", "fps": 25, **data}, "annotations": list(annotations)}


def by(annotator: object, *results: object) -> dict[str, object]:
    return {"completed_by": annotator, "was_cancelled": False, "result": list(results)}


# --- Label Studio


def test_timeline_labels_that_belong_to_a_box_relations_and_regions_without_a_label_are_passed_over(
    tmp_path: Path,
) -> None:
    sequence = {"framesCount": 3000, "sequence": [{"frame": 30, "time": 1.2}]}
    odd = [
        {"id": "b1", "type": "videorectangle", "value": {**sequence, "labels": ["sex"]}},
        {"id": "b1", "type": "timelinelabels", "value": {**sequence, "timelinelabels": ["sex"]}},
        {"from_id": "r", "to_id": "b1", "type": "relation", "direction": "right"},
        timeline(30, 55),
        {"id": "n", "type": "labels", "value": {"start": 1, "end": 2}},
    ]
    rows = read(tmp_path, [task(by(1, timeline(26, 50, "sex"), *odd))])
    assert clips(rows) == [("film", "sex", 1.0, 2.0)]
    assert sorted(messages(rows)) == [
        "warning: 1 relations ignored: no label in time",
        "warning: 1 results of type 'videorectangle' ignored: no label in time",
        "warning: 1 timeline labels without ranges, which belong to a box, ignored: no label in time",
        "warning: 2 regions without a label ignored: no label in time",
    ]


TWO = [
    by(1, timeline(26, 50, "sex"), timeline(1, 5, "violence")),
    by({"id": 2, "email": "B@x.org"}, timeline(30, 55, "sex")),
]


@pytest.mark.parametrize(
    ("annotators", "expected"),
    [
        ("union", [("film", "violence", 0.0, 0.2), ("film", "sex", 1.0, 2.2)]),
        ("1", [("film", "sex", 1.0, 2.0), ("film", "violence", 0.0, 0.2)]),
        ("2", [("film", "sex", 1.16, 2.2)]),
        ("b@X.org", [("film", "sex", 1.16, 2.2)]),
        ("3", []),
    ],
)
def test_several_annotators_are_joined_or_one_of_them_counts(
    tmp_path: Path, annotators: str, expected: list[tuple[str, str, float, float]]
) -> None:
    rows = read(
        tmp_path,
        [task(*TWO), task(by(1, timeline(1, 25, "sex")), video="other.mp4")],
        LabelReading(annotators=annotators),
    )
    assert clips(rows) == [*expected, ("other", "sex", 0.0, 1.0)]  # where only one annotated, that one counts
    assert messages(rows) == (
        ["warning: 1 tasks without an annotation by '3' ignored: no label in time"] if annotators == "3" else []
    )


def test_several_annotators_are_refused_by_name_unless_it_is_said_who_counts(tmp_path: Path) -> None:
    rows = read(tmp_path, [task(*TWO)])
    assert clips(rows) == []
    assert messages(rows) == [
        "error: task 1: 2 annotations (by 1, 2/b@x.org); mark one of them as ground truth, or set [data] annotators to "
        '"union", or to the one who counts'
    ]


@pytest.mark.parametrize(
    "data",
    [
        {"video": "<video src='/data/upload/film.mp4' width=100% muted />", "videoSource": "/data/upload/film.mp4"},
        {"video": '<video src="/data/upload/1/abcdef01-film.mp4" controls>'},
        {"video": "", "$undefined$": "s3://bucket/film.mp4"},
        {"video": None, "clip": "https://cdn.example/film.mp4?X-Amz-Signature=abc/def"},
    ],
)
def test_old_templates_name_the_film_elsewhere(tmp_path: Path, data: dict[str, object]) -> None:
    assert clips(read(tmp_path, [task(by(1, timeline(1, 25, "sex")), **data)])) == [("film", "sex", 0.0, 1.0)]


def test_an_uploaded_file_names_the_film_where_nothing_else_does(tmp_path: Path) -> None:
    one = {**task(by(1, timeline(1, 25, "sex")), video=3), "file_upload": "abcdef01-film.mp4"}
    assert clips(read(tmp_path, [one])) == [("film", "sex", 0.0, 1.0)]


# --- ActivityNet


def test_activitynet_s_own_rows_without_length_are_counted_and_their_label_is_present(tmp_path: Path) -> None:
    rows = [{"segment": [0, 0], "label": "sex"}, {"segment": [5, 9], "label": "violence"}]
    database = {
        "v_film": {"annotations": rows},
        "v_other": {"annotations": [{"segment": [0.01, 0.02], "label": "sex"}]},
    }
    found = read(tmp_path, {"database": database})
    assert clips(found) == [("film", "violence", 5.0, 9.0), ("other", "sex", 0.01, 0.02)]
    assert [(row.title_id, row.label, row.present) for row in found.presence] == [
        ("film", "sex", True),
        ("other", "violence", False),
    ]
    assert messages(found) == [
        "warning: 1 clip without length left out; their labels count as present (first: title 'film', sex, 0-0 s)"
    ]


@pytest.mark.parametrize(
    "row", [{"segment": [1], "label": "sex"}, {"segment": [1, 2]}, {"segment": [1, None], "label": "sex"}]
)
def test_one_malformed_annotation_is_one_problem_that_can_be_skipped(tmp_path: Path, row: dict[str, object]) -> None:
    found = read(tmp_path, {"film": {"annotations": [row, {"segment": [5, 9], "label": "violence"}]}})
    assert clips(found) == [("film", "violence", 5.0, 9.0)]
    assert [(problem.severity, problem.skippable) for problem in found.problems] == [("error", True)]
