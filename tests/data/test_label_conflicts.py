from pathlib import Path

import pytest

from data.known_films import FilmEnd, KnownFilms
from data.label_manifest import LabelRules, scan_labels
from data.labels import Clip
from data.titles import Title

LABELS = ("sex", "violence")
TITLES = {"tt1": Title("tt1", duration_s=100.0), "tt2": Title("tt2")}
VIDEO = "title_id,label,present\n"
CLIPS = "title_id,label,start_s,end_s,kind\n"


def problems(folder: Path, video: str | None, clips: str | None) -> list[str]:
    paths: list[Path | None] = []
    for name, content in (("video.csv", video), ("clips.csv", clips)):
        paths.append(None if content is None else folder / name)
        if content is not None:
            (folder / name).write_text(content)
    found = scan_labels(paths[0], paths[1], LABELS, TITLES).problems
    return [f"{problem.path.name}:{problem.line}: {problem.severity}: {problem.message}" for problem in found]


def one_clip_row(folder: Path, rows: str) -> list[str]:
    return problems(folder, None, CLIPS + rows)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("10,10", "error: title 'tt1', sex: 10-10 s is no interval; the end must be after the start"),
        ("20,10", "error: title 'tt1', sex: 20-10 s is no interval; the end must be after the start"),
        ("102,110", "error: title 'tt1', sex: 102-110 s begins beyond the title's duration of 100 s"),
        (
            "101,110",
            "warning: title 'tt1', sex: 101-110 s begins at or just beyond the title's end (100 s), and is left out",
        ),
        (
            "90,103",
            "warning: title 'tt1', sex: 90-103 s ends beyond the title's duration of 100 s; it is cut off there",
        ),
        (
            "90,101.5",
            "warning: 1 clip cut off at the title's end, up to 1.5 s beyond it (first: title 'tt1', sex, 90-101.5 s)",
        ),
        (
            "10,10.05",
            "warning: 1 clip of less than 0.1 s; are the times in another unit? (first: title 'tt1', sex, 10-10.05 s)",
        ),
    ],
)
def test_clips_outside_their_title(tmp_path: Path, row: str, expected: str) -> None:
    assert one_clip_row(tmp_path, f"tt1,sex,{row},first_occurrence\n") == [f"clips.csv:2: {expected}"]


@pytest.mark.parametrize("row", ["tt1,sex,90,100", "tt1,sex,99.9,100", "tt2,sex,1000,2000", "tt1,sex,2,2.1"])
def test_clips_that_are_fine(tmp_path: Path, row: str) -> None:
    assert one_clip_row(tmp_path, f"{row},first_occurrence\n") == []


def test_clips_that_reach_a_little_beyond_their_title_are_cut_off_and_counted_and_strict_refuses_them(
    tmp_path: Path,
) -> None:
    path = tmp_path / "clips.csv"
    path.write_text(CLIPS + "".join(f"tt1,sex,{n},100.{n},all_occurrence\n" for n in range(10, 20)))
    found = scan_labels(None, path, LABELS, TITLES)
    assert [problem.message for problem in found.problems if "overlaps" not in problem.message] == [
        "10 clips cut off at the title's end, up to 0.19 s beyond it (first: title 'tt1', sex, 10-100.1 s)"
    ]
    assert {clip.end_s for clip in found.labels["tt1"].occurrences or ()} == {100.0}
    strict = scan_labels(None, path, LABELS, TITLES, rules=LabelRules(strict=True)).problems
    assert [problem.severity for problem in strict] == ["error"] * 10
    assert "ends beyond the title's duration of 100 s, which strict refuses" in strict[0].message


