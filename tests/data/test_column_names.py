"""A column whose header is unknown or mistyped is named, with what is read and what was meant: never passed over."""

from pathlib import Path

import pytest

from data.column_names import likely
from data.label_files import read_label_file
from data.manifest import scan_titles

WIDE = "Read are title_id, fps, and of each label (violence, smoking) LABEL, LABEL_start and LABEL_end"
LONG = "Read are title_id, label, present, start_s, end_s, kind and fps"


def messages(folder: Path, content: str) -> list[str]:
    path = folder / "labels.csv"
    path.write_bytes(b"\xef\xbb\xbf" + content.replace("\n", "\r\n").encode())
    problems = read_label_file(path, ("violence", "smoking"), ("tt1",)).problems
    return [f"{problem.line}: {problem.severity}: {problem.message}" for problem in problems]


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (
            "title_id;vilence;violence_start;violence_end;smoking",
            [f"1: error: column 'vilence' is not known; did you mean 'violence'? {WIDE}"],
        ),
        (
            "title_id;violence;Violence Start;violence_end;smoking",
            [f"1: error: column 'Violence Start' is not known; did you mean 'violence_start'? {WIDE}"],
        ),
        (
            "title_id;violence;violence_from (s);violence_until;smoking",
            [
                f"1: error: column 'violence_from (s)' is not known; did you mean 'violence_start'? {WIDE}",
                f"1: error: column 'violence_until' is not known; did you mean 'violence_end'? {WIDE}",
            ],
        ),
        (
            "title_id;vilence;vilence_start;vilence_end;smoking",
            ["1: error: unknown label 'vilence'; did you mean 'violence'?"],
        ),
        (
            "title_id;violence;first occurence;end;smoking",
            [
                "1: error: column 'first occurence' is not known and holds times ('00:00:44'), while label 'violence' "
                f"has none; call the columns of its times 'violence_start' and 'violence_end'. {WIDE}",
                "1: error: column 'end' is not known and holds times ('00:00:49'), while label 'violence' has none; "
                f"call the columns of its times 'violence_start' and 'violence_end'. {WIDE}",
            ],
        ),
    ],
)
def test_a_mistyped_column_of_a_spreadsheet_is_an_error_that_names_what_was_meant(
    tmp_path: Path, header: str, found: list[str]
) -> None:
    assert messages(tmp_path, f"{header}\ntt1;1;00:00:44;00:00:49;0\n") == found


def test_what_else_is_not_read_is_named_in_one_warning_but_columns_for_people(tmp_path: Path) -> None:
    header = "title_id;violence;violence_start;violence_end;smoking;shift;Comment;by whom;duration"
    assert messages(tmp_path, f"{header}\ntt1;1;00:00:44;00:00:49;0;2;odd;Zoë;01:30:00\n") == [
        f"1: warning: columns are not known, and not read: 'shift', 'by whom', 'duration'. {WIDE}"
    ]
    assert messages(tmp_path, "title_id;violence;smoking;runtime\ntt1;1;0;01:30:00\n") == [
        f"1: warning: column is not known, and not read: 'runtime'. {WIDE}"
    ]


def test_a_long_table_names_its_columns_likewise(tmp_path: Path) -> None:
    assert messages(tmp_path, "title_id,label,start_s,end_s,kind,presnt,who\n") == [
        f"1: error: column 'presnt' is not known; did you mean 'present'? {LONG}",
        f"1: warning: column is not known, and not read: 'who'. {LONG}",
    ]
    (found,) = messages(tmp_path, "title_id,lable,start_s,end_s,kind\ntt1,violence,1,2,all_occurrence\n")
    assert found.endswith("found title_id, lable, start_s, end_s, kind; did you mean 'label' by 'lable'?")


def test_a_column_that_is_there_is_never_proposed() -> None:
    assert likely("violence 2", ["smoking"]) is None
    assert likely("start violence", ["violence_start", "violence_end"]) == "violence_start"
    assert likely("parent", ["present"]) is None


def test_a_mistyped_column_of_the_titles_is_said_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "titles.csv"
    path.write_text("title_id,path,duration,spilt,series\na,a.mp4,00:10:00,train,X\n")
    manifest = scan_titles(path)
    assert [(problem.severity, problem.message) for problem in manifest.problems] == [
        ("warning", f"column {name!r} is not read; did you mean {meant!r}? Read are title_id, path, duration_s, split")
        for name, meant in (("duration", "duration_s"), ("spilt", "split"))
    ]
    assert manifest.titles["a"].extra == {"duration": "00:10:00", "spilt": "train", "series": "X"}
