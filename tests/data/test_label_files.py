import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.label_files import Form, LabelRows, read_label_file
from data.label_reading import LabelReading

LABELS = ("sex", "nudity", "drug-use")
IDS = ("tt1", "tt2")


def read(folder: Path, content: str, form: Form = "auto", rate: float | None = None) -> LabelRows:
    path = folder / "labels.csv"
    path.write_bytes(content.encode())
    return read_label_file(path, LABELS, IDS, reading=LabelReading(rate), form=form)


def presence(rows: LabelRows) -> list[tuple[str, str, bool | None, int | None]]:
    return [(row.title_id, row.label, row.present, row.line) for row in rows.presence]


def clips(rows: LabelRows) -> list[tuple[str, str, float, float, bool, int | None]]:
    return [(row.title_id, row.label, row.start_s, row.end_s, row.first, row.line) for row in rows.clips]


def messages(rows: LabelRows) -> list[str]:
    return [f"{problem.line}: {problem.severity}: {problem.message}" for problem in rows.problems]


def test_long_presence(tmp_path: Path) -> None:
    rows = read(
        tmp_path, "title_id,label,present\ntt1,sex,1\ntt1,nudity,0\ntt1,drug-use,\ntt2,sex,0.0\ntt2,nudity,True\n"
    )
    assert presence(rows) == [
        ("tt1", "sex", True, 2),
        ("tt1", "nudity", False, 3),
        ("tt1", "drug-use", None, 4),
        ("tt2", "sex", False, 5),
        ("tt2", "nudity", True, 6),
    ]
    assert (rows.clips, rows.problems) == ([], [])


def test_long_clips_in_seconds_clock_times_and_frames(tmp_path: Path) -> None:
    content = (
        "title_id,label,start_s,end_s,kind\n"
        "tt1,sex,10,20.5,first_occurrence\n"
        "tt1,sex,00:01:00,1:02.5,all_occurrence\n"
        "tt2,nudity,240@24,480@24,all_occurrence\n"
        "tt2,sex,50f,100f,all_occurrence\n"
    )
    rows = read(tmp_path, content, rate=25.0)
    assert clips(rows) == [
        ("tt1", "sex", 10.0, 20.5, True, 2),
        ("tt1", "sex", 60.0, 62.5, False, 3),
        ("tt2", "nudity", 10.0, 20.0, False, 4),
        ("tt2", "sex", 2.0, 4.0, False, 5),
    ]
    assert (rows.presence, rows.problems) == ([], [])


def test_frame_columns_take_the_rate_of_the_row_then_the_configured_one(tmp_path: Path) -> None:
    content = (
        "title_id,label,start_frame,end_frame,kind,fps\n"
        "tt1,sex,48,96,first_occurrence,24\n"
        "tt2,sex,50,100,first_occurrence,\n"
        "tt2,nudity,50,0:10,first_occurrence,fast\n"
    )
    rows = read(tmp_path, content, rate=25.0)
    assert clips(rows) == [("tt1", "sex", 2.0, 4.0, True, 2), ("tt2", "sex", 2.0, 4.0, True, 3)]
    assert messages(rows) == ["4: error: fps 'fast' is no frame rate; write 25, 23.976 or 24000/1001"]
    assert messages(read(tmp_path, content))[0] == (
        "3: error: start_frame '50f' is a frame number without a rate; write 50@23.976 or give the rate"
    )


def test_presence_and_clips_may_share_a_long_file(tmp_path: Path) -> None:
    content = "title_id,label,present,start,end,kind\ntt1,sex,1,3,4,first_occurrence\ntt2,sex,0,,,\n"
    rows = read(tmp_path, content)
    assert presence(rows) == [("tt1", "sex", True, 2), ("tt2", "sex", False, 3)]
    assert clips(rows) == [("tt1", "sex", 3.0, 4.0, True, 2)]
    assert rows.problems == []


def test_wide(tmp_path: Path) -> None:
    content = (
        "title_id;sex;sex_start;sex_end;nudity;drug-use;drug-use_start_s;drug-use_end_s;comment\n"
        "tt1;1;00:00:10;00:00:20;0;;;;hello\n"
        "tt2;;;;;;5;6;\n"
    )
    rows = read(tmp_path, content)
    assert presence(rows) == [
        ("tt1", "sex", True, 2),
        ("tt1", "nudity", False, 2),
        ("tt1", "drug-use", None, 2),
        ("tt2", "sex", None, 3),
        ("tt2", "nudity", None, 3),
        ("tt2", "drug-use", None, 3),
    ]
    assert clips(rows) == [("tt1", "sex", 10.0, 20.0, True, 2), ("tt2", "drug-use", 5.0, 6.0, True, 3)]
    assert rows.problems == []


