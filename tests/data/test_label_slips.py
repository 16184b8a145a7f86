"""A label that is one slip from another is said where nobody listed the labels, before it is trained as its own."""

from pathlib import Path

import pytest

from data.catalogue import scan_catalogue
from data.found_labels import rows_of, with_found_labels
from data.label_reading import AS_WRITTEN
from data.label_slips import is_one_slip, slips
from data.settings import DataSettings


def found(folder: Path, content: str) -> list[str]:
    path = folder / "labels.csv"
    path.write_text(content, encoding="utf-8")
    return [str(slip) for slip in slips(rows_of(path, AS_WRITTEN))]


@pytest.mark.parametrize(
    ("one", "other", "is_slip"),
    [
        ("vilence", "violence", True),
        ("violense", "violence", True),
        ("voilence", "violence", True),
        ("Smookng", "smoking", False),  # two slips
        ("smokking", "Smoking", True),
        ("violence", "Violence", False),  # another way to write it
        ("drug use", "drug-use", False),
        ("class 1x", "class 2x", False),
        ("sex", "sexy", False),
        ("violence", "violencea1", False),
        ("курене", "курение", True),
    ],
)
def test_one_slip_is_a_letter_missing_too_many_wrong_or_two_exchanged(one: str, other: str, is_slip: bool) -> None:
    assert (is_one_slip(one, other), is_one_slip(other, one)) == (is_slip, is_slip)


def test_a_slip_of_a_well_known_label_is_told(tmp_path: Path) -> None:
    text = "title_id;vilence;vilence_start;vilence_end\na;1;0:00:01;0:00:02\nb;0;;\n"
    assert found(tmp_path, text) == ["label 'vilence' (2 rows) is one letter from 'violence'"]
    assert found(tmp_path, text.replace("vilence", "Violence")) == []


def test_a_rare_row_of_a_long_table_is_told_and_two_names_in_equal_use_are_not(tmp_path: Path) -> None:
    rows = [f"t{n},shooting,1" for n in range(10)]
    text = "\n".join(["title_id,label,present", *rows, "x,shouting,1"])
    assert found(tmp_path, text) == ["label 'shouting' (1 row) is one letter from 'shooting' (10 rows)"]
    text = "\n".join(["title_id,label,present", *rows, *(row.replace("shoot", "shout") for row in rows)])
    assert found(tmp_path, text) == []


def test_a_label_and_its_times_under_another_name_are_told(tmp_path: Path) -> None:
    text = "title_id;fighting;figthing_start;figthing_end\na;1;0:00:01;0:00:02\nb;0;;\n"
    assert found(tmp_path, text) == ["label 'figthing' (1 row) is one letter from 'fighting' (2 rows)"]


def test_labels_check_warns_where_labels_are_those_of_the_file_and_not_where_they_are_listed(tmp_path: Path) -> None:
    (tmp_path / "titles.csv").write_text("title_id\na\nb\n")
    path = tmp_path / "labels.csv"
    path.write_text("title_id;vilence;gore\na;1;0\nb;0;1\n")
    settings = DataSettings(titles=tmp_path / "titles.csv", video_labels=path)
    told = [problem.message for problem in scan_catalogue(with_found_labels(settings)).problems]
    assert told[0] == (
        "label 'vilence' (2 rows) is one letter from 'violence'; mend it, or list the labels that are meant in [data] "
        "labels"
    )
    listed = settings.with_labels(("vilence", "gore")).model_copy()
    listed._labels_found = False
    assert not any("one letter" in problem.message for problem in scan_catalogue(listed).problems)


def test_hardly_any_wrong_cell_does_not_make_a_label_vanish(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("title_id;gore;season\n" + "".join(f"t{n};{'yess' if n == 5 else 1};{n}\n" for n in range(9)))
    rows = rows_of(path, AS_WRITTEN)
    assert rows.labels == {"gore"}
    assert [problem.message for problem in rows.problems] == [
        "column is not known, and not read: 'season'. Read are title_id, fps, and of each label (gore) LABEL, "
        "LABEL_start and LABEL_end",
        "gore 'yess'; write 1, 0, or nothing if unknown",
    ]
