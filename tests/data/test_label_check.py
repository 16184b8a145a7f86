from pathlib import Path

import pytest

from data.label_check import LabelCount, check_labels, render_report
from data.settings import DataSettings

TITLES = """title_id,path,duration_s,split,series
a,a.mp4,3600,train,X
b,b.mp4,1800,val,Y
c,,,test,Z
d,,1800,train,Y
"""
VIDEO = """title_id,label,present
a,sex,1
a,violence,1
b,sex,0
b,violence,0
c,violence,1
"""
CLIPS = """title_id,label,start_s,end_s,kind
a,sex,10,30,first_occurrence
a,sex,10,30,all_occurrence
a,sex,50,60,all_occurrence
a,violence,0:00:10,0:00:40,first_occurrence
c,violence,5,25,first_occurrence
"""


def settings(
    folder: Path, titles: str = TITLES, video: str = VIDEO, clips: str = CLIPS, **more: object
) -> DataSettings:
    for name, content in (("titles.csv", titles), ("video.csv", video), ("clips.csv", clips)):
        (folder / name).write_text(content)
    (folder / "a.mp4").touch()
    values = {
        "titles": folder / "titles.csv",
        "video_labels": folder / "video.csv",
        "clip_labels": folder / "clips.csv",
    }
    return DataSettings.model_validate({**values, "labels": ("sex", "violence"), **more})


def messages(folder: Path, configured: DataSettings) -> list[str]:
    return [str(problem).removeprefix(f"{folder}/") for problem in check_labels(configured).problems]


def test_counts_and_means(tmp_path: Path) -> None:
    report = check_labels(settings(tmp_path))
    assert report.counts == (
        LabelCount("sex", 1, 1, 2, 1, 20.0, 2, 15.0),
        LabelCount("violence", 2, 1, 1, 2, 25.0, 1, 30.0),  # a's first is among its occurrences, c has firsts only
    )
    assert (report.titles, report.hours, report.without_duration) == (4, 2.0, 1)
    assert report.without_any == 1
    assert report.splits == {"train": 2, "val": 1, "test": 1}
    assert report.errors == 0


def test_the_report_stands_beside_the_paper(tmp_path: Path) -> None:
    lines = render_report(check_labels(settings(tmp_path)))
    assert lines[:4] == [
        f"{tmp_path}/titles.csv:3: warning: path 'b.mp4': no such file under {tmp_path}",
        f"{tmp_path}/clips.csv:5: warning: title 'a', violence: only the first occurrence is labelled where other "
        "labels have all of theirs; later ones will count as false",
        f"{tmp_path}/clips.csv: warning: label 'sex': 1 title with a clip, 1 in train; none in val: neither its "
        "thresholds nor the weights are chosen by it; none in test: nothing is measured of it; label more titles",
        f"{tmp_path}/clips.csv: warning: label 'violence': 2 titles with a clip, 1 in train, 1 in test; none in val: "
        "neither its thresholds nor the weights are chosen by it; label more titles",
    ]
    assert lines[4:] == [
        f"{tmp_path}/video.csv: warning: nothing is known to be without violence in test: false flags can hardly be "
        "counted, so precision is not known; write 0 where a label is absent, blank means unknown",
        "",
        "4 titles, 2.0 h (1 title of unknown length)",
        "",
        "times in clips.csv: 8 as seconds ('10' is 10 s), 2 as hh:mm:ss ('0:00:10' is 10 s)",
        "",
        "label     present  absent  unknown  firsts  mean s  all  mean s  paper  mean s",
        "sex             1       1        2       1    20.0    2    15.0  12241    23.2",
        "violence        2       1        1       2    25.0    1    30.0  20592    28.4",
        "",
        "without any of the labels: 1 title, 25.0% (paper 35.2%)",
        "splits: train 2, val 1, test 1",
        "",
        "titles with a clip:",
        "label     train  val  test",
        "sex           1    0     0",
        "violence      1    0     1",
        "",
        "0 errors, 5 warnings",
    ]


