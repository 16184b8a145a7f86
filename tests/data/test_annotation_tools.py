"""Label Studio, VIA 3 and ELAN files as labels: what is read, and that hostile files end in problems."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.annotation_tool import title_of_media
from data.label_files import LabelRows, read_label_file
from data.label_manifest import scan_labels
from data.label_reading import LabelReading
from data.titles import Title

LABELS = ("sex", "violence")
IDS = ("tt1", "tt2", "s01.e02")


def read(path: Path, content: object, rate: float | None = None) -> LabelRows:
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_text(text)
    return read_label_file(path, LABELS, IDS, reading=LabelReading(rate))


def clips(rows: LabelRows) -> list[tuple[str, str, float, float]]:
    assert not any(row.first for row in rows.clips)
    return [(row.title_id, row.label, row.start_s, row.end_s) for row in rows.clips]


def messages(rows: LabelRows) -> list[str]:
    return [f"{problem.severity}: {problem.message}" for problem in rows.problems]


@pytest.mark.parametrize(
    ("source", "title_id"),
    [
        ("tt1.mp4", "tt1"),
        ("/data/upload/3/0123abcd-tt1.mp4", "tt1"),
        ("/data/local-files/?d=films/tt2.mkv", "tt2"),
        ("s3://bucket/a%20b/tt1.mp4?X-Signature=a/b", "tt1"),
        ("C:\\films\\tt2.avi", "tt2"),
        ("s01.e02", "s01.e02"),
        ("s01.e02.mp4", "s01.e02"),
        ("0123abcd-new.mp4", "0123abcd-new"),
        ("", ""),
    ],
)
def test_title_of_a_media_file(source: str, title_id: str) -> None:
    assert title_of_media(source, IDS) == title_id


# --- Label Studio


def region(start: object, end: object, *labels: object) -> dict[str, object]:
    return {"type": "timelinelabels", "value": {"ranges": [{"start": start, "end": end}], "timelinelabels": [*labels]}}


def task(*results: object, **data: object) -> dict[str, object]:
    return {"data": {"video": "tt1.mp4", **data}, "annotations": [{"result": [*results]}]}


def test_label_studio_frames_count_from_1_and_include_the_last(tmp_path: Path) -> None:
    rows = read(tmp_path / "ls.json", [task(region(1, 25, "sex"), region(51, 51, "violence"), fps=25)])
    assert clips(rows) == [("tt1", "sex", 0.0, 1.0), ("tt1", "violence", 2.0, 2.04)]
    assert rows.problems == []


def test_label_studio_takes_the_configured_rate_and_seconds_need_none(tmp_path: Path) -> None:
    seconds = {"type": "labels", "value": {"start": 1.5, "end": 2.25, "labels": ["sex", "violence"]}}
    rows = read(tmp_path / "ls.json", [task(region(11, 20, "sex"), seconds)], rate=10.0)
    assert clips(rows) == [("tt1", "sex", 1.0, 2.0), ("tt1", "sex", 1.5, 2.25), ("tt1", "violence", 1.5, 2.25)]
    assert messages(read(tmp_path / "ls.json", [task(region(11, 20, "sex"))])) == [
        "error: task 1, result 1: frames without a rate; set frame_rate_fps, or give the task's data an fps"
    ]


def test_label_studio_annotations_that_do_not_count(tmp_path: Path) -> None:
    sex, violence = ([region(1, 10, label)] for label in LABELS)
    tasks = [
        {"data": {"title_id": "tt2"}, "annotations": [{"result": sex, "was_cancelled": True}, {"result": violence}]},
        {"data": {"title_id": "tt1"}, "annotations": [{"result": sex}, {"result": violence, "ground_truth": True}]},
        {"data": {"title_id": "s01.e02"}, "annotations": [], "predictions": [{"result": sex}]},
    ]
    rows = read(tmp_path / "ls.json", tasks, rate=10.0)
    assert clips(rows) == [("tt2", "violence", 0.0, 1.0), ("tt1", "violence", 0.0, 1.0)]
    assert rows.title_ids == ["tt2", "tt1"]  # nobody went through the third


def test_label_studio_reports_everything_with_its_task(tmp_path: Path) -> None:
    two = {"data": {"title_id": "tt1"}, "annotations": [{"result": []}, {"result": []}]}
    tasks = [
        "task",
        {"id": 1, "video": "tt1.mp4"},
        {"data": {"video": 7}, "annotations": [{"result": []}]},
        two,
        task("x", {"value": {}, "type": "choices"}, region(0, 5, "sex"), region(1, 5, "sx"), region(1, 5, 3), fps=10),
        task(region(1, 5, "sex"), fps=float("nan")),
        task(region(1, "x", "sex"), region(1, 10**300, "sex"), fps=10),
    ]
    assert messages(read(tmp_path / "ls.json", tasks)) == [
        'error: task 1: no "data"; export as JSON (JSON-MIN does not say who annotated what)',
        'error: task 2: no "data"; export as JSON (JSON-MIN does not say who annotated what)',
        "error: task 3: no title; its data needs title_id, or one of video, videoSource, video_source, "
        "video_url, url, audio as text",
        "error: task 4: 2 annotations (by not said); mark one of them as ground truth, or set [data] annotators to "
        '"union", or to the one who counts',
        "error: task 5, result 1: 'x' is no result with a value",
        "error: task 5, result 3: a range begins before frame 1, or with no number; Label Studio counts from 1",
        "error: task 5, result 5: label 3 is no text",
        "error: task 6, result 1: fps nan of the task; it must be above 0 and at most 1000",
        "error: task 7, result 1: a clip of 'sex' from 0 to nan s; times must be finite numbers up to 1e+07 s",
        "error: task 7, result 2: a clip of 'sex' from 0 to 1e+299 s; times must be finite numbers up to 1e+07 s",
        "error: unknown label 'sx' (1 row); did you mean 'sex'?",
        "warning: ignored, no label in time: results of type 'choices' (1)",
    ]


# --- VIA 3


def via(metadata: object, attribute: object = None) -> dict[str, object]:
    label = {"aname": "label", "anchor_id": "FILE1_Z2_XY0", "type": 4, "options": {"0": "sex", "1": "violence"}}
    return {
        "project": {"data_format_version": "3.1.1", "vid_list": ["1"]},
        "attribute": attribute or {"1": label},
        "file": {"1": {"fid": "1", "fname": "tt1.mp4", "type": 4, "loc": 1, "src": ""}},
        "view": {"1": {"fid_list": ["1"]}},
        "metadata": metadata,
    }


def test_via_project_options_and_free_text(tmp_path: Path) -> None:
    entries = {
        "1_a": {"vid": "1", "z": [1.25, 3], "xy": [], "av": {"1": "0"}},
        "1_b": {"vid": "1", "z": [4, 5.5], "xy": [], "av": {"1": "violence"}},
        "1_c": {"vid": "1", "z": [4], "xy": [], "av": {"1": "0"}},
    }
    rows = read(tmp_path / "via.json", via(entries))
    assert clips(rows) == [("tt1", "sex", 1.25, 3.0), ("tt1", "violence", 4.0, 5.5)]
    assert messages(rows) == ["warning: ignored, no label in time: marks of a moment, a region or a whole file (1)"]


def test_via_checkbox_holds_several_labels(tmp_path: Path) -> None:
    both = {"aname": "what", "anchor_id": "FILE1_Z2_XY0", "type": 2, "options": {"0": "sex", "1": "violence"}}
    rows = read(tmp_path / "via.json", via({"m": {"vid": "1", "z": [1, 2], "av": {"7": "0,1"}}}, {"7": both}))
    assert clips(rows) == [("tt1", "sex", 1.0, 2.0), ("tt1", "violence", 1.0, 2.0)]


def test_via_with_two_segment_attributes_takes_the_one_named_label(tmp_path: Path) -> None:
    attributes = {
        "1": {"aname": "mood", "anchor_id": "FILE1_Z2_XY0", "type": 1},
        "2": {"aname": "Label", "anchor_id": "FILE1_Z2_XY0", "type": 1},
    }
    entries = {"m": {"vid": "1", "z": [1, 2], "av": {"1": "dark", "2": "sex"}}}
    rows = read(tmp_path / "via.json", via(entries, attributes))
    assert (clips(rows), rows.problems) == ([("tt1", "sex", 1.0, 2.0)], [])


def test_via_reports_entries_that_make_no_sense(tmp_path: Path) -> None:
    entries = {
        "a": {"vid": "9", "z": [1, 2], "av": {}},
        "b": {"vid": "1", "z": "1-2", "av": {}},
        "c": {"vid": "1", "z": [1, float("inf")], "av": {"1": "0"}},
        "d": {"vid": "1", "z": [1, 2], "av": {}},
    }
    assert messages(read(tmp_path / "via.json", via(entries))) == [
        "error: metadata 'a': view '9' is not in the project",
        "error: metadata 'b': times '1-2' and values {} are no list and no object",
        "error: metadata 'c': a clip of 'sex' from 1 to inf s; times must be finite numbers up to 1e+07 s",
        "warning: ignored, no label in time: regions without a label (1)",
    ]
    assert messages(read(tmp_path / "via.json", via([]))) == [
        "error: project: 'metadata' is no object of objects; save it with VIA 3"
    ]


VIA_CSV = """# Exported using VGG Image Annotator (http://www.robots.ox.ac.uk/~vgg/software/via)
# ATTRIBUTE = {"1":{"aname":"TEMPORAL-SEGMENTS","anchor_id":"FILE1_Z2_XY0","type":4,"options":{"0":"sex"}}}
# CSV_HEADER = metadata_id,file_list,flags,temporal_coordinates,spatial_coordinates,metadata
"1_a","[""tt1.mp4""]",0,"[1.124,5.31493]","[]","{""1"":""0""}"
"1_b","[""tt2.mp4""]",0,"[2,3]","[]","{""1"":""violence""}"
"1_c","[""tt1.mp4""]",0,"[2.41892]","[2,162.262,176.21971,639.45,192.49481]","{""1"":""0""}"
"1_d","[""tt1.mp4""]",0,"1-2","[]","{""1"":""0""}"
"""
VIA_CSV_OLD = """# CSV_HEADER = metadata_id, file_list, temporal_segment_start, temporal_segment_end, metadata
"1_a","[""tt1.mp4""]",0.5,6.2,"{""TEMPORAL-SEGMENTS"":""sex""}"
"""


def test_via_csv(tmp_path: Path) -> None:
    rows = read(tmp_path / "via.csv", VIA_CSV)
    assert clips(rows) == [("tt1", "sex", 1.124, 5.31493), ("tt2", "violence", 2.0, 3.0)]
    assert messages(rows)[0] == "error: line 7: temporal_coordinates '1-2' is no JSON"
    assert len(rows.problems) == 2
    assert clips(read(tmp_path / "old.csv", VIA_CSV_OLD)) == [("tt1", "sex", 0.5, 6.2)]


# --- ELAN


def eaf(body: str, *, head: str = "", times: str = 'TIME_UNITS="milliseconds"', media: str = "tt1.mp4") -> str:
    return f"""<?xml version="1.0" encoding="UTF-8"?>{head}
