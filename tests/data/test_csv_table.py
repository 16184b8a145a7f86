from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.csv_table import CsvTable, missing_columns, nearest, read_csv
from data.errors import Problem


def read(tmp_path: Path, content: bytes | str) -> tuple[CsvTable, list[str]]:
    path = tmp_path / "t.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    problems: list[Problem] = []
    table = read_csv(path, problems)
    return table, [f"{problem.line}: {problem.message}" for problem in problems]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_dialects_read_alike(tmp_path: Path, separator: str, newline: str, bom: bytes) -> None:
    lines = [["title_id", "note"], ["007", "NA"], [], ["é-1", "x"]]
    table, problems = read(tmp_path, bom + newline.join(separator.join(cells) for cells in lines).encode())
    assert problems == []
    assert table.columns == ("title_id", "note")
    assert [(row.line, row.cells) for row in table.rows] == [
        (2, {"title_id": "007", "note": "NA"}),
        (4, {"title_id": "é-1", "note": "x"}),
    ]


def test_lines_are_physical_also_after_quoted_newlines_and_blank_lines(tmp_path: Path) -> None:
    table, problems = read(tmp_path, 'a,b\r\n\r\n1,"two\r\nlines"\r\n\r\n\r\n2,"say ""hi"", you"\r\n,,\r\n3,x\r\n')
    assert problems == []
    assert [row.line for row in table.rows] == [3, 7, 9]
    assert table.rows[0].cells["b"] == "two\r\nlines"
    assert table.rows[1].cells["b"] == 'say "hi", you'


def test_rows_too_short_or_too_long_are_reported_and_the_others_kept(tmp_path: Path) -> None:
    table, problems = read(tmp_path, "a,b\n1\n2,x,,\n3,x,y\n4,z\n")
    assert problems == ["2: 1 cells where the header has 2 columns", "4: 3 cells where the header has 2 columns"]
    assert [row.cells["a"] for row in table.rows] == ["2", "4"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "1: empty; the first line must name the columns"),
        (b"\n \n", "1: empty; the first line must name the columns"),
        (b"a,b,a\n1,2,3\n", "1: column name 'a' occurs twice"),
        (b"a,,b\n1,2,3\n", "1: a column has no name"),
        (b"a,b\n1,2\n3,\x81\n", "3: not UTF-8 (byte 0x81); save the file as CSV UTF-8"),
        (
            b"a,b\n1,2\n3,caf\xe9\n",
            "3: not UTF-8; read as Windows-1252, for example 'café': if that is wrong, save the file as CSV UTF-8",
        ),
        (b"\xff\xfea\x00,\x00b", "1: not UTF-8 (byte 0x62); save the file as CSV UTF-8"),
        (
            b"PK\x03\x04\x14\x00",
            "None: a workbook (.xlsx or .ods), not text; save its sheet as CSV UTF-8, and name that file",
        ),
        (b"a,b\n1,\x00\n", "2: holds a NUL character; this is no text file, save it as CSV UTF-8"),
        (b'a,b\n1,2\n3,"open\n4,5\n', "3: not readable as CSV from here on (unexpected end of data); check the quotes"),
        (b'a,b\n1,"x"y\n', "2: not readable as CSV from here on (',' expected after '\"'); check the quotes"),
    ],
)
def test_a_problem_names_its_line(tmp_path: Path, content: bytes, problem: str) -> None:
    assert read(tmp_path, content)[1] == [problem]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    problems: list[Problem] = []
    assert read_csv(tmp_path / "none.csv", problems).rows == ()
    assert [problem.message for problem in problems] == ["cannot be read: No such file or directory"]


def test_trailing_columns_without_name_are_dropped_only_if_blank(tmp_path: Path) -> None:
    table, problems = read(tmp_path, "a,b,,\n1,2,,\n3,4,,lost\n")
    assert table.columns == ("a", "b")
    assert problems == ["3: 4 cells where the header has 2 columns"]


def test_missing_columns_name_the_nearest(tmp_path: Path) -> None:
    table, _ = read(tmp_path, "Title-ID,sex\n1,2\n")
    problems: list[Problem] = []
    assert missing_columns(table, ["title_id", "sex"], problems)
    assert [problem.message for problem in problems] == ["no column 'title_id'; did you mean 'Title-ID'?"]


def test_nearest_ignores_case_and_dashes() -> None:
    assert nearest("Drug_Use", ("sex", "drug-use")) == "; did you mean 'drug-use'?"
    assert nearest("cooking", ("sex", "drug-use")) == "; allowed: sex, drug-use"


@given(content=st.binary(max_size=200) | st.text('a,;\t"\n\r', max_size=80).map(str.encode))
def test_any_bytes_give_rows_or_problems(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("csv")
    table, problems = read(folder, content)
    assert table.columns or problems
    assert all(set(row.cells) == set(table.columns) for row in table.rows)


def test_title_ids_are_composed_and_other_cells_are_left_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "titles.csv"
    path.write_text("title_id,path\nZoe\u0308,Zoe\u0308.mkv\n", encoding="utf-8")
    [row] = read_csv(path, []).rows
    assert row.cells == {"title_id": "Zo\u00eb", "path": "Zoe\u0308.mkv"}