def test_skipping_leaves_out_what_makes_no_sense_and_says_how_much(tmp_path: Path) -> None:
    clips, video = tmp_path / "clips.csv", tmp_path / "video.csv"
    clips.write_text(
        CLIPS + "tt1,sex,10,20,all_occurrence\ntt1,sex,9,3,all_occurrence\ntt1,sex,x,3,all_occurrence\n"
        "tt1,sx,1,2,all_occurrence\ntt1,sex,5,6,often\ntt1,sex\ntt2,violence,1,2,first_occurrence\n"
        "tt2,violence,3,4,first_occurrence\ntt1,violence,500,600,all_occurrence\n"
    )
    video.write_text(VIDEO + "tt2,violence,0\ntt1,violence,1\ntt1,violence,0\ntt2,sex,perhaps\n")
    refused = scan_labels(video, clips, LABELS, TITLES)
    assert sum(problem.severity == "error" for problem in refused.problems) == 10
    found = scan_labels(video, clips, LABELS, TITLES, rules=LabelRules(skip_bad=True))
    assert {problem.severity for problem in found.problems} == {"warning"}
    assert '10 problems left out (on_bad_label = "skip")' in [problem.message for problem in found.problems]
    assert found.labels["tt1"].occurrences == (Clip("sex", 10.0, 20.0),)
    assert found.labels["tt1"].present == {"sex": True, "violence": None}  # both said, so neither is believed
    assert found.labels["tt2"].present == {"sex": None, "violence": None}
    assert found.labels["tt2"].first == {}


def test_where_nothing_is_left_skipping_is_no_help(tmp_path: Path) -> None:
    path = tmp_path / "clips.csv"
    path.write_text(CLIPS + "tt1,sx,10,20,all_occurrence\n")
    problems = scan_labels(None, path, LABELS, TITLES, rules=LabelRules(skip_bad=True)).problems
    assert [problem.severity for problem in problems] == ["error"]


def test_presence_against_clips(tmp_path: Path) -> None:
    video = VIDEO + "tt1,sex,0\ntt1,violence,1\ntt2,sex,\ntt2,violence,0\n"
    clips = CLIPS + "tt1,sex,1,2,first_occurrence\ntt2,sex,1,2,all_occurrence\n"
    assert problems(tmp_path, video, clips) == [
        "video.csv:3: warning: title 'tt1', violence: present=1 without a clip; it teaches the title score only",
        "clips.csv:2: error: title 'tt1', sex: has a clip, 1-2 s, but video.csv:2 says present=0",
    ]


def test_statements_that_repeat_or_contradict_one_another(tmp_path: Path) -> None:
    video = VIDEO + "tt1,sex,0\ntt1,sex,0\ntt1,sex,1\ntt1,sex,\n"
    assert problems(tmp_path, video, None) == [
        "video.csv:3: warning: title 'tt1', sex: repeats what video.csv:2 says",
        "video.csv:4: error: title 'tt1', sex: contradicts video.csv:2: present=1 here, present=0 there",
        "video.csv:5: error: title 'tt1', sex: contradicts video.csv:2: unknown here, present=0 there",
    ]


def test_two_first_occurrences(tmp_path: Path) -> None:
    rows = "tt1,sex,1,2,first_occurrence\ntt1,sex,1,2,first_occurrence\ntt1,sex,5,6,first_occurrence\n"
    assert one_clip_row(tmp_path, rows) == [
        "clips.csv:3: warning: title 'tt1', sex: repeats clips.csv:2",
        "clips.csv:4: error: title 'tt1', sex: a second first occurrence, 5-6 s; clips.csv:2 has 1-2 s",
    ]


def test_repeats_and_overlaps_of_all_occurrences(tmp_path: Path) -> None:
    rows = (
        "tt1,sex,50,60,all_occurrence\n"  # line 2
        "tt1,sex,10,40,all_occurrence\n"
        "tt1,sex,20,25,all_occurrence\n"
        "tt1,sex,30,45,all_occurrence\n"
        "tt1,sex,50,60,all_occurrence\n"
        "tt1,sex,45,50,all_occurrence\n"  # touches both neighbours: half-open, so no overlap
        "tt1,violence,10,40,all_occurrence\n"  # another label may overlap
    )
    assert one_clip_row(tmp_path, rows) == [
        "clips.csv:4: warning: title 'tt1', sex: 20-25 s overlaps 10-40 s of clips.csv:3",
        "clips.csv:5: warning: title 'tt1', sex: 30-45 s overlaps 10-40 s of clips.csv:3",
        "clips.csv:6: warning: title 'tt1', sex: repeats clips.csv:2",
    ]