<ANNOTATION_DOCUMENT FORMAT="3.0" VERSION="3.0">
<HEADER {times}><MEDIA_DESCRIPTOR MEDIA_URL="file:///films/{media}" MIME_TYPE="video/mp4"/></HEADER>
<TIME_ORDER><TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="1500"/><TIME_SLOT TIME_SLOT_ID="ts2" TIME_VALUE="2750"/>
<TIME_SLOT TIME_SLOT_ID="ts3"/></TIME_ORDER>{body}</ANNOTATION_DOCUMENT>"""


def tier(name: str, value: str, end: str = "ts2") -> str:
    return f"""<TIER TIER_ID="{name}" LINGUISTIC_TYPE_REF="d"><ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a1"
TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="{end}"><ANNOTATION_VALUE>{value}</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION>
</ANNOTATION></TIER>"""


def test_elan_tier_is_the_label_or_its_values_are(tmp_path: Path) -> None:
    rows = read(tmp_path / "x.eaf", eaf(tier("sex", "any text") + tier("activity", "violence") + tier("mood", "dark")))
    assert clips(rows) == [("tt1", "sex", 1.5, 2.75), ("tt1", "violence", 1.5, 2.75)]
    assert messages(rows) == ["warning: ignored, no label in time: tiers 'mood' of 1 annotation (1)"]


def test_elan_title_is_its_media_file_or_else_its_own_name(tmp_path: Path) -> None:
    assert clips(read(tmp_path / "tt2.eaf", eaf(tier("sex", ""), media="raw.mp4"))) == [("tt2", "sex", 1.5, 2.75)]


def test_elan_folder_is_one_label_source(tmp_path: Path) -> None:
    (tmp_path / "tt1.eaf").write_text(eaf(tier("sex", "")))
    (tmp_path / "tt2.eaf").write_text(eaf(tier("violence", ""), media="tt2.mp4"))
    titles = {title_id: Title(title_id) for title_id in IDS}
    found = scan_labels(None, tmp_path, LABELS, titles).labels
    assert (found["tt1"].first["sex"].end_s, found["tt2"].first["violence"].start_s) == (2.75, 1.5)
    assert found["tt1"].present == {"sex": True, "violence": None}  # silence is not 0


BOMB = '<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]>'
DEEP = "<a>" * 100_000 + "</a>" * 100_000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (eaf(tier("sex", "&c;"), head=BOMB), "error: has a DOCTYPE, which may declare entities; ELAN writes none"),
        (eaf(tier("sex", "&b;"), head=OUTSIDE), "error: has a DOCTYPE, which may declare entities; ELAN writes none"),
        (eaf(DEEP), "error: elements nested more than 50 deep; this is no ELAN file"),
        (eaf("<TIER>"), "error: not well-formed XML: mismatched tag: line "),
        ("<html/>", "error: file: <html> is no ELAN document; expected <ANNOTATION_DOCUMENT>"),
        (eaf("", times='TIME_UNITS="PAL-frames"'), "error: header: TIME_UNITS 'PAL-frames'; only milliseconds"),
        (eaf(tier("sex", "", "ts3")), "error: tier 'sex', annotation a1: a clip of 'sex' from 1.5 to nan s; times"),
        (
            eaf(tier("sex", "", "ts3").replace('ANNOTATION_ID="a1"', "")),
            "error: tier 'sex', annotation 1: a clip of 'sex'",
        ),
        (eaf(tier("sex", "", "ts9")), "error: tier 'sex', annotation a1: a clip of 'sex' from 1.5 to nan s; times"),
        ('<?xml version="1.0" encoding="klingon"?><a/>', "error: not "),
    ],
)
def test_elan_hostile_files(tmp_path: Path, content: str, message: str) -> None:
    rows = read(tmp_path / "x.eaf", content)
    assert rows.clips == []
    assert [text[: len(message)] for text in messages(rows)] == [message]


# --- any JSON at all


@pytest.mark.parametrize(
    "content",
    ["[" * 100_000, '[{"data":' * 50_000, "[" + "9" * 10_000 + "]", '[{"a": 1, "a": 2}]', "[nan", '"text"', "[1e999]"],
)
def test_json_that_is_not_what_it_seems(tmp_path: Path, content: str) -> None:
    rows = read(tmp_path / "x.json", content)
    assert rows.clips == []
    assert rows.problems
    assert all(problem.severity == "error" for problem in rows.problems)


values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=80, deadline=None)
@given(result=values, ranges=values, names=values, data=values, times=values, attribute=values)
def test_wrong_types_anywhere_are_problems_not_tracebacks(
    tmp_path_factory: pytest.TempPathFactory,
    result: object,
    ranges: object,
    names: object,
    data: object,
    times: object,
    attribute: object,
) -> None:
    path = tmp_path_factory.mktemp("any") / "x.json"
    timeline = {"type": "timelinelabels", "value": {"ranges": ranges, "timelinelabels": names}}
    tasks = [{"data": data, "annotations": result}, task(result, timeline, fps=data), result]
    for clip in read(path, tasks, rate=25.0).clips:
        assert clip.label in LABELS
    entries = {"a": {"vid": result, "z": times, "av": names}, "b": {"vid": "1", "z": times, "av": names}, "c": result}
    for project in (via(entries), via({"a": entries["b"]}, {"1": attribute}), via({"a": entries["b"]}, attribute)):
        for clip in read(path, project).clips:
            assert abs(clip.end_s) <= 1e7


WHOLE = {
    "x.eaf": eaf(tier("sex", "") + tier("activity", "violence")),
    "x.csv": VIA_CSV,
    "old.csv": VIA_CSV_OLD,
    "via.json": json.dumps(via({"m": {"vid": "1", "z": [1, 2], "av": {"1": "0"}}})),
    "ls.json": json.dumps([task(region(1, 25, "sex"), fps=25)]),
}


@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(sorted(WHOLE)), data=st.data())
def test_damaged_files_are_problems_not_tracebacks(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    whole = WHOLE[name].encode()
    start, length = data.draw(st.integers(0, len(whole))), data.draw(st.integers(0, 40))
    junk = data.draw(
        st.binary(max_size=8) | st.sampled_from([b"NaN", b"1e999", b"9" * 5000, b'"', b"<", b"&x;", b"[["])
    )
    path = tmp_path_factory.mktemp("damaged") / name
    path.write_bytes(whole[:start] + junk + whole[start + length :])
    for clip in read_label_file(path, LABELS, IDS).clips:
        assert clip.label in LABELS
        assert max(abs(clip.start_s), abs(clip.end_s)) <= 1e7


def test_a_media_file_with_loose_marks_in_its_name_is_the_title_of_the_composed_name() -> None:
    assert title_of_media("/films/Zoe\u0308.mkv", ["Zo\u00eb"]) == "Zo\u00eb"
