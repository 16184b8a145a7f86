from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import ConfigError, ManifestError
from data.splits import assign_splits, read_splits, write_splits
from data.titles import Title

FRACTIONS = {"train": 0.8, "val": 0.1, "test": 0.1}

title_ids = st.lists(st.text("abc123", min_size=1, max_size=6), unique=True, max_size=20)


def plain(ids: list[str]) -> dict[str, Title]:
    return {title_id: Title(title_id) for title_id in ids}


def series(**groups: str) -> dict[str, Title]:
    return {title_id: Title(title_id, extra={"series": group}) for title_id, group in groups.items()}


@given(ids=title_ids, more=title_ids, seed=st.integers(0, 5))
def test_adding_titles_moves_none(ids: list[str], more: list[str], seed: int) -> None:
    few = assign_splits(plain(ids), fractions=FRACTIONS, seed=seed)
    many = assign_splits(
        plain([*more, *(title_id for title_id in ids if title_id not in more)]), fractions=FRACTIONS, seed=seed
    )
    assert few == {title_id: many[title_id] for title_id in ids}


@given(groups=st.dictionaries(st.text("abc", min_size=1, max_size=4), st.sampled_from("XYZ"), max_size=20))
def test_a_series_stays_in_one_split_and_a_new_episode_follows_it(groups: dict[str, str]) -> None:
    titles = series(**groups)
    splits = assign_splits(titles, fractions=FRACTIONS, group_column="series")
    assert len({(group, splits[title_id]) for title_id, group in groups.items()}) == len(set(groups.values()))
    grown = assign_splits(
        {**titles, "new": Title("new", extra={"series": "X"})}, fractions=FRACTIONS, group_column="series"
    )
    assert {title_id: grown[title_id] for title_id in groups} == splits


@given(ids=title_ids, given_split=st.sampled_from(["train", "val", "test"]))
def test_the_split_in_the_manifest_wins(ids: list[str], given_split: str) -> None:
    titles = {title_id: Title(title_id, split=given_split) for title_id in ids}
    earlier = dict.fromkeys(ids, "test")
    assert assign_splits(titles, fractions=FRACTIONS, earlier=earlier) == dict.fromkeys(ids, given_split)


def test_shares_are_about_the_fractions_and_the_seed_matters() -> None:
    titles = plain([f"tt{number:04}" for number in range(5000)])
    splits = assign_splits(titles, fractions=FRACTIONS, seed=0)
    counts = [sum(split == name for split in splits.values()) for name in FRACTIONS]
    assert counts == pytest.approx([4000, 500, 500], abs=100)  # about 4 standard deviations
    other = assign_splits(titles, fractions=FRACTIONS, seed=1)
    assert sum(splits[title_id] == other[title_id] for title_id in titles) == pytest.approx(5000 * 0.66, abs=150)


def test_the_assignment_is_the_same_on_every_machine_and_in_every_version() -> None:
    """sha256 of ``0/title:tt2`` is 0.861 of the range: val; that of ``0/title:tt8`` 0.978: test."""
    splits = assign_splits(plain([f"tt{number}" for number in range(12)]), fractions=FRACTIONS)
    assert " ".join(splits.values()) == ("train train val train train train train train test train train train")


@given(share=st.floats(0, 1), ids=title_ids)
def test_a_fraction_of_zero_gives_no_title(share: float, ids: list[str]) -> None:
    splits = assign_splits(plain(ids), fractions={"train": share, "val": 1 - share, "test": 0.0})
    assert "test" not in splits.values()
    assert list(splits) == ids


def test_the_rest_of_a_series_follows_its_given_title_and_the_split_file() -> None:
    titles = {**series(a="X", b="X", c="Y", d="Y", e=""), "f": Title("f", split="val", extra={"series": "X"})}
    earlier = {"c": "test", "gone": "train"}
    splits = assign_splits(titles, fractions={"train": 1.0}, group_column="series", earlier=earlier)
    assert splits == {"a": "val", "b": "val", "f": "val", "c": "test", "d": "test", "e": "train"}


def test_a_series_in_several_given_splits_is_an_error() -> None:
    titles = series(a="X", b="X", c="Y")
    titles["a"] = Title("a", split="train", extra={"series": "X"})
    with pytest.raises(ManifestError) as caught:
        assign_splits(titles, fractions=FRACTIONS, group_column="series", earlier={"b": "test"}, source=Path("my.csv"))
    assert [str(problem) for problem in caught.value.problems] == [
        "my.csv: error: group 'X' is in several splits (a in train, b in test); give all its titles one split"
    ]


def test_blank_groups_are_groups_of_their_own_and_series_are_no_titles() -> None:
    titles = {**series(a="", b=""), "X": Title("X", split="val"), "c": Title("c", split="test", extra={"series": "X"})}
    splits = assign_splits(titles, fractions={"train": 1.0}, group_column="series")
    assert splits == {"a": "train", "b": "train", "X": "val", "c": "test"}


def test_a_group_column_that_no_title_has() -> None:
    with pytest.raises(ConfigError, match=r"'serie' is no column of the titles; did you mean 'series'\?"):
        assign_splits(series(a="X"), fractions=FRACTIONS, group_column="serie")


@pytest.mark.parametrize(
    "fractions",
    [{"train": 0.8, "val": 0.1}, {"train": 1.2, "val": -0.2}, {"train": 0.5, "dev": 0.5}, {"train": float("nan")}, {}],
)
def test_fractions_must_be_shares(fractions: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="write train, val and test, each at least 0, with the sum 1"):
        assign_splits(plain(["a"]), fractions=fractions)


def test_split_files_round_trip_and_settle_later_runs(tmp_path: Path) -> None:
    path = tmp_path / "splits.csv"
    splits = assign_splits(plain(["007", "NA", "x"]), fractions=FRACTIONS)
    write_splits(path, splits)
    assert path.read_text().startswith("title_id,split\n007,")
    assert read_splits(path) == splits
    grown = assign_splits(plain(["007", "NA", "x", "y"]), fractions={"test": 1.0}, seed=9, earlier=read_splits(path))
    assert grown == {**splits, "y": "test"}


def test_problems_of_a_split_file(tmp_path: Path) -> None:
    path = tmp_path / "splits.csv"
    path.write_text("title_id,split\na,train\nb,trian\na,test\na,train\n")
    with pytest.raises(ManifestError) as caught:
        read_splits(path)
    assert [str(problem) for problem in caught.value.problems] == [
        f"{path}:3: error: split 'trian'; did you mean 'train'?",
        f"{path}:4: error: 'a' is in train and test; keep one",
    ]