def test_problems_of_a_long_file(tmp_path: Path) -> None:
    content = (
        "title_id,label,start_s,end_s,kind\n"
        "tt1,Drug_Use,1,2,first_occurrence\n"
        "tt1,cooking,1,2,first_occurrence\n"
        "tt1,sex,1,2,first\n"
        '"tt\n1",sex,one,2,first_occurrence\n'
        "tt1,sex,1,,all_occurrence\n"
        "tt1,Drug_Use,1,2,all_occurrence\n"
    )
    allowed = "seconds (83.5), hh:mm:ss.mmm, or a frame with its rate (2002@23.976)"
    assert messages(read(tmp_path, content)) == [
        "4: error: kind 'first'; allowed: first_occurrence, all_occurrence",
        f"5: error: start_s 'one' is no time; write {allowed}",
        f"7: error: end_s '' is no time; write {allowed}",
        "2: error: unknown label 'Drug_Use' (2 rows); did you mean 'drug-use'?",
        "3: error: unknown label 'cooking' (1 row); allowed: sex, nudity, drug-use",
    ]


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        (
            "title_id,label,present\ntt1,sex,perhaps\n",
            ["2: error: present 'perhaps'; write 1, 0, or nothing if unknown"],
        ),
        ("title,label,present\ntt1,sex,1\n", ["1: error: no column 'title_id'; did you mean 'title'?"]),
        ("title_id,label,start_s,end_s\n", ["1: error: no column 'kind'; allowed: title_id, label, start_s, end_s"]),
        (
            "title_id,label,note\n",
            [
                "1: error: columns are neither title_id,label,present nor title_id,label,start_s,end_s,kind; "
                "found title_id, label, note"
            ],
        ),
        (
            "title_id,foo\ntt1,1\n",
            [
                "1: error: no column of a known form: neither label, nor one of sex, nudity, drug-use; "
                "found title_id, foo"
            ],
        ),
        (
            "title_id,sex,nudity,drug_use,drug_use_start,drug_use_end\n",
            [
                "1: error: unknown label 'drug_use'; did you mean 'drug-use'?",
            ],
        ),
        (
            "title_id,sex,nudity,drug-use,sex_start\n",
            ["1: error: column sex_start without column sex_end"],
        ),
        (
            "title_id,sex,nudity,drug-use,sex_start,sex_end\ntt1,maybe,,,4,\n",
            [
                "2: error: sex 'maybe'; write 1, 0, or nothing if unknown",
                "2: error: sex_end '' is no time; write seconds (83.5), hh:mm:ss.mmm, or a frame with its rate "
                "(2002@23.976)",
            ],
        ),
    ],
)
def test_problems_of_forms_and_columns(tmp_path: Path, content: str, problems: list[str]) -> None:
    assert messages(read(tmp_path, content)) == problems


def test_a_given_form_is_not_guessed(tmp_path: Path) -> None:
    assert "neither title_id,label,present" not in "".join(messages(read(tmp_path, "title_id,sex\ntt1,1\n")))
    assert messages(read(tmp_path, "title_id,label,sex\ntt1,x,1\n", form="wide"))[0].startswith("1: warning: no column")
    assert messages(read(tmp_path, "title_id,sex\ntt1,1\n", form="activitynet"))[0].startswith("1: error: not JSON")


def test_activitynet_by_content_with_prefix_and_silence_as_absence(tmp_path: Path) -> None:
    value = {
        "v_tt1": {"annotations": [{"label": "sex", "segment": ["30", "40"]}, {"label": "sex", "segment": [5, 8]}]},
        "tt2": {"subset": "testing", "annotations": []},
        "tt3": {"subset": "training", "annotations": []},
    }
    rows = read(tmp_path, "\ufeff " + json.dumps(value))
    assert clips(rows) == [("tt1", "sex", 30.0, 40.0, False, None), ("tt1", "sex", 5.0, 8.0, False, None)]
    assert presence(rows) == [
        ("tt1", "nudity", False, None),
        ("tt1", "drug-use", False, None),
        *[("tt3", label, False, None) for label in LABELS],
    ]
    assert all(row.implied for row in rows.presence)
    assert rows.problems == []


def test_problems_of_activitynet(tmp_path: Path) -> None:
    rows = [{"label": "Sex", "segment": [1, 2]}, {"label": "sex", "segment": ["a", 2]}]
    assert messages(read(tmp_path, json.dumps({"tt1": {"annotations": rows}}))) == [
        "None: error: title 'tt1': a clip of 'sex' has times that are not numbers",
        "None: error: unknown label 'Sex' (1 row); did you mean 'sex'?",
    ]
    path = tmp_path / "gt.json"
    path.write_text("{}")
    assert messages(read_label_file(path, LABELS, ("a", "v_a"))) == [
        "None: error: the titles hold an id with and without 'v_'; rename one of them"
    ]


@given(content=st.binary(max_size=120) | st.text('sextl_idar,;{}[]":01\n', max_size=80).map(str.encode))
def test_any_bytes_give_rows_or_problems(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("labels") / "labels.csv"
    path.write_bytes(content)
    rows = read_label_file(path, LABELS, IDS)
    assert rows.problems or rows.presence or rows.clips or content.strip()
