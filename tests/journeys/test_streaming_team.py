"""Journey 2, the streaming team: a model of its own from cheap labels, then every night.

It has films and a spreadsheet as Excel saves it (BOM, semicolons, CRLF, hh:mm:ss): per label yes or no, and the first
occurrence only, in every split. The commands are those that a person types, each in a process of its own; films are
generated, decoding, features, training and scoring are real.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from extract.pyav_writer import write_video

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

FPS, SECONDS, SIDE = 2, 20, 64
LABELS = ("fire", "rain")
TITLES = [f"film-{number:02d}" for number in range(20)]
BROKEN = [f"broken-{number:02d}" for number in range(12)]
TRAINING = """
[model]
conv_channels = 16
fc_channels = [16, 16]
top_k_divisor = 8

[train]
epochs = 20
patience = 20
learning_rate = 3e-3
batch_size = 4
device = "cpu"
"""


def events_of(number: int) -> dict[str, int]:
    """Return the second at which each label of a film is first seen; a third of the films has neither."""
    return {label: 4 + (number + 3 * c) % 9 for c, label in enumerate(LABELS) if number % 3 == c}


def write_film(path: Path, number: int, *, seed: int | None = None) -> None:
    """Write grey noise, with stripes in the colour of a label where it is seen."""
    rng = np.random.default_rng(number if seed is None else seed)
    pictures = []
    for frame in range(SECONDS * FPS):
        picture = rng.integers(90, 150, (SIDE, SIDE, 3), np.uint8)
        for c, label in enumerate(LABELS):
            start_s = events_of(number).get(label)
            if start_s is not None and start_s <= frame / FPS < start_s + 5:
                picture[:: 4 + 4 * c] = (250, 90, 0) if c == 0 else (0, 40, 250)
        pictures.append(picture)
    write_video(path, pictures, fps=Fraction(FPS))


@dataclass
class Team:
    """A folder with films and a spreadsheet, and what was typed in it."""

    folder: Path
    said: str = ""
    errors: str = ""

    def type(self, line: str, code: int = 0) -> str:
        """Type a command; return what it printed."""
        start = [sys.executable, "-c", "from pipeline.cli import main; main()"]
        done = subprocess.run(
            [*start, *line.split()],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        self.said, self.errors = done.stdout, done.stderr
        assert done.returncode == code, f"coarse2fine {line}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def write_sheet(self, titles: dict[str, int]) -> None:
        rows = [";".join(["title_id", *(f"{name}{end}" for name in LABELS for end in ("", "_start", "_end"))])]
        for title_id, number in titles.items():
            cells = [title_id]
            for label in LABELS:
                start_s = events_of(number).get(label)
                clock = [] if start_s is None else [f"00:00:{start_s:02d}", f"00:00:{start_s + 5:02d}"]
                cells += ["1", *clock] if clock else ["0", "", ""]
            rows.append(";".join(cells))
        (self.folder / "labels.csv").write_bytes(("\ufeff" + "\r\n".join(rows) + "\r\n").encode())

    def list_titles(self, title_ids: list[str]) -> None:
        """Add titles to the manifest that ``init`` wrote."""
        path = self.folder / "titles.csv"
        header, *_ = path.read_text().splitlines()
        columns = header.split(",")
        cells = [{"title_id": name, "path": f"{name}.mp4"} for name in title_ids]
        with path.open("a") as file:
            file.writelines(",".join(each.get(name, "") for name in columns) + "\n" for each in cells)

    def unlist(self, title_id: str) -> None:
        path = self.folder / "titles.csv"
        path.write_text("".join(s for s in path.read_text().splitlines(keepends=True) if not s.startswith(title_id)))

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self.folder / "work" / name).set_index("title_id")

    @property
    def model(self) -> str:
        return json.loads((self.folder / "work" / "checkpoint" / "model.json").read_text())["model_id"]


@pytest.fixture
def team(tmp_path: Path) -> Team:
    (tmp_path / "films").mkdir()
    for number, title_id in enumerate(TITLES):
        write_film(tmp_path / "films" / f"{title_id}.mp4", number)
    made = Team(tmp_path)
    made.write_sheet({title_id: number for number, title_id in enumerate(TITLES)})
    return made


def test_from_a_spreadsheet_to_a_model_and_through_the_nights(team: Team) -> None:
    first_hour(team)
    a_night_with_changes(team)
    another_threshold_and_another_model(team)
    a_film_that_vanishes(team)


def first_hour(team: Team) -> None:
    team.type("init --media films --labels labels.csv")
    with (team.folder / "run.toml").open("a") as file:
        file.write(TRAINING)

    checked = team.type("labels check").splitlines()
    assert checked[-1] == "0 errors, 0 warnings"
    at = checked.index("titles with a clip:")
    for line in checked[at + 2 : at + 2 + len(LABELS)]:
        name, *clips = line.split()
        assert name in LABELS
        assert all(int(count) >= 1 for count in clips), "every label is in every split"

    planned = team.type("plan")
    assert "20 titles: extract, new" in planned
    assert "extract: 20 titles, 0.1 h of video; no rate" in planned  # from the headers: nobody stated a length
    assert "train: 1" in planned
    assert "no checkpoint in" in planned
    assert not (team.folder / "work").exists()

    out = team.type("run")
    assert "run: 20 titles:" in out.splitlines()[-2]
    assert "next: open " in out.splitlines()[-1]
    assert set(team.table("current/titles.parquet").status) <= {"flagged", "review", "clear"}
    measured = json.loads((team.folder / "work" / "current" / "evaluation-test.json").read_text())
    assert {row["protocol"] for row in measured["results"] if row["average"] is not None} == {"first-occurrence"}

    assert "too few to promise 90 %" in team.type("thresholds --recall 0.9")
    assert team.type("plan").splitlines()[0] == "20 titles: nothing to do"
    before = team.model
    assert "infer: nothing to do" in team.type("run")
    assert team.model == before


def a_night_with_changes(team: Team) -> None:
    model, films = team.model, team.folder / "films"
    for number in (20, 21):
        write_film(films / f"new-{number}.mp4", number)
    for title_id in BROKEN:
        (films / f"{title_id}.mp4").write_bytes(b"\0\0\0\x18ftypisom no film")
    team.list_titles(["new-20", "new-21", *BROKEN])
    team.write_sheet({**{title_id: n for n, title_id in enumerate(TITLES)}, "new-20": 20})
    write_film(films / "film-03.mp4", 3, seed=99)
    (films / "film-05.mp4").unlink()
    team.unlist("film-05")

    planned = team.type("plan").splitlines()
    assert [line.split()[0] for line in planned[:2]] == ["new-20", "new-21"]
    assert any(line.startswith("film-05") and "no longer in the manifest" in line for line in planned)
    assert "18 titles: nothing to do" in planned
    assert any(line.startswith(f"train: not done, model {model} is used") for line in planned)
    data = json.loads(team.type("plan --json"))
    assert {item["title_id"] for item in data["titles"] if item["reason"] == "new"} == {"new-20", "new-21", *BROKEN}
    assert (data["train"]["action"], data["removed"]) == ("kept", ["film-05"])

    team.type("run", code=5)  # twelve of fifteen: is it the decoder?
    assert "max_error_rate" in team.errors
    out = team.type("run --set run.max_error_rate=1", code=1)
    assert f"train: not done, model {model} is used" in out
    assert "`coarse2fine run --train` trains anew" in out
    assert "12 quarantined" in out.splitlines()[-2]
    assert "`coarse2fine retry`" in out.splitlines()[-1]
    statuses = team.table("current/titles.parquet").status
    assert set(statuses[["new-20", "new-21", "film-03"]]) <= {"flagged", "review", "clear"}
    assert set(statuses[BROKEN]) == {"quarantined"}
    assert "film-05" not in statuses.index

    for _ in range(2):
        team.type("retry --set run.max_error_rate=1", code=1)
    listed = json.loads(team.type("quarantine list --json"))["titles"]
    assert {(row["title_id"], row["status"], row["attempts"]) for row in listed} == {
        (title_id, "quarantined", 3) for title_id in BROKEN
    }
    assert "film-03" not in {row["title_id"] for row in listed}
    for title_id in BROKEN:
        team.unlist(title_id)
    team.type("run")


def another_threshold_and_another_model(team: Team) -> None:
    model = team.model
    config = team.folder / "run.toml"
    config.write_text(config.read_text() + "\n[infer.thresholds.fire]\nflag = 0.99\n")
    assert "segments: of all titles, thresholds changed: fire" in team.type("plan")
    team.type("run")
    team.type("diff previous")
    assert "fire: " in team.said

    out = team.type("run --train")
    assert "train: " in out
    assert team.model != model
    trained = team.model
    data = json.loads(team.type("diff previous --json"))
    assert data["format"] == "coarse2fine.diff/1"
    assert {data["before"], data["after"]} <= {path.name for path in (team.folder / "work" / "runs").iterdir()}
    assert "train: nothing to do" in team.type("run --train")

    team.type("rollback")
    held = team.said.split()[3]
    assert (team.folder / "work" / "current").readlink().name == held == data["before"]
    assert team.model == model  # taken back with its run, so that the night makes the same run again
    assert "a rollback holds" in team.type("run")
    team.type("runs release")
    assert (team.folder / "work" / "current").readlink().name == data["before"]
    team.type(f"rollback {data['after']}")  # and forward again
    assert team.model == trained
    team.type("run")
    team.type("runs release")
    assert (team.folder / "work" / "current").readlink().name == data["after"]


def a_film_that_vanishes(team: Team) -> None:
    before = team.table("current/titles.parquet").status["film-00"]
    (team.folder / "films" / "film-00.mp4").unlink()
    out = team.type("run", code=1)
    assert "1 of them missing, known from before" in out.splitlines()[-2]
    row = team.table("current/titles.parquet").loc["film-00"]
    assert row.status == before
    assert row.reason.startswith("gone since ")
    assert team.type("quarantine list").startswith("film-00  missing")
    team.unlist("film-00")
    team.type("run")