def test_every_problem_of_every_file_at_once_errors_first(tmp_path: Path) -> None:
    found = messages(
        tmp_path,
        settings(
            tmp_path,
            titles=TITLES + "e,../e.mp4,10,,X\n",
            video=VIDEO + "zz,sex,1\nb,sex,7\n",
            clips=CLIPS + "b,sex,4,4,first_occurrence\nb,violence,1,2,first_occurrence\n",
            group_column="series",
        ),
    )
    assert found == [
        f"titles.csv:6: error: path '../e.mp4': is not inside the media root {tmp_path}; "
        "move the file or set media_root",
        "video.csv:8: error: present '7'; write 1, 0, or nothing if unknown",
        "clips.csv:7: error: title 'b', sex: 4-4 s is no interval; the end must be after the start",
        "clips.csv:8: error: title 'b', violence: has a clip, 1-2 s, but video.csv:5 says present=0",
        "titles.csv:3: error: group 'Y' is in several splits (b in val, d in train); give all its titles one split",
        f"titles.csv:3: warning: path 'b.mp4': no such file under {tmp_path}",
        "video.csv:7: warning: title 'zz' is not in the titles (1 row)",
        "clips.csv:5: warning: title 'a', violence: only the first occurrence is labelled where other labels have all "
        "of theirs; later ones will count as false",
    ]


def test_labels_of_which_nothing_can_be_learnt(tmp_path: Path) -> None:
    video = "title_id,label,present\na,violence,1\nc,sex,0\n"
    clips = "title_id,label,start_s,end_s,kind\na,violence,1,2,first_occurrence\n"
    assert messages(tmp_path, settings(tmp_path, video=video, clips=clips))[1:] == [
        "video.csv: warning: label 'sex' is present in no title",
        "video.csv: warning: label 'violence' is known to be absent (0) from no title; blank means unknown, not 0",
        "clips.csv: warning: label 'violence': 1 title with a clip, 1 in train; none in val: neither its thresholds "
        "nor the weights are chosen by it; none in test: nothing is measured of it; label more titles",
    ]


def test_labels_that_a_split_lacks_and_what_to_do_about_it(tmp_path: Path) -> None:
    """Three titles hold the label and all train: enough for every split, if only they were drawn by it."""
    titles = "title_id,split\n" + "".join(f"{name},train\n" for name in "abc") + "d,\n"
    clips = "title_id,label,start_s,end_s,kind\n" + "".join(f"{name},sex,1,2,first_occurrence\n" for name in "abc")
    more = {"titles": titles, "video": "title_id,label,present\nd,sex,0\n", "clips": clips}
    needs = (
        "none in val: neither its thresholds nor the weights are chosen by it; none in test: nothing is measured of it"
    )
    start = f"clips.csv: warning: label 'sex': 3 titles with a clip, 3 in train; {needs}"
    drawn = [text for text in messages(tmp_path, settings(tmp_path, **more)) if "with a clip" in text]
    assert drawn == [f"{start}; set [data] split_file, then titles are drawn so that every split gets clips"]
    kept = settings(tmp_path, **more, split_file=tmp_path / "splits.csv")
    found = [text for text in messages(tmp_path, kept) if "with a clip" in text]
    assert found == [f"{start}; move titles in the split column or the split file"]
    without = settings(tmp_path, **more, train_fraction=1, val_fraction=0, test_fraction=0)
    assert not [text for text in messages(tmp_path, without) if "with a clip" in text]


def test_splits_that_are_empty_or_in_a_bad_file(tmp_path: Path) -> None:
    titles = "title_id,split\na,train\nc,train\n"
    found = messages(tmp_path, settings(tmp_path, titles=titles, test_fraction=0, val_fraction=0.2))
    assert "titles.csv: warning: split 'val' has no title; fill the split column, or use another split_seed" in found
    assert not any("'test' has no title" in message for message in found)
    (tmp_path / "splits.csv").write_text("title_id,split\na,dev\n")
    report = check_labels(settings(tmp_path, split_file=tmp_path / "splits.csv"))
    assert report.splits is None
    assert str(report.problems[0]).endswith("splits.csv:2: error: split 'dev'; allowed: train, val, test")


def test_a_wrong_group_column_hides_nothing_else(tmp_path: Path) -> None:
    found = messages(tmp_path, settings(tmp_path, video=VIDEO + "a,sex,7\n", group_column="serie"))
    assert found[:2] == [
        "video.csv:7: error: present '7'; write 1, 0, or nothing if unknown",
        "titles.csv: error: group_column 'serie' is no column of the titles; did you mean 'series'?",
    ]


