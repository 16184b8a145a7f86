import unicodedata
from pathlib import Path

import pytest

from data.errors import DecodeError
from data.titles import called, composed, folded, media_path, title_id_fault

ALLOWED = ["tt0123", "007", "NA", "a.b_c-D", "-", "...", "x" * 128, ".hidden", "é", "Küss_mich", "日本語"]
ALLOWED += ["Сталкер", "٣", "हिन्दी", "ภาษาไทย", "ß", "é" * 100, "語" * 66]


@pytest.mark.parametrize("title_id", ALLOWED)
def test_allowed_ids(title_id: str) -> None:
    assert title_id_fault(title_id) == ""


REFUSED = ["", ".", "..", "a/b", "a b", "a\n", "x" * 129, ".tmp-x", "a\\b", "a\u2028b", "a\u200bb", "a\u202eb"]
REFUSED += ["a\u00a0b", "é" * 101, "語" * 67, "a'", "a%b", "a#b", "a?b", "a:b", "a@b", "\udce9", "\0"]


@pytest.mark.parametrize("title_id", REFUSED)
def test_refused_ids(title_id: str) -> None:
    fault = title_id_fault(title_id)
    assert "is not allowed; write 1 to 128 letters, digits and . _ - of at most 200 bytes" in fault
    assert fault.isprintable()


def test_an_id_of_letters_and_loose_marks_is_refused_with_the_composed_one() -> None:
    assert "write it composed (Unicode NFC): 'Zo\u00eb'" in title_id_fault("Zoe\u0308")
    assert title_id_fault(composed("Zoe\u0308")) == ""


def test_ids_that_differ_in_case_only_are_folded_alike_in_every_script() -> None:
    assert folded("КИНО-Ä") == folded("кино-ä")
    assert folded("STRASSE") == folded("straße")
    assert folded("a") != folded("ä")


def test_paths_inside_the_media_root(tmp_path: Path) -> None:
    root = tmp_path / "media"
    (root / "a").mkdir(parents=True)
    (tmp_path / "link").symlink_to(root)
    assert media_path(root, "a/x.mp4") == root.resolve() / "a/x.mp4"
    assert media_path(root, "a/../y.mp4") == root.resolve() / "y.mp4"
    assert media_path(root, str(root / "z.mp4")) == root.resolve() / "z.mp4"
    assert media_path(tmp_path / "link", "a/x.mp4") == root.resolve() / "a/x.mp4"


@pytest.mark.parametrize("path", ["../x.mp4", "a/../../x.mp4", "/etc/passwd", "out/x.mp4", ".", "", "../media2/x.mp4"])
def test_paths_that_leave_the_media_root(tmp_path: Path, path: str) -> None:
    root = tmp_path / "media"
    root.mkdir()
    (tmp_path / "media2").mkdir()
    (root / "out").symlink_to(tmp_path)
    with pytest.raises(DecodeError, match="is not inside the media root") as caught:
        media_path(root, path)
    assert caught.value.code == "path"
    assert not caught.value.systemic


def test_paths_that_cannot_be_resolved(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path in ("loop/x.mp4", "a\0b"):
        with pytest.raises(DecodeError, match="cannot be resolved"):
            media_path(tmp_path, path)


@pytest.mark.parametrize(
    ("title_id", "name", "said"),
    [
        ("t1", "Zoë, die Erste", "Zoë, die Erste (t1)"),
        ("日本語-2", "日本語", "日本語 (日本語-2)"),
        ("Die_Brücke_-_S01E03", "Die Brücke - S01E03", "Die_Brücke_-_S01E03"),
        ("zoë", unicodedata.normalize("NFD", "ZOË"), "zoë"),
        ("t1", "", "t1"),
        ("---", "!!!", "!!! (---)"),
    ],
)
def test_people_are_told_name_and_id_or_one_of_them_where_both_say_the_same(title_id, name, said):
    assert called(title_id, name) == said
