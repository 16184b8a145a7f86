"""Ids made of file names: one film, one id, whatever is named with it."""

import hashlib
import itertools
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import identity
from data.identity import catalogue_ids, display_name, film_ids, slug
from data.store_path import StorePath
from data.titles import folded, title_id_fault

LIBRARY = [
    "/films/Küss mich, Zoë! (2019)/Küss mich, Zoë! (2019).mkv",
    "/films/日本語.mkv",
    "/films/Сталкер.avi",
    "/series/A/Season 01/S01E03.mkv",
    "/series/B/Season 01/S01E03.mkv",
    "/series/B/Season 01/s01e03.mkv",
    "/series/B/Season 01/S01E03.mp4",
    "/films/....mp4",
    "/films/" + "x" * 250 + ".mp4",
]


def test_an_id_is_the_readable_name_and_eight_digits_of_the_hash_of_the_whole_path() -> None:
    digits = hashlib.sha256(LIBRARY[0].encode()).hexdigest()[:8]
    assert film_ids([Path(LIBRARY[0])]) == [f"Küss_mich_Zoë_2019-{digits}"]
    assert [title_id.rpartition("-")[0] for title_id in film_ids(list(map(Path, LIBRARY)))][1:5] == [
        "日本語",
        "Сталкер",
        "S01E03",
        "S01E03",
    ]


def test_an_id_depends_on_neither_the_order_nor_the_other_films() -> None:
    paths = list(map(Path, LIBRARY))
    together = dict(zip(paths, film_ids(paths)))
    assert len({folded(title_id) for title_id in together.values()}) == len(paths)
    assert not any(title_id_fault(title_id) for title_id in together.values())
    for path in paths:
        assert film_ids([path]) == [together[path]]
    backwards = paths[::-1]
    assert dict(zip(backwards, film_ids(backwards))) == together


def test_equal_digits_are_lengthened_for_both_whoever_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = {"/a/x.mkv": "0" * 8 + "1" * 56, "/b/X.mkv": "0" * 8 + "2" * 56, "/c/y.mkv": "3" * 64}
    monkeypatch.setattr(identity, "path_hash", lambda path, digits: hashes[str(path)][:digits])
    found = {
        tuple(sorted(zip(order, film_ids(list(map(Path, order)))))) for order in itertools.permutations(sorted(hashes))
    }
    [ids] = found
    assert dict(ids) == {
        "/a/x.mkv": f"x-{'0' * 8}{'1' * 8}",
        "/b/X.mkv": f"X-{'0' * 8}{'2' * 8}",
        "/c/y.mkv": "y-33333333",
    }


def test_a_film_on_a_store_is_told_by_its_url() -> None:
    digits = hashlib.sha256("s3://bucket/Кино/a.mkv".encode()).hexdigest()[:8]
    assert film_ids([StorePath("/", "s3:", "bucket", "Кино", "a.mkv")]) == [f"a-{digits}"]


@given(st.lists(st.text(min_size=1).filter(lambda t: "/" not in t and "\0" not in t and t not in (".", ".."))))
def test_every_name_gives_an_id_that_is_allowed(names: list[str]) -> None:
    names = [name for name in names if not any("\ud800" <= c <= "\udfff" for c in name)]
    paths = list(dict.fromkeys(Path("/m", name) for name in names))
    ids = film_ids(paths)
    assert [title_id_fault(title_id) for title_id in ids] == [""] * len(paths)
    assert len(set(map(folded, ids))) == len(paths)
    below = [path.relative_to("/m") for path in paths]
    ids = catalogue_ids(below)
    assert [title_id_fault(title_id) for title_id in ids] == [""] * len(below)
    assert len(set(map(folded, ids))) == len(below)


def test_names_that_are_no_text_have_ids_too() -> None:
    paths = [Path("/m/caf\udce9.mkv"), Path("/m/caf\udce8.mkv")]
    ids = film_ids(paths)
    assert [title_id[:4] for title_id in ids] == ["caf-", "caf-"]
    assert len(set(ids)) == 2
    assert display_name(PurePosixPath("caf\udce9.mkv")) == r"caf\xe9"


def test_loose_marks_are_composed_and_runs_of_other_characters_are_one_underscore() -> None:
    assert slug("Zoe\u0308  --  (x)!") == "Zoë_--_x"
    assert slug("👻👻") == "film"
    assert slug("हिन्दी फिल्म") == "हिन्दी_फिल्म"


def test_the_ids_of_a_list_are_the_paths_below_its_folder() -> None:
    paths = ["Series/A b/Season 01/S01E03.mkv", "Series/C/Season 01/S01E03.mkv", "Films/Zoë (2019)/Zoë (2019).mkv"]
    assert catalogue_ids(list(map(PurePosixPath, paths))) == [
        "Series-A_b-Season_01-S01E03",
        "Series-C-Season_01-S01E03",
        "Films-Zoë_2019",
    ]


def test_in_a_list_only_ids_that_would_be_alike_or_too_long_carry_a_hash() -> None:
    paths = [PurePosixPath(name) for name in ("a.mkv", "a.mp4", "b.mkv", f"{'d' * 60}/{'e' * 60}.mkv")]
    first, second, third, long = catalogue_ids(paths)
    assert (first[:2], second[:2], third) == ("a-", "a-", "b")
    assert first != second
    assert long.startswith("d" * 60 + "-" + "e" * 34 + "-")
    assert catalogue_ids(paths[::-1]) == [long, third, second, first]


def test_a_display_name_is_the_path_below_the_folder_on_one_line() -> None:
    assert display_name(PurePosixPath("Series/Zoe\u0308/S01E03.mkv")) == "Series/Zoë/S01E03"
    assert display_name(PurePosixPath("a\nb\u202e.mkv")) == "a b"
    assert display_name(PurePosixPath("..mkv")) == "."
