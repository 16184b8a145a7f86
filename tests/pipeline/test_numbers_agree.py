"""One segment reads alike wherever somebody reads it: terminal, report, review, table and subtitles of one run."""

import csv
import json
import re
from dataclasses import asdict

import numpy as np
import pytest

from data.schemas import Coverage, LabelThresholds
from data.time_grid import TimeGrid
from infer.export.source import read_run as read_exported
from infer.export.srt import render
from infer.segments import find_segments
from infer.title_scores import TitleScores
from infer.title_status import title_row
from infer.write import Origin, write_results, write_scores
from pipeline.config import load_config
from pipeline.moderation_summary import _moments
from pipeline.report.run import Truth, read_run
from pipeline.report.stage import gather
from pipeline.review.stage import open_session
from pipeline.stages.explain import explain

CONFIG = 'work_dir = "work"\n[data]\ntitles = "titles.csv"\nlabels = ["violence", "intimacy"]\n'
LIMITS = {
    "violence": LabelThresholds(0.6515086889266968, 0.0369167, 8.0, 3.0, 0.9987184405326843),
    "intimacy": LabelThresholds(0.3415954262018204, 0.140151, 20.0, 0.0, 0.9758166670799255),
}
PEAKS = {  # from, to, action score: flags, and near misses whose highest frames lie inside what is drawn at half
    "violence": [(4, 10, 0.9992632), (40, 44, 0.02), (44, 52, 0.99671), (52, 55, 0.025), (80, 90, 0.9987174)],
    "intimacy": [(20, 26, 0.08), (26, 29, 0.97579), (60, 72, 0.9999959), (110, 120, 0.3)],
}


@pytest.fixture(params=[0.5, 0.8], ids=["half", "0.8"])
def finished(request, tmp_path):
    """Return the configuration and the folder of a run over one film, whose first picture is seen at 0.96 s."""
    (tmp_path / "titles.csv").write_text("title_id,path,duration_s,split\nfilm,film.mp4,120.6,test\n")
    (tmp_path / "run.toml").write_text(CONFIG)
    folder = tmp_path / "work" / "runs" / "run0"
    action_TC = np.full((120, 2), 0.001, np.float32)
    for c, label in enumerate(LIMITS):
        for start, stop, score in PEAKS[label]:
            action_TC[start:stop, c] = score
    scores = TitleScores("film", action_TC.max(1), action_TC, action_TC, action_TC.max(0), TimeGrid(0.96))
    found = find_segments(scores, LIMITS, tuple(LIMITS), review_fraction=request.param, duration_s=119.64)
    numbers = (96, 48, 0, 120.6, 119.64, 120, 0, True, "", 0.96)
    row = title_row("film", found, Coverage("film", "", "", "pyav", "mp4", "h264", *numbers))
    write_results(folder, [(row, found)], Origin("run0", "model", "features"))
    write_scores(folder / "scores.parquet", tuple(LIMITS), [scores])
    record = {"run_id": "run0", "finished_at": "2026-01-02T03:04:05+00:00", "segment_score": "max"}
    record["thresholds"] = {label: asdict(limits) for label, limits in LIMITS.items()}
    (folder / "run.json").write_text(json.dumps(record))
    (tmp_path / "work" / "current").symlink_to("runs/run0")
    return load_config(tmp_path / "run.toml"), folder


def blocks(lines):
    """Return what `explain` says of each interval, by its first line."""
    found = {}
    for line in lines:
        if re.match(r"  \d\d:", line):
            current = found.setdefault(line.strip(), [])
        elif line.startswith("      "):
            current.append(line.strip())
    return found


def test_flags_and_near_misses_read_alike_in_terminal_report_review_table_and_subtitles(finished):
    config, folder = finished
    said = blocks(explain(folder, "film", misses=99, plot=None))
    listed = {head: rest for head, rest in said.items() if "not in the tables" not in head}
    [data] = gather(read_run(folder), Truth()).data
    reviewed = {one["id"]: one for one in open_session(config, None, "ann", None).title("film")["segments"]}
    exported = render(read_exported(folder, "all", {}).titles[0]).split("\n\n")[1:]
    with (folder / "segments.csv").open(newline="") as handle:
        table = list(csv.DictReader(handle))
    assert {row["decision"] for row in table} == {"flag", "review"}
    assert len(listed) == len(data["segments"]) == len(reviewed) == len(exported) == len(table) >= 5
    for number, (row, card, block) in enumerate(zip(table, data["segments"], exported)):
        mine = reviewed[f"run0:{number}"]
        head = f"{row['start']} - {row['end']}  {row['label']} ({row['decision']}), {float(row['duration_s']):g} s"
        rest = listed[head]
        assert card["span"] == f"{row['start'].removesuffix('.000')} to {row['end'].removesuffix('.000')}"
        assert card["length"] == head.split(", ")[1]
        assert (card["label"], card["decision"], mine["evidence"]) == (row["label"], row["decision"], card)
        assert (mine["start_s"], mine["end_s"]) == pytest.approx((float(row["start_s"]), float(row["end_s"])))
        needs = [f"{name} {value}, {verdict}" for name, value, verdict in card["why"] if verdict]
        assert needs == [line for line in rest if "needed" in line or "would be" in line]
        assert card["drawn"] == next((line for line in rest if line.startswith("drawn")), "")
        assert bool(card["drawn"]) == (row["decision"] == "review")
        score = card["shown"]
        assert f"segment score {score}, needed" in needs[-1]
        assert block.split("\n", 2)[2].strip() == f"{row['label']} {score} {row['decision']}"
        limit = re.search(r"needed ([\d.]+)", needs[-1])[1]
        assert (float(score) >= float(limit)) == (row["decision"] == "flag")
        assert ("missed" in " ".join(needs)) == (row["decision"] == "review")


def test_what_moderate_prints_of_a_film_is_what_its_table_and_page_say(finished):
    _, folder = finished
    run = read_run(folder)
    [data] = gather(run, Truth()).data
    flagged = [card for card in data["segments"] if card["decision"] == "flag"]
    flags = {label: limits.flag for label, limits in LIMITS.items()}
    assert _moments(run.titles[0], run.segments["film"], flags) == "; ".join(
        f"{card['span'].split(' to ')[0]} {card['label']} {card['shown']}" for card in flagged
    )