@pytest.mark.parametrize(
    ("was_read", "rows", "told"),
    [
        (
            True,
            "tt1,sex,60,70,all_occurrence\n",
            "60-70 s lies beyond the end: the film was read to 60 s (00:01:00); such a clip is left out",
        ),
        (
            True,
            "tt1,sex,50,62,all_occurrence\n",
            "50-62 s ends beyond the end: the film was read to 60 s (00:01:00); it is cut off there",
        ),
        (True, "tt1,sex,50,61,all_occurrence\n", ""),  # rounded up
        (
            False,
            "tt1,sex,62,70,all_occurrence\n",
            "62-70 s lies beyond the end: the film's header says that it ends at 60 s "
            "(00:01:00); such a clip is left out",
        ),
        (False, "tt1,sex,61,62,all_occurrence\n", ""),  # headers are rough
    ],
)
def test_a_clip_beyond_its_film_is_told_though_no_title_states_a_duration(tmp_path, was_read, rows, told) -> None:
    path = tmp_path / "clips.csv"
    path.write_text(CLIPS + rows)
    known = KnownFilms({"tt1": FilmEnd(60.0, was_read)})
    found = scan_labels(None, path, ("sex", "violence"), {"tt1": Title("tt1")}, known=known)
    messages = [f"{problem.line} {problem.severity} {problem.message}" for problem in found.problems]
    assert messages == ([f"2 warning title 'tt1', sex: {told}"] if told else [])
    assert len(found.labels["tt1"].occurrences) == 1  # what was read decides, when it was


def test_the_first_of_all_must_be_the_first(tmp_path: Path) -> None:
    rows = (
        "tt1,sex,10,20,first_occurrence\ntt1,sex,50,60,all_occurrence\ntt1,sex,10.0001,20,all_occurrence\n"
        "tt2,sex,30,40,first_occurrence\ntt2,sex,5,9,all_occurrence\ntt2,sex,30,40,all_occurrence\n"
        "tt2,violence,1,2,first_occurrence\n"
    )
    assert one_clip_row(tmp_path, rows) == [
        "clips.csv:5: warning: title 'tt2', sex: the first occurrence is 30-40 s, "
        "the earliest of all occurrences 5-9 s (clips.csv:6); the former is used",
        "clips.csv:8: warning: title 'tt2', violence: only the first occurrence is labelled where other labels have "
        "all of theirs; later ones will count as false",
    ]


def test_orphans(tmp_path: Path) -> None:
    video = VIDEO + "tt1,sex,0\nTT-2,sex,0\nTT-2,violence,0\n"
    clips = CLIPS + "zebra,sex,1,2,first_occurrence\n"
    assert problems(tmp_path, video, clips) == [
        "video.csv:3: warning: title 'TT-2' is not in the titles (2 rows); did you mean 'tt2'?",
        "clips.csv:2: warning: title 'zebra' is not in the titles (1 row)",
    ]


def test_titles_that_left_the_catalogue_are_one_line_and_the_next_number_is_not_proposed(tmp_path: Path) -> None:
    gone = "".join(f"t{n},sex,0\nt{n},violence,0\n" for n in range(3, 28))
    assert problems(tmp_path, VIDEO + "tt1,sex,0\n" + gone, None) == [
        "video.csv:3: warning: 25 titles are not in the titles, and their labels (50 rows) are left out: 't3', 't4', "
        "'t5' and 22 more"
    ]


def test_a_title_is_not_proposed_where_something_else_speaks_of_it(tmp_path: Path) -> None:
    assert problems(tmp_path, VIDEO + "tt2,sex,0\nt2,sex,0\n", None) == [
        "video.csv:3: warning: title 't2' is not in the titles (1 row)"
    ]


def test_labels_of_another_catalogue_are_an_error(tmp_path: Path) -> None:
    assert problems(tmp_path, VIDEO + "zebra,sex,0\n", None) == [
        "video.csv:None: error: not one label belongs to a known title; check the ids",
        "video.csv:2: warning: title 'zebra' is not in the titles (1 row)",
    ]
