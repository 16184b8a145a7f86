import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.label_names import label_fault, label_name, label_slug

PUBLISHED = [
    "Long jump",
    "BaseballPitch",
    "Clean and jerk",
    "Tai chi",
    "курение",
    "喫煙",
    "café",
    "R&B (live)",
    'a"b',
    "C++",
]


@pytest.mark.parametrize("label", [*PUBLISHED, "drug-use", "=1+1", "-sex", "a/b", "x" * 100])
def test_any_printable_text_is_a_label(label: str) -> None:
    assert label_fault(label) == ""


@pytest.mark.parametrize("label", ["", " ", "a\n", "a\tb", " a", "a ", "x" * 101, "cafe\u0301", "a\u200b", "mAP"])
def test_what_is_no_label(label: str) -> None:
    assert label == "mAP" or "printable characters" in label_fault(label)
    assert label_fault(label)


def test_labels_are_compared_composed_and_without_blanks_around() -> None:
    assert label_name(" cafe\u0301 ") == "caf\u00e9"


def test_slugs_of_plain_labels_are_the_labels_themselves() -> None:
    assert [label_slug(label) for label in ("sex", "drug-use", "a_1")] == ["sex", "drug-use", "a_1"]


def test_slugs_are_stable_readable_and_plain() -> None:
    assert [label_slug(label) for label in ("Long jump", "BaseballPitch", "курение", "Küss mich", "../../x")] == [
        "long-jump-36d45217",
        "baseballpitch-8adcf726",
        "label-4ddf0122",
        "kuss-mich-dca274e9",
        "x-9cdf6a50",
    ]


def test_labels_that_look_alike_in_a_file_system_have_slugs_of_their_own() -> None:
    alike = ["Long jump", "long jump", "LONG JUMP", "long-jump", "long_jump", "Long-jump", "long/jump", "long jump "]
    alike += [label_slug(label) for label in alike]  # also a label that is named like another one's slug
    assert len({label_slug(label).casefold() for label in dict.fromkeys(alike)}) == len(dict.fromkeys(alike))


@given(st.text(min_size=1, max_size=100))
def test_a_slug_is_a_safe_file_name(label: str) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,99}", label_slug(label))
