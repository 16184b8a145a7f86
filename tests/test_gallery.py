"""The pictures of README and guide are there and small, and what they are made from is drawn, the same each time."""

import importlib.util
import re
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
MOST_BYTES = 1_500_000


@pytest.fixture(scope="module")
def scenes():
    spec = importlib.util.spec_from_file_location("scenes", ROOT / "docs" / "gallery" / "scenes.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["scenes"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["scenes"]


def shown(page):
    return set(re.findall(r"!\[[^\]]+\]\((?:docs/)?(gallery/[^)]+)\)", (ROOT / page).read_text()))


def test_every_picture_of_readme_and_guide_is_there_and_every_one_there_is_shown():
    there = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs" / "gallery").glob("*.png")}
    assert shown("README.md") | shown("docs/guide.md") == there and len(there) >= 6
    assert 2 <= len(shown("README.md")) <= 4
    assert sum((ROOT / "docs" / name).stat().st_size for name in there) < MOST_BYTES


def test_a_title_holds_its_events_where_its_labels_say(scenes):
    shots = scenes.plan_title(3, ("rain", "fireworks"), 90)
    assert shots == scenes.plan_title(3, ("rain", "fireworks"), 90)
    assert [shot.event for shot in shots if shot.event] == ["rain", "fireworks"]
    assert (shots[0].start_s, shots[-1].end_s) == (0, 90)
    assert all(one.end_s == other.start_s for one, other in pairwise(shots))


@pytest.mark.parametrize("event", ["balloons", "fireworks", "rain"])
def test_an_event_is_drawn_and_moves(scenes, event):
    sky = scenes.EVENT_SKIES[event][0]
    quiet = next(scenes.pictures([scenes.Shot(5, sky, 0, 1)]))
    first, later = (list(scenes.pictures([scenes.Shot(5, sky, 0, 2, event)]))[at] for at in (0, 6))
    assert first.shape == (270, 480, 3) and first.dtype == np.uint8
    for one, other in ((quiet, first), (first, later)):
        assert (abs(one.astype(int) - other).max(axis=2) > 30).mean() > 0.003
