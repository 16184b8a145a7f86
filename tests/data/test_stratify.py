"""Every label is in every split where the labels allow it, and what was drawn stays."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.catalogue import read_catalogue
from data.labels import Clip, TitleLabels
from data.settings import DataSettings
from data.splits import assign_splits
from data.stratify import Group, draw_stratified
from data.titles import Title

FRACTIONS = {"train": 0.8, "val": 0.1, "test": 0.1}
KINDS = "abcd"

labelled = st.lists(st.frozensets(st.sampled_from(KINDS), max_size=3), max_size=60)


def groups(*kinds: str, first: int = 0) -> list[Group]:
    """Return a group of one title for each text, whose letters are its kinds; none is a background title."""
    return [Group(f"g{n}", 1, frozenset(text or "-")) for n, text in enumerate(kinds, first)]


def shares(drawn: dict[str, str]) -> tuple[int, int, int]:
    return tuple(list(drawn.values()).count(split) for split in FRACTIONS)


def holders(found: list[Group], drawn: dict[str, str], kind: str) -> set[str]:
    return {drawn[group.name] for group in found if kind in group.kinds}


def test_a_rare_label_is_dealt_out_before_a_common_one() -> None:
    """Of three groups each split gets one. Ten groups of b want 8, 1 and 1; of those a has brought one to each."""
    found = groups("ab", "ab", "ab", *["b"] * 7)
    drawn = draw_stratified(found, {}, FRACTIONS)
    assert [drawn[f"g{n}"] for n in range(3)] == ["train", "val", "test"]
    assert shares(drawn) == (8, 1, 1)


def test_two_groups_of_a_label_are_for_train_and_val_and_one_for_train() -> None:
    drawn = draw_stratified(groups("a", "b", "b"), {}, FRACTIONS)
    assert drawn["g0"] == "train"
    assert {drawn["g1"], drawn["g2"]} == {"train", "val"}


def test_background_titles_fill_up_and_are_in_every_split_too() -> None:
    found = groups("a", "a", "a", *[""] * 17)
    drawn = draw_stratified(found, {}, FRACTIONS)
    assert shares(drawn) == (15, 3, 2) or shares(drawn) == (14, 3, 3)
    assert holders(found, drawn, "-") == {"train", "val", "test"}


def test_an_exchange_closes_a_gap_that_dealing_left() -> None:
    """Labels x, y and z have one group each, which is for train; b has just those three, and would be in train only."""
    found = groups("xb", "yb", "zb", "", "", "")
    drawn = draw_stratified(found, {}, FRACTIONS)
    assert holders(found, drawn, "b") == {"train", "val", "test"}


def test_what_was_drawn_counts_and_new_groups_even_it_out() -> None:
    """Ten of a in train: what comes next is for val, then test; and the eleventh and twelfth stay where they are."""
    before = {f"g{n}": "train" for n in range(10)}
    drawn = draw_stratified(groups(*"a" * 12), before, FRACTIONS)
    assert drawn == {"g10": "val", "g11": "test"}
    assert draw_stratified(groups(*"a" * 12), {**before, **drawn}, FRACTIONS) == {}


@given(kinds=labelled)
def test_a_label_is_in_every_split_or_no_single_move_would_bring_it_there(kinds: list[frozenset[str]]) -> None:
    found = [Group(f"g{n}", 1, held or frozenset("-")) for n, held in enumerate(kinds)]
    drawn = draw_stratified(found, {}, FRACTIONS)
    assert set(drawn) == {group.name for group in found}

    def gaps(splits: dict[str, str]) -> int:
        enough = [kind for kind in (*KINDS, "-") if sum(kind in group.kinds for group in found) >= 3]
        return sum(3 - len(holders(found, splits, kind)) for kind in enough)

    if gaps(drawn):
        assert all(gaps({**drawn, name: split}) >= gaps(drawn) for name in drawn for split in FRACTIONS)


@given(held=st.lists(st.sampled_from(["a", "b", "c", ""]), min_size=3, max_size=200))
def test_labels_that_do_not_share_titles_are_always_in_every_split_and_shares_hold(held: list[str]) -> None:
    """Each kind alone: where three groups hold it each split has one, and no split is off by more than the kinds."""
    found = groups(*held)
    drawn = draw_stratified(found, {}, FRACTIONS)
    kinds = {kind for group in found for kind in group.kinds}
    for kind in kinds:
        if sum(kind in group.kinds for group in found) >= 3:
            assert holders(found, drawn, kind) == {"train", "val", "test"}
    for split, count in zip(FRACTIONS, shares(drawn), strict=True):
        assert abs(count - FRACTIONS[split] * len(found)) <= 2 * len(kinds)


@given(few=labelled, more=labelled)
def test_groups_that_come_later_move_none(few: list[frozenset[str]], more: list[frozenset[str]]) -> None:
    found = [Group(f"g{n}", 1, held or frozenset("-")) for n, held in enumerate([*few, *more])]
    first = draw_stratified(found[: len(few)], {}, FRACTIONS)
    later = draw_stratified(found, first, FRACTIONS)
    assert not set(first) & set(later)


def labels_of(title_id: str, held: str) -> TitleLabels:
    first = {name: Clip(name, 1, 2) for name in held}
    return TitleLabels(title_id, {name: name in held for name in KINDS}, first)


def test_eighty_titles_with_a_rare_label_have_it_in_every_split_whatever_the_seed() -> None:
    """Of 80 titles 5 hold a and 9 hold b: by chance alone a is missing from val in six seeds of ten."""
    held = ["a"] * 3 + ["ab"] * 2 + ["b"] * 7 + ["c"] * 25 + [""] * 43
    titles = {f"tt{n:03}": Title(f"tt{n:03}") for n in range(80)}
    labels = {name: labels_of(name, text) for name, text in zip(titles, held, strict=True)}
    drawings = set()
    for seed in range(40):
        splits = assign_splits(titles, fractions=FRACTIONS, seed=seed, labels=labels)
        for kind in "abc":
            assert {splits[name] for name in titles if kind in labels[name].first} == set(FRACTIONS)
        assert [list(splits.values()).count(name) for name in FRACTIONS] == pytest.approx([64, 8, 8], abs=2)
        drawings.add(tuple(splits.values()))
        turned = assign_splits(dict(reversed(titles.items())), fractions=FRACTIONS, seed=seed, labels=labels)
        assert turned == splits
    assert len(drawings) == 40


def test_a_series_stays_together_and_is_drawn_by_all_that_it_holds() -> None:
    """Three series hold a, one episode each: every split gets one of them whole."""
    titles = {f"{s}{e}": Title(f"{s}{e}", extra={"series": s}) for s in "XYZUVW" for e in range(3)}
    labels = {name: labels_of(name, "a" if name in ("X0", "Y1", "Z2") else "") for name in titles}
    splits = assign_splits(titles, fractions=FRACTIONS, group_column="series", labels=labels)
    assert len({(title.extra["series"], splits[name]) for name, title in titles.items()}) == 6
    assert {splits[name] for name in ("X0", "Y1", "Z2")} == {"train", "val", "test"}


def test_with_a_split_file_a_drawing_looks_at_the_labels_and_is_kept(tmp_path: Path) -> None:
    names = [f"t{n}" for n in range(12)]
    clips = ["title_id,label,start_s,end_s,kind"]

    def write(count: int) -> DataSettings:
        (tmp_path / "titles.csv").write_text("\n".join(["title_id", *names[:count]]) + "\n")
        rows = [f"{name},sex,1,2,first_occurrence" for name in names[:3]]
        (tmp_path / "clips.csv").write_text("\n".join([*clips, *rows]) + "\n")
        values = {"titles": tmp_path / "titles.csv", "clip_labels": tmp_path / "clips.csv", "labels": ("sex",)}
        return DataSettings.model_validate({**values, "split_file": tmp_path / "splits.csv"})

    first = read_catalogue(write(8)).splits
    assert {first[name] for name in names[:3]} == {"train", "val", "test"}
    (tmp_path / "clips.csv").write_text("\n".join([*clips, "t7,sex,1,2,first_occurrence"]) + "\n")
    grown = read_catalogue(write(12)).splits
    assert {name: grown[name] for name in first} == first