def test_files_that_are_not_there(tmp_path: Path) -> None:
    configured = settings(tmp_path)
    for name in ("titles.csv", "video.csv", "clips.csv"):
        (tmp_path / name).unlink()
    report = check_labels(configured)
    assert [problem.path.name for problem in report.problems if problem.severity == "error"] == [
        "titles.csv",
        "video.csv",
        "clips.csv",
    ]
    assert "cannot be read: No such file or directory" in render_report(report)[0]


@pytest.mark.parametrize("labels", [("sex", "violence", "smoking"), ("violence", "sex")])
def test_labels_keep_their_configured_order(tmp_path: Path, labels: tuple[str, ...]) -> None:
    assert tuple(count.label for count in check_labels(settings(tmp_path, labels=labels)).counts) == labels


def test_a_wrong_media_root_does_not_bury_the_rest(tmp_path: Path) -> None:
    titles = "title_id,path\n" + "".join(f"t{number},{number}.mp4\n" for number in range(25))
    found = messages(
        tmp_path, settings(tmp_path, titles=titles, video="title_id,label,present\nt0,sex,0\n", clips=CLIPS)
    )
    assert sum("no such file under" in message for message in found) == 20
    assert "titles.csv: warning: 25 of 25 media files are not there; is media_root right?" in found


def split_of(tmp_path: Path, without: int, occurrences: bool = False) -> list[str]:
    """Return what is said of a label's absence in test, where 20 titles hold sex, others do not."""
    names = [f"t{number}" for number in range(20 + without)]
    titles = ["title_id,path,duration_s,split", "a,,100,train", "b,,100,val"]
    kind = "all_occurrence" if occurrences else "first_occurrence"
    clips = [f"{name},sex,5,9,{kind}" for name in ["a", "b", *names[:20]]]
    configured = settings(
        tmp_path,
        titles="\n".join([*titles, *(f"{name},,100,test" for name in names)]) + "\n",
        video="\n".join(["title_id,label,present", "a,sex,1", "b,sex,1", *(f"{n},sex,0" for n in names[20:])]) + "\n",
        clips="\n".join(["title_id,label,start_s,end_s,kind", *clips]) + "\n",
        labels=("sex",),
    )
    return [line.split("warning: ")[1] for line in messages(tmp_path, configured) if " in test: false flags" in line]


def test_blanks_for_zeros_leave_false_flags_uncounted(tmp_path: Path) -> None:
    said = "in test: false flags can hardly be counted, so precision is not known; write 0 where a label is absent"
    assert split_of(tmp_path, 0) == [f"nothing is known to be without sex {said}, blank means unknown"]
    assert split_of(tmp_path, 1) == [f"hardly anything is known to be without sex {said}, blank means unknown"]
    assert split_of(tmp_path, 2) == []  # one for ten with it
    assert split_of(tmp_path, 0, occurrences=True) == []  # the rest of each title is known


def overlapping(tmp_path: Path, count: int) -> DataSettings:
    """Return labels with so many overlaps, of titles with names, and one repeat."""
    titles = ["title_id,name,duration_s,split", *(f"t{n},Zoë {n},100,train" for n in range(count))]
    clips = [f"t{n},sex,{start},{start + 20},all_occurrence" for n in range(count) for start in (10, 25)]
    header = "title_id,label,start_s,end_s,kind"
    rows = "\n".join([header, *clips, "t0,sex,10,30,all_occurrence"]) + "\n"
    return settings(tmp_path, titles="\n".join(titles) + "\n", video="title_id,label,present\n", clips=rows)


def test_of_each_kind_of_warning_twenty_are_listed_and_the_rest_counted(tmp_path: Path) -> None:
    report = check_labels(overlapping(tmp_path, 25))
    lines = render_report(report)
    overlaps = [line for line in lines if "overlaps" in line]
    assert len(overlaps) == 20
    assert "title Zoë 0 (t0), sex: 25-45 s overlaps 10-30 s of clips.csv:" in overlaps[0]
    assert f"{tmp_path}/clips.csv: ... and 5 more warnings like these; --all lists them" in lines
    assert sum("repeats" in line for line in lines) == 1
    everything = render_report(report, everything=True)
    assert sum("overlaps" in line for line in everything) == 25
    assert not any("--all" in line for line in everything)
    assert lines[-1] == everything[-1]  # all are counted


def test_twenty_of_a_kind_are_not_folded(tmp_path: Path) -> None:
    lines = render_report(check_labels(overlapping(tmp_path, 20)))
    assert sum("overlaps" in line for line in lines) == 20
    assert not any("--all" in line for line in lines)
