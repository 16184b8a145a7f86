"""What spreadsheet programs make of label tables: read as it was meant, or said; never guessed in silence."""

from pathlib import Path

import pytest

from data.errors import Problem
from data.label_files import read_label_file
from data.label_reading import AS_WRITTEN, LabelReading
from data.label_rows import LabelRows
from data.manifest import scan_titles
from data.text_file import read_text
from data.times import TimeForm, parse_time

HEADER = "title_id,label,start_s,end_s,kind\n"


def read(folder: Path, content: str | bytes, reading: LabelReading = AS_WRITTEN, name: str = "labels.csv") -> LabelRows:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_label_file(path, ("sex", "violence"), ("tt1",), reading=reading)


def times(rows: LabelRows) -> list[tuple[float, float]]:
    return [(clip.start_s, clip.end_s) for clip in rows.clips]


def messages(rows: LabelRows) -> list[str]:
    return [f"{problem.severity}: {problem.message}" for problem in rows.problems]


def test_decimal_commas_are_read_where_semicolons_or_tabs_separate(tmp_path: Path) -> None:
    for separator in ";\t":
        text = HEADER + "tt1,sex,83#5,90#25,all_occurrence\ntt1,sex,0:02:00#5,0:02:10,all_occurrence\n"
        rows = read(tmp_path, text.replace(",", separator).replace("#", ","))
        assert times(rows) == [(83.5, 90.25), (120.5, 130.0)]
        assert rows.problems == []
    assert "'83,5' is no time" in messages(read(tmp_path, HEADER + 'tt1,sex,"83,5",90,all_occurrence\n'))[0]


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=;"])
def test_the_line_that_names_the_separator_is_read_and_lines_keep_their_numbers(tmp_path: Path, line: str) -> None:
    rows = read(
        tmp_path, f"{line}\r\n{HEADER.replace(',', ';')}tt1;sex;83,5;90;all_occurrence\r\ntt1;sex;x;9;all_occurrence"
    )
    assert times(rows) == [(83.5, 90.0)]
    assert [(problem.line, problem.severity) for problem in rows.problems] == [(4, "error")]


def test_a_named_separator_may_be_any_sign(tmp_path: Path) -> None:
    assert times(read(tmp_path, "sep=|\n" + (HEADER + "tt1,sex,1,2,all_occurrence\n").replace(",", "|"))) == [
        (1.0, 2.0)
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_that_excel_saves_are_read_alike(tmp_path: Path, encoding: str) -> None:
    text = HEADER.replace("kind", "kind,note") + "tt1,sex,83.5,90,all_occurrence,café\n"
    rows = read(tmp_path, text.encode(encoding))
    assert times(rows) == [(83.5, 90.0)]
    if encoding == "cp1252":
        shown = "'café'"
        assert messages(rows) == [
            f"warning: not UTF-8; read as Windows-1252, for example {shown}: if that is wrong, save the file as CSV "
            "UTF-8"
        ]
    else:
        assert rows.problems == []


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_either_order_of_utf_16_is_read(tmp_path: Path, encoding: str) -> None:
    bom = b"\xff\xfe" if encoding.endswith("le") else b"\xfe\xff"
    assert times(read(tmp_path, bom + (HEADER + "tt1,sex,1,2,all_occurrence\n").encode(encoding))) == [(1.0, 2.0)]


@pytest.mark.parametrize("name", ["labels.xlsx", "labels.csv", "labels.json", "labels"])
@pytest.mark.parametrize(
    ("magic", "kind"), [(b"PK\x03\x04", ".xlsx or .ods"), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ".xls")]
)
def test_a_workbook_is_called_one_whatever_its_name(tmp_path: Path, name: str, magic: bytes, kind: str) -> None:
    rows = read(tmp_path, magic + bytes(range(256)), name=name)
    assert messages(rows) == [f"error: a workbook ({kind}), not text; save its sheet as CSV UTF-8, and name that file"]
    manifest = scan_titles(tmp_path / name)
    assert "a workbook" in manifest.problems[0].message


