"""The baselines' own rules by hand, in logits."""

import numpy as np
import pytest

from data.errors import ConfigError
from infer.published import find_published, frame_threshold, least_title_logit, title_logits
from infer.title_scores import TitleScores
from model.squash import squash, unsquash

LABELS = ("a", "b")


def scores_of(score_TC, logit_TC=None):
    action_TC = squash(np.array(score_TC, np.float32))
    conditional_TC = None if logit_TC is None else squash(np.array(logit_TC, np.float32))
    foreground_T = None if logit_TC is None else np.full(len(action_TC), 0.5, np.float32)
    return TitleScores("t", foreground_T, conditional_TC, action_TC, action_TC.max(axis=0))


def columns(a, b):
    return np.stack([a, b], axis=1).astype(np.float64)


def test_title_logits_take_an_eighth_rounded_up_or_a_twelfth_rounded_down():
    logit_TC = np.arange(25.0).reshape(25, 1)
    assert title_logits(logit_TC, "three-c-net").tolist() == [(24 + 23 + 22 + 21) / 4]
    assert title_logits(logit_TC, "sf-net").tolist() == [(24 + 23) / 2]
    assert title_logits(logit_TC[:5], "sf-net").tolist() == [4]


@pytest.mark.parametrize(
    ("title_C", "rule", "gate", "expected"),
    [
        ([6.0, 1.0], "three-c-net", "relative", 3.0),
        ([6.0, 1.0], "sf-net", "relative", 4.0),
        ([6.0, 1.0], "three-c-net", "absolute", 0.0),
        ([-6.0, -9.0], "three-c-net", "relative", 0.0),  # below 0 nothing is kept
    ],
)
def test_the_gate(title_C, rule, gate, expected):
    assert least_title_logit(np.array(title_C), rule, gate) == expected


def test_frame_thresholds_are_the_midpoint_and_the_mean():
    score_T = np.array([-1.0, 0.0, 0.0, 5.0])
    assert frame_threshold(score_T, "three-c-net") == 2.0
    assert frame_threshold(score_T, "sf-net") == 1.0


def test_3c_net_by_hand():
    # midpoint of 9 and -1: 4; frames 2, 3 and 6 pass, but 6 is alone; the title logit is the highest of 8 frames
    a = [0, -1, 5, 9, 0, 0, 7, 0]
    b = [4, 4, 0, 0, 0, 0, 0, 0]  # 4 is below 9 / 2: dropped, unless the gate is absolute
    (segment,) = find_published(scores_of(columns(a, b)), LABELS, rule="three-c-net")
    assert (segment.label, segment.start_s, segment.end_s, segment.peak_s) == ("a", 2, 4, 3)
    assert (segment.decision, segment.segment_index) == ("flag", 0)
    logits = unsquash(np.array([segment.score, segment.threshold, segment.title_threshold]))
    np.testing.assert_allclose(logits, [9 + 9, 4, 4.5], rtol=1e-4)
    both = find_published(scores_of(columns(a, b)), LABELS, rule="three-c-net", gate="absolute", duration_s=7.5)
    assert [(s.label, s.start_s, s.end_s, s.segment_index) for s in both] == [("b", 0, 2, 0), ("a", 2, 4, 1)]


def test_sf_net_by_hand():
    # the gate judges the logits, 3 and 1.9 < 3 / 1.5; the frames logit + 2 actionness, whose mean is 1.75
    score = [0, 2, 6, 0, 0, 6, 0, 0]
    logit_TC = columns([0, 0, 3, 0, 0, 2, 0, 0], [1.9] + [0] * 7)
    (segment,) = find_published(scores_of(columns(score, score), logit_TC), LABELS, rule="sf-net")
    assert (segment.label, segment.start_s, segment.end_s) == ("a", 1, 3)
    logits = unsquash(np.array([segment.score, segment.threshold, segment.title_threshold]))
    np.testing.assert_allclose(logits, [6 + 3, 1.75, 2], rtol=1e-4)


def test_a_title_without_positive_logits_has_no_segments():
    assert find_published(scores_of(-np.ones((9, 2))), LABELS, rule="three-c-net") == []


def test_the_rule_of_sf_net_needs_its_scores():
    with pytest.raises(ConfigError, match="'sf-net' needs scores of SF-Net"):
        find_published(scores_of(np.ones((9, 2))), LABELS, rule="sf-net")
