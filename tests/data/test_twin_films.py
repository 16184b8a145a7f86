"""A film that a catalogue has twice is named before a night of decoding, and never drawn into two splits."""

from pathlib import Path

import pytest

from data.catalogue import look_at_catalogue, read_catalogue
from data.label_check import check_labels
from data.settings import DataSettings
from data.twin_films import PIECE_BYTES, twin_films

FILM = bytes(range(256)) * (3 * PIECE_BYTES // 256)


def catalogue(folder: Path, films: dict[str, bytes], splits: dict[str, str] | None = None) -> DataSettings:
    rows = ["title_id,path,split", *(f"{name},{name}.mp4,{(splits or {}).get(name, '')}" for name in films)]
    (folder / "titles.csv").write_text("\n".join(rows))
    for name, content in films.items():
        (folder / f"{name}.mp4").write_bytes(content)
    labels = [f"{name},gore,1" for name in films]
    (folder / "labels.csv").write_text("\n".join(["title_id,label,present", *labels]))
    paths = {
        "titles": folder / "titles.csv",
        "video_labels": folder / "labels.csv",
        "split_file": folder / "splits.csv",
    }
    return DataSettings.model_validate({**paths, "labels": ("gore",)})


def warnings(settings: DataSettings) -> list[str]:
    found = check_labels(settings).problems
    return [f"{problem.line}: {problem.message}" for problem in found if "film" in problem.message]


def test_films_alike_at_both_ends_and_in_the_middle_are_the_same_and_no_others(tmp_path: Path) -> None:
    other = bytearray(FILM)
    other[len(FILM) // 2] ^= 1
    films = {"a": FILM, "b": bytes(other), "c": FILM, "d": FILM[:-1], "e": b"", "f": b""}
    settings = catalogue(tmp_path, films)
    assert twin_films(look_at_catalogue(settings).manifest) == [("a", "c")]


def test_a_film_in_two_splits_is_said_and_one_that_is_there_twice_too(tmp_path: Path) -> None:
    films = {"a": FILM, "b": FILM, "c": FILM[1:], "d": FILM[1:]}
    settings = catalogue(tmp_path, films, {"a": "train", "b": "test", "c": "val", "d": "val"})
    assert warnings(settings) == [
        "3: 1 film is in several splits, so that what is measured was seen in training; give them one split: a "
        "(train) = b (test)",
        "5: 1 film is under several ids; each counts on its own: c (val) = d (val)",
    ]


@pytest.mark.parametrize("seed", range(8))
def test_twins_are_drawn_together_and_join_the_one_that_was_drawn_before(tmp_path: Path, seed: int) -> None:
    films = {f"t{n}": bytes([n]) * (n + 1) for n in range(12)}
    films |= {"x": FILM, "y": FILM, "z": FILM}
    settings = catalogue(tmp_path, films).model_copy(update={"split_seed": seed})
    drawn = read_catalogue(settings).splits
    assert drawn["x"] == drawn["y"] == drawn["z"]
    settings = catalogue(tmp_path, {**films, "later": films["t3"], "last": FILM}).model_copy(
        update={"split_seed": seed}
    )
    again = read_catalogue(settings).splits
    assert (again["later"], again["last"]) == (drawn["t3"], drawn["x"])
    assert {name: again[name] for name in drawn} == drawn


def test_twins_that_were_drawn_apart_before_stay_and_are_said(tmp_path: Path) -> None:
    settings = catalogue(tmp_path, {"a": FILM, "b": FILM, "c": FILM})
    (tmp_path / "splits.csv").write_text("title_id,split\na,train\nb,test\n")
    splits = read_catalogue(settings).splits
    assert (splits["a"], splits["b"]) == ("train", "test")
    assert splits["c"] in ("train", "test")
    assert "a (train) = b (test) = c" in warnings(settings)[0]
