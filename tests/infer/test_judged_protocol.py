"""By which protocol titles are judged: by what holds clips, worked by hand."""

import math

import numpy as np
import pytest

from data.labels import Clip, TitleLabels
from infer.protocol import fullest_clips, fullest_truth, ground_truth, held_protocols, judged_protocol
from infer.settings import Protocol

FIRST, ALL = Protocol.FIRST_OCCURRENCE, Protocol.ALL_OCCURRENCE
LABELS = ("sex", "violence")
SEX, LATER, VIOLENCE = Clip("sex", 10.0, 20.0), Clip("sex", 40.0, 50.0), Clip("violence", 5.0, 8.0)


def title(present, first=(), occurrences=None):
    """Return labels; ``present`` is 1, 0 or None for sex and for violence."""
    known = {label: None if value is None else bool(value) for label, value in zip(LABELS, present, strict=True)}
    return TitleLabels("any", known, {clip.label: clip for clip in first}, occurrences)


def of(*titles):
    return {f"t{number}": labels for number, labels in enumerate(titles)}


ABSENT, ABSENT_OF_ALL = title((0, 0)), title((0, 0), (), ())
SEX_FIRST, SEX_ALL = title((1, 0), [SEX]), title((1, 0), [SEX], (SEX, LATER))
VIOLENCE_FIRST = title((0, 1), [VIOLENCE])
PRESENT_ONLY, UNKNOWN = title((1, 1)), title((None, None))
INVALID = title((1, 0), [Clip("sex", 5.0, 5.0)], (Clip("sex", 5.0, 5.0),))


@pytest.mark.parametrize(
    ("titles", "held", "judged"),
    [
        # the paper's labels, and one known absence: what ended training with "no clip of any label"
        (of(SEX_FIRST, ABSENT), (FIRST,), FIRST),
        (of(SEX_FIRST, VIOLENCE_FIRST, title((1, 0), [SEX])), (FIRST,), FIRST),
        # a first occurrence of one label, a known absence of the other, in one title
        (of(SEX_FIRST), (FIRST,), FIRST),
        # known absences of a catalogue that has all occurrences elsewhere
        (of(SEX_FIRST, ABSENT_OF_ALL), (FIRST,), FIRST),
        (of(SEX_ALL, ABSENT_OF_ALL, ABSENT), (FIRST, ALL), ALL),
        (of(SEX_ALL), (FIRST, ALL), ALL),
        # mixed titles: nobody looked on in the second one
        (of(SEX_ALL, SEX_FIRST), (FIRST, ALL), FIRST),
        # violence has clips under one protocol only
        (of(SEX_ALL, VIOLENCE_FIRST), (FIRST, ALL), FIRST),
        # present, but nowhere located: no clip to lose
        (of(SEX_ALL, PRESENT_ONLY, UNKNOWN), (FIRST, ALL), ALL),
        (of(SEX_FIRST, PRESENT_ONLY), (FIRST,), FIRST),
        # a clip that is none
        (of(SEX_ALL, INVALID), (FIRST, ALL), ALL),
        # no clips at all: one protocol, both would say the same
        (of(ABSENT, ABSENT_OF_ALL), (FIRST,), FIRST),
        (of(ABSENT, PRESENT_ONLY), (FIRST,), FIRST),
        (of(PRESENT_ONLY, UNKNOWN), (), None),
        ({}, (), None),
    ],
)
def test_the_protocol_is_chosen_by_presence(titles, held, judged):
    assert held_protocols(titles, LABELS) == held
    assert judged_protocol(titles, LABELS) is judged


def test_only_labels_that_are_judged_count():
    mixed = of(SEX_ALL, VIOLENCE_FIRST)
    assert judged_protocol(mixed, ("sex",)) is ALL
    assert judged_protocol(mixed, ("violence",)) is FIRST


def test_a_protocol_that_is_asked_for_is_taken_if_it_says_anything():
    assert judged_protocol(of(SEX_ALL, SEX_FIRST), LABELS, (ALL,)) is ALL
    assert judged_protocol(of(SEX_ALL), LABELS, (FIRST,)) is FIRST
    assert judged_protocol(of(SEX_FIRST), ("sex",), (ALL,)) is None


def test_no_clip_of_a_title_is_lost_to_the_choice():
    """Of every mixture of these titles, the protocol judges each title and label that has a clip."""
    kinds = (SEX_FIRST, SEX_ALL, VIOLENCE_FIRST, ABSENT, ABSENT_OF_ALL, PRESENT_ONLY)
    for mask in range(1, 2 ** len(kinds)):
        titles = of(*(kind for bit, kind in enumerate(kinds) if mask >> bit & 1))
        chosen = judged_protocol(titles, LABELS)
        clips = sum(len(labels.first) for labels in titles.values())
        if clips:
            found = ground_truth(titles, LABELS, chosen).clips
            assert len(np.unique(np.stack([found.title_G, found.label_G]), axis=1).T) == clips


def test_the_fullest_truth_takes_each_title_by_what_it_has():
    known = fullest_truth(of(SEX_ALL, SEX_FIRST, ABSENT), ["sex"])
    assert known.clips.title_G.tolist() == [0, 0, 1]
    assert known.end_s_NC[:, 0].tolist() == [math.inf, 20.0, math.inf]
    assert fullest_clips(SEX_ALL, "sex") == ((SEX, LATER), math.inf)
    assert fullest_clips(SEX_FIRST, "sex") == ((SEX,), 20.0)
    assert fullest_clips(ABSENT, "sex") == ((), math.inf)
    assert fullest_clips(PRESENT_ONLY, "sex") is None