def test_fractions_of_a_day_are_refused_and_read_so_when_told(tmp_path: Path) -> None:
    text = HEADER + "tt1,sex,0.000231481,0.000462963,all_occurrence\ntt1,sex,0.0625,0.063,all_occurrence\n"
    rows = read(tmp_path, text)
    assert messages(rows) == [
        "error: all plain numbers among the times (4) are below 1 s; are they fractions of a day, as a spreadsheet "
        'saves times (0.063 would be 01:30:43)? [data] time_unit = "days" (labels import --time-unit days) reads them '
        'so; "seconds" takes them as they are'
    ]
    told = read(tmp_path, text, LabelReading(times=TimeForm(unit="days")))
    assert times(told)[0] == pytest.approx((20.0, 40.0), abs=1e-3)  # 20 and 40 s, to the digits that Excel shows
    assert times(told)[1] == pytest.approx((5400.0, 5443.2))
    assert told.problems == []


def test_days_leave_clock_times_alone_and_refuse_what_is_no_fraction(tmp_path: Path) -> None:
    days = LabelReading(times=TimeForm(unit="days"))
    text = HEADER + "tt1,sex,00:00:20,2.31481E-03,all_occurrence\ntt1,sex,83.5,90,all_occurrence\n"
    rows = read(tmp_path, text, days)
    assert times(rows) == [(20.0, pytest.approx(200.0, abs=1e-3))]
    assert "'83.5' is more than 2 days" in messages(rows)[0]


def test_times_that_can_be_nothing_else_are_read_and_counted_by_how_they_are_written(tmp_path: Path) -> None:
    text = (
        "title_id;label;start_s;end_s;kind;fps\n"
        "tt1;sex;00:20;83,5;all_occurrence;\ntt1;sex;01:23:45;3h;all_occurrence;\ntt1;violence;50f;01:00:00:12;"
        "all_occurrence;25\n"
    )
    rows = read(tmp_path, text)
    assert rows.readings == [
        "times in labels.csv: 1 as mm:ss ('00:20' is 20 s), 1 as seconds ('83,5' is 83.5 s, 00:01:23), 1 as hh:mm:ss "
        "('01:23:45' is 5025 s, 01:23:45), 1 as frame numbers ('50f' is 2 s), 1 as hh:mm:ss:frames ('01:00:00:12' is "
        "3600.48 s, 01:00:00)"
    ]


def test_seconds_that_are_said_to_be_seconds_are_taken_and_longer_samples_are_an_error_too(tmp_path: Path) -> None:
    text = HEADER + "tt1,sex,0.1,0.9,all_occurrence\n"
    assert read(tmp_path, text, LabelReading(times=TimeForm("seconds"))).problems == []
    assert messages(read(tmp_path, text))[0].startswith("error: all plain numbers")
    assert messages(read(tmp_path, text, LabelReading(sample_s=0.64)))[0].startswith("warning: all plain numbers")
    mixed = HEADER + "tt1,sex,00:00:10,00:00:20,all_occurrence\ntt1,violence,0.000231481,0.000462963,all_occurrence\n"
    assert messages(read(tmp_path, mixed))[0].startswith("error: all plain numbers among the times (2)")


def test_one_second_or_more_among_them_is_no_fraction(tmp_path: Path) -> None:
    assert read(tmp_path, HEADER + "tt1,sex,0.5,1.5,all_occurrence\n").problems == []


def test_times_of_two_parts_are_read_as_minutes_and_seconds_and_that_is_said(tmp_path: Path) -> None:
    text = HEADER + "tt1,sex,00:20,00:40,all_occurrence\n"
    rows = read(tmp_path, text)
    assert times(rows) == [(20.0, 40.0)]
    assert messages(rows) == [
        "warning: 2 times like '00:20' read as minutes:seconds; [data] two_part_times = \"hh:mm\" reads them the "
        "other way"
    ]
    told = read(tmp_path, text, LabelReading(times=TimeForm(two_parts="hh:mm")))
    assert times(told) == [(1200.0, 2400.0)]
    assert "read as hours:minutes" in messages(told)[0]


