"""What is said of each title as it ends: how it was read, and what was found in it, the same as the tables say."""

from __future__ import annotations

import logging
import re

import pytest

from infer.write import read_segments, read_titles_table
from pipeline.config import load_config
from pipeline.runs.ledger import QUARANTINED
from pipeline.stages.extract import extract_catalogue
from pipeline.stages.found import Finder
from pipeline.stages.infer import infer, infer_titles, inference_run


@pytest.fixture
def told(caplog):
    """``told()``: the lines since the last call."""
    caplog.set_level(logging.INFO)

    def lines():
        found = [record.getMessage() for record in caplog.records if record.name == "pipeline.progress"]
        caplog.clear()
        return found

    return lines


def in_tables(run_dir):
    """By title: status, and how many flagged segments of each label."""
    flags = {}
    for segment in read_segments(run_dir / "segments.parquet"):
        if segment.decision == "flag":
            counts = flags.setdefault(segment.title_id, {})
            counts[segment.label] = counts.get(segment.label, 0) + 1
    return {
        row.title_id: (row.status, flags.get(row.title_id, {})) for row in read_titles_table(run_dir / "titles.parquet")
    }


def in_words(line):
    """The same out of a line; places are in brackets."""
    status, _, rest = re.search(r"(flagged|clear|review)(: )?(.*)", re.sub(r" \([^)]*\)", "", line)).groups()
    return status, {label: int(count) for count, label in re.findall(r"(\d+) (violence|smoking)", rest)}


def test_with_a_checkpoint_a_title_says_what_was_found_before_the_next_is_read(night, told):
    config = load_config(night.config, {})
    finder = Finder(config)
    _, done = extract_catalogue(config, found=finder)
    lines = told()
    assert [line.split("  ")[0] for line in lines] == [f"import {number} of 4" for number in range(1, 5)]
    assert all("  00:00:40 imported" in line for line in lines)
    assert finder.scored == 4
    result = infer_titles(inference_run(config, done.titles, done.failures, done.headers), scored_before=4)
    assert ", 4 scored, run " in result.summary
    assert told() == []  # their scores were kept
    expected = in_tables(result.path)
    assert [in_words(line) for line in lines] == [expected[f"t{number}"] for number in range(4)]
    assert any(counts for _, counts in expected.values())


def test_scoring_says_what_was_found_once(night, told):
    config = load_config(night.config, {})
    extract_catalogue(config)
    assert not any("flagged" in line for line in told())
    result = infer(config)
    lines, expected = told(), in_tables(result.path)
    assert [line.split("  ")[0] for line in lines] == [f"infer {number} of 4" for number in range(1, 5)]
    assert [in_words(line) for line in lines] == [expected[f"t{number}"] for number in range(4)]
    other = load_config(night.config, {"infer": {"thresholds": {"violence": {"flag": 0.9}}}})
    assert infer(other).path != result.path
    assert told() == []  # nothing was scored: of forty thousand titles, a new threshold is no news


def test_a_title_that_fails_says_why(night, told):
    (night.folder / "features" / "t1.npy").write_bytes(b"nothing")
    _, done = extract_catalogue(load_config(night.config, {}))
    (line,) = (line for line in told() if f"  {QUARANTINED}: " in line)
    assert line.startswith("import 2 of 4  ")
    assert done.failures["t1"].error in line
