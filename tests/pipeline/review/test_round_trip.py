"""From the segments of a run to a review, to label files, to what the next training is taught."""

import sys
import tomllib

import numpy as np
import pytest

from data.catalogue import read_catalogue
from data.labels import Clip
from data.targets import frame_targets
from pipeline import cli
from pipeline.config import load_config
from pipeline.review.actions import ActionRequest
from pipeline.review.stage import open_session

LABELS = ("smoking", "violence")


def run_command(*arguments):
    with pytest.raises(SystemExit) as caught:
        cli.main([str(argument) for argument in arguments])
        sys.exit(0)
    return caught.value.code or 0


@pytest.fixture
def review(reviewed_run):
    """Return a function that does one reviewer's actions on a title."""

    def run(reviewer, title_id, *actions):
        session = open_session(load_config(reviewed_run), None, reviewer, None)
        for values in actions:
            session.act(title_id, ActionRequest(**values))

    return run


def merged_catalogue(config_path, *options):
    """Merge the review, and read the catalogue as the next training does."""
    folder = config_path.parent
    assert run_command("labels", "merge", "--config", config_path, "--out", folder / "new", *options) == 0
    text = config_path.read_text().replace(
        '"video_labels.csv"', '"new/video_labels.csv"\nclip_labels = "new/clip_labels.csv"'
    )
    tomllib.loads(text)
    (folder / "next.toml").write_text(text)
    return read_catalogue(load_config(folder / "next.toml").data)


def test_segments_become_training_targets_by_way_of_a_review(reviewed_run, review, capsys):
    """film-a: violence 3-6 s becomes 2.5-6 s, smoking is rejected, all of it watched; film-b: the first violence."""
    review(
        "ann",
        "film-a",
        {"action": "adjust", "segment": "run1:0", "start_s": 2.5},
        {"action": "reject", "segment": "run1:1"},
        {"action": "add", "label": "violence", "start_s": 15, "end_s": 17},
        {"action": "complete"},
    )
    review("ann", "film-b", {"action": "first", "segment": "run1:0"})
    catalogue = merged_catalogue(reviewed_run)
    assert "labels merge: 2 reviewed titles, 1 fully; 0 with contradictions" in capsys.readouterr().out

    film_a = catalogue.labels["film-a"]
    assert film_a.occurrences == (Clip("violence", 2.5, 6), Clip("violence", 15, 17))
    targets = frame_targets(film_a, LABELS, 20)
    np.testing.assert_array_equal(targets.present_C, [False, True])
    np.testing.assert_array_equal(targets.present_known_C, [True, True])
    np.testing.assert_array_equal(np.flatnonzero(targets.positive_TC[:, 1]), [2, 3, 4, 5])
    np.testing.assert_array_equal(np.flatnonzero(targets.known_TC[:, 0]), np.arange(20))  # smoking: absent throughout
    np.testing.assert_array_equal(np.flatnonzero(targets.background_T), [0, 1])
    np.testing.assert_array_equal(targets.count_C, [0, 2])

    targets = frame_targets(catalogue.labels["film-b"], LABELS, 20)
    np.testing.assert_array_equal(np.flatnonzero(targets.positive_TC[:, 1]), [1, 2, 3])
    np.testing.assert_array_equal(np.flatnonzero(targets.known_TC[:, 1]), [0, 1, 2, 3])  # what follows is unknown
    assert not targets.present_known_C[0] and not targets.background_T.any()  # nobody looked for smoking

    film_c = catalogue.labels["film-c"]
    assert film_c.present == {"smoking": None, "violence": False}  # as it was before
    assert not catalogue.labels["film-d"].is_labelled  # not reviewed: unknown, and not absent


def test_two_reviewers_and_their_agreement(reviewed_run, review, capsys):
    for name, start_s, verdict in (("ann", 3, "accept"), ("bob", 4, "reject")):
        review(
            name,
            "film-a",
            {"action": "adjust", "segment": "run1:0", "start_s": start_s},
            {"action": verdict, "segment": "run1:1"},
            {"action": "complete"},
        )
    assert run_command("review", "agreement", "--config", reviewed_run) == 0
    text = capsys.readouterr().out
    assert "ann and bob: 1 title in common" in text
    assert "segments both judged: 2, equal 50.0 %, Cohen's kappa 0.333" in text
    assert "ann accepted as smoking, bob rejected: 1" in text
    assert "accepted by both: 1, mean tIoU 0.667, median distance of starts 1.00 s, of ends 0.00 s" in text
    catalogue = merged_catalogue(reviewed_run)
    assert catalogue.labels["film-a"].present == {"smoking": None, "violence": True}
    assert catalogue.labels["film-a"].first == {"violence": Clip("violence", 3.5, 6)}
    assert "ann and bob contradict each other: present and absent" in capsys.readouterr().out
    decided = merged_catalogue(reviewed_run, "--prefer", "ann").labels["film-a"]
    assert decided.first == {"smoking": Clip("smoking", 8, 10), "violence": Clip("violence", 3, 6)}


def test_only_what_was_reviewed(reviewed_run, review):
    review("ann", "film-b", {"action": "accept", "segment": "run1:0"})
    catalogue = merged_catalogue(reviewed_run, "--only-reviewed")
    assert [title_id for title_id, labels in catalogue.labels.items() if labels.is_labelled] == ["film-b"]


def test_without_a_log_there_is_nothing_to_merge(reviewed_run, capsys):
    out = reviewed_run.parent / "new"
    assert run_command("labels", "merge", "--config", reviewed_run, "--out", out) == 2
    assert "review.jsonl: cannot be read" in capsys.readouterr().err
    assert not out.exists()


def test_the_command_needs_a_run_and_a_sound_name(reviewed_run, capsys):
    assert run_command("review") == 2
    assert "Missing option '--config'" in capsys.readouterr().err
    assert run_command("review", "--config", reviewed_run, "--reviewer", "a/b") == 2
    assert "reviewer 'a/b' is not allowed" in capsys.readouterr().err
    assert run_command("review", "--config", reviewed_run, "--run", "nothing") == 2
    assert "run 'nothing': no such run" in capsys.readouterr().err
