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
        "warning: ignored, no label in time: regions without a label (2)",
        "warning: ignored, no label in time: relations (1)",
        "warning: ignored, no label in time: results of type 'videorectangle' (1)",
        "warning: ignored, no label in time: timeline labels without ranges, which belong to a box (1)",
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
        [
            "error: file: no annotation by '3'; there are some by 1, 2/b@x.org",
            "warning: ignored, no label in time: tasks without an annotation by '3' (1)",
        ]
        if annotators == "3"
        else []
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
        "warning: 1 clip without length left out, each label counts as present (first: title 'film', sex, 0-0 s)"
    ]


@pytest.mark.parametrize(
    "row", [{"segment": [1], "label": "sex"}, {"segment": [1, 2]}, {"segment": [1, None], "label": "sex"}]
)
def test_one_malformed_annotation_is_one_problem_that_can_be_skipped(tmp_path: Path, row: dict[str, object]) -> None:
    found = read(tmp_path, {"film": {"annotations": [row, {"segment": [5, 9], "label": "violence"}]}})
    assert clips(found) == [("film", "violence", 5.0, 9.0)]
    assert [(problem.severity, problem.skippable) for problem in found.problems] == [("error", True)]


# --- ELAN


def eaf(slots: dict[str, int | None], *tiers: str) -> str:
    order = "".join(
        f'<TIME_SLOT TIME_SLOT_ID="{name}"' + ("/>" if time is None else f' TIME_VALUE="{time}"/>')
        for name, time in slots.items()
    )
    header = '<HEADER TIME_UNITS="milliseconds"><MEDIA_DESCRIPTOR MEDIA_URL="film.mp4"/></HEADER>'
    return f"<ANNOTATION_DOCUMENT>{header}<TIME_ORDER>{order}</TIME_ORDER>{''.join(tiers)}</ANNOTATION_DOCUMENT>"


def aligned(name: str, first: str, last: str, value: str) -> str:
    return (
        f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="{name}" TIME_SLOT_REF1="{first}" TIME_SLOT_REF2="{last}">'
        f"<ANNOTATION_VALUE>{value}</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>"
    )


def reference(name: str, parent: str, value: str, previous: str = "") -> str:
    before = f' PREVIOUS_ANNOTATION="{previous}"' if previous else ""
    return (
        f'<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="{name}" ANNOTATION_REF="{parent}"{before}>'
        f"<ANNOTATION_VALUE>{value}</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>"
    )


def tier(name: str, *annotations: str) -> str:
    return f'<TIER TIER_ID="{name}">{"".join(annotations)}</TIER>'


def test_elan_labels_on_an_associated_tier_have_the_time_of_what_they_belong_to(tmp_path: Path) -> None:
    content = eaf(
        {"ts1": 1000, "ts2": 5000},
        tier("event", aligned("a0", "ts1", "ts2", "e1")),
        tier("category", reference("a1", "a0", "violence")),
        tier("detail", reference("a2", "a1", "sex")),  # the parent of its parent
    )
    rows = read(tmp_path, content, name="film.eaf")
    assert clips(rows) == [("film", "violence", 1.0, 5.0), ("film", "sex", 1.0, 5.0)]
    assert messages(rows) == ["warning: ignored, no label in time: tiers 'event' of 1 annotation (1)"]


def test_elan_time_subdivision_has_parts_of_equal_length_between_the_times_that_are_known(tmp_path: Path) -> None:
    content = eaf(
        {"ts1": 1000, "ts2": None, "ts3": None, "ts4": 7000, "ts5": None, "ts6": 8000},
        tier(
            "parts",
            aligned("a1", "ts1", "ts2", "sex"),
            aligned("a2", "ts2", "ts3", "violence"),
            aligned("a3", "ts3", "ts4", "sex"),
            aligned("a4", "ts4", "ts5", "violence"),
            aligned("a5", "ts5", "ts6", "sex"),
        ),
    )
    assert clips(read(tmp_path, content, name="film.eaf")) == [
        ("film", "sex", 1.0, 3.0),
        ("film", "violence", 3.0, 5.0),
        ("film", "sex", 5.0, 7.0),
        ("film", "violence", 7.0, 7.5),
        ("film", "sex", 7.5, 8.0),
    ]


def test_elan_symbolic_subdivision_shares_the_parent_s_time(tmp_path: Path) -> None:
    content = eaf(
        {"ts1": 0, "ts2": 4000},
        tier("event", aligned("a0", "ts1", "ts2", "e")),
        tier("parts", reference("b2", "a0", "violence", previous="b1"), reference("b1", "a0", "sex")),
    )
    assert sorted(clips(read(tmp_path, content, name="film.eaf"))) == [
        ("film", "sex", 0.0, 2.0),
        ("film", "violence", 2.0, 4.0),
    ]


@pytest.mark.parametrize(
    "tiers",
    [
        (tier("t", reference("a1", "a2", "sex"), reference("a2", "a1", "sex")),),  # each the other's parent
        (tier("t", reference("a1", "none", "sex")),),
        (tier("t", reference("a1", "a1", "sex", previous="a1")),),
        (tier("t", aligned("a1", "ts1", "ts2", "sex"), aligned("a2", "ts2", "ts1", "sex")),),  # the slots in a ring
        (tier("t", aligned("a1", "ts2", "ts2", "sex")),),
    ],
)
def test_elan_times_that_cannot_be_told_are_errors_and_end(tmp_path: Path, tiers: tuple[str, ...]) -> None:
    rows = read(tmp_path, eaf({"ts1": None, "ts2": None}, *tiers), name="film.eaf")
    assert clips(rows) == []
    assert {problem.severity for problem in rows.problems} == {"error"}
    assert "times must be finite numbers" in rows.problems[0].message