@pytest.mark.parametrize("start", ["00:20.5", "45:00"])
def test_minutes_that_can_be_no_hours_need_no_word(tmp_path: Path, start: str) -> None:
    rows = read(tmp_path, HEADER + f"tt1,sex,{start},50:00,all_occurrence\ntt1,sex,0:01,0:02,all_occurrence\n")
    assert rows.problems == []


def test_durations_of_titles_are_looked_at_in_the_same_way(tmp_path: Path) -> None:
    path = tmp_path / "titles.csv"
    path.write_text("title_id,duration_s\na,0.0625\nb,0.0583333\n")
    (problem,) = scan_titles(path).problems
    assert "fractions of a day" in problem.message
    assert "(0.0625 would be 01:30:00)" in problem.message
    path.write_text("title_id,duration_s\na,1:30\n")
    assert "read as minutes:seconds" in scan_titles(path).problems[0].message


@pytest.mark.parametrize("word", ["yes", "Yes", "Y", "TRUE", "WAHR", "1", "1,0"])
def test_yes_and_no_are_presence(tmp_path: Path, word: str) -> None:
    rows = read(tmp_path, f"title_id;label;present\ntt1;sex;{word}\ntt1;violence;No\n")
    assert [(row.label, row.present) for row in rows.presence] == [("sex", True), ("violence", False)]


@pytest.mark.parametrize(
    ("text", "rate", "seconds"),
    [
        ("01:23:45:12", 25.0, 5025.48),
        ("00:00:01:00", 24000 / 1001, 1.001),  # a timecode counts 24 pictures a second, and is slow
        ("01:00:00:00", 30000 / 1001, 3603.6),
        ("01:00:00;00", 30000 / 1001, 3599.9964),  # drop-frame: 3.6 ms from the clock in an hour
        ("00:01:00;02", 30000 / 1001, 1800 * 1001 / 30000),  # the first number after 00:00:59;29
        ("00:10:00;00", 30000 / 1001, 17982 * 1001 / 30000),
        ("00:01:00;04", 60000 / 1001, 3600 * 1001 / 60000),
        ("01;00;00;00", 30000 / 1001, 3599.9964),
    ],
)
def test_timecodes(text: str, rate: float, seconds: float) -> None:
    assert parse_time(text, rate) == pytest.approx(seconds, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "rate", "message"),
    [
        ("01:23:45:12", None, "ends in a frame number, and no rate is known; set frame_rate_fps, or a column fps"),
        ("01:23:45:25", 25.0, "25 or more in its frames"),
        ("01:75:45:12", 25.0, "60 or more in its minutes"),
        ("01:23:45;12", 25.0, "drop-frame .;., which is for 29.97 and 59.94"),
        ("00:01:00;01", 30000 / 1001, "a number that drop-frame leaves out; write 2 or more frames"),
    ],
)
def test_timecodes_that_mean_nothing(text: str, rate: float | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_time(text, rate)


def test_a_row_s_own_rate_reads_its_timecode(tmp_path: Path) -> None:
    text = "title_id,label,start_s,end_s,kind,fps\ntt1,sex,00:00:10:12,00:00:11:00,all_occurrence,24\n"
    assert times(read(tmp_path, text)) == [(10.5, 11.0)]


def test_text_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    for content in (b"\x81\x8d", b"\xe9\x00\x01\x02", b"\xff\xfe\x00"):
        problems: list[Problem] = []
        path.write_bytes(content)
        assert read_text(path, problems) is None
        assert problems[0].severity == "error"


def test_a_fraction_with_an_exponent_is_an_error_that_names_the_remedy_and_is_recognised(tmp_path: Path) -> None:
    rows = read(tmp_path, HEADER + "tt1,sex,2.31E-05,0.000462963,all_occurrence\n")
    assert 'a fraction of a day? time_unit = "days"' in messages(rows)[0]
    told = read(
        tmp_path, HEADER + "tt1,sex,2.31E-05,0.000462963,all_occurrence\n", LabelReading(times=TimeForm("days"))
    )
    assert times(told) == [(pytest.approx(2.0, abs=0.01), pytest.approx(40.0, abs=0.001))]
