"""Journey 1, the self-hoster: a library as Kodi, Jellyfin and Plex want it, and skip files tonight.

The commands are those that a person types; films are generated, decoding, features and scoring are real. The checkpoint
is trained here on a pattern that the films show, so that there is something right to be found.
"""

from __future__ import annotations

import csv
import re
import shutil
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from urllib.parse import unquote, urlparse

import numpy as np
import pandas as pd
import pytest

from extract.pyav_writer import write_video
from pipeline import cli
from pipeline.config import load_config
from pipeline.review.stage import open_session

pytestmark = pytest.mark.slow

FPS, SECONDS = 4, 24
TRAINING = """
work_dir = "work"
[data]
titles = "titles.csv"
clip_labels = "clip_labels.csv"
video_labels = "video_labels.csv"
labels = ["violence"]
[extract]
device = "cpu"
[model]
conv_channels = 16
fc_channels = [16, 16]
top_k_divisor = 8
[train]
epochs = 60
patience = 60
learning_rate = 3e-3
batch_size = 3
device = "cpu"
"""
ZOE = "Films/Küss mich, Zoë! (2019)/Küss mich, Zoë! (2019).mkv"
EVENTS = {
    ZOE: (8, 14),
    "Films/日本語.mp4": None,
    "Films/Сталкер (1979).avi": (3, 9),
    "Series/A/Season 01/S01E03.mkv": (12, 18),
    "Series/B/Season 01/S01E03.mkv": None,
}
OTHERS = [
    "Films/Küss mich, Zoë! (2019)/Küss mich, Zoë! (2019).srt",
    "Films/Küss mich, Zoë! (2019)/movie.nfo",
    "Films/Küss mich, Zoë! (2019)/poster.jpg",
    "Films/.DS_Store",
    "Series/A/Thumbs.db",
    "Series/@eaDir/S01E03.mkv",
]


def film(path: Path, event: tuple[int, int] | None, seed: int) -> None:
    """A film of drifting gradients; during the event it shows a chessboard."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:96, 0:128]
    frames = []
    for number in range(FPS * SECONDS):
        base = (rows + columns + 2 * number + 40 * rng.integers(0, 2)) % 256
        if event is not None and event[0] <= number // FPS < event[1]:
            base = np.where(((rows // 12) + (columns // 12) + seed) % 2, 235, 20)
        frames.append(np.stack([base, np.roll(base, 7), 255 - base], axis=2).astype(np.uint8))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, frames, fps=Fraction(FPS))


@dataclass
class Person:
    """Types commands in a folder, and reads what is printed."""

    folder: Path
    capsys: pytest.CaptureFixture[str]

    def types(self, *arguments: str) -> tuple[int, str, str]:
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            cli.main(list(arguments))
            raise SystemExit(0)
        said = self.capsys.readouterr()
        return caught.value.code or 0, said.out, said.err

    @property
    def library(self) -> Path:
        return self.folder / "Library"

    def titles(self) -> pd.DataFrame:
        return pd.read_csv(self.folder / "moderation/current/titles.csv", dtype=str, keep_default_na=False)

    def written(self) -> set[str]:
        return {str(p.relative_to(self.library)) for p in self.library.rglob("*") if p.suffix in (".edl", ".mcf")}

    def everything(self) -> dict[str, bytes]:
        return {str(p.relative_to(self.library)): p.read_bytes() for p in self.library.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("training")
    titles, video, clips = ["title_id,path,split"], ["title_id,label,present"], ["title_id,label,start_s,end_s,kind"]
    for number, split in enumerate(["train"] * 8 + ["val"] * 4):
        event = (4 + 2 * number % 11, 9 + 2 * number % 11) if number % 2 == 0 or number == 9 else None
        film(folder / f"{number}.mp4", event, number)
        titles.append(f"f{number},{number}.mp4,{split}")
        video.append(f"f{number},violence,{int(event is not None)}")
        if event is not None:
            kinds = ("first_occurrence", "all_occurrence")
            clips += [f"f{number},violence,{event[0]},{event[1]},{kind}" for kind in kinds]
    for name, lines in (("titles", titles), ("video_labels", video), ("clip_labels", clips)):
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    (folder / "run.toml").write_text(TRAINING)
    with pytest.raises(SystemExit) as caught:
        cli.main(["run", "--config", str(folder / "run.toml")])
    assert not caught.value.code
    return folder / "work" / "checkpoint"


@pytest.fixture
def person(tmp_path: Path, capsys, monkeypatch) -> Person:
    monkeypatch.chdir(tmp_path)
    someone = Person(tmp_path, capsys)
    for number, (name, event) in enumerate(EVENTS.items()):
        film(someone.library / name, event, seed=30 + number)
    for name in OTHERS:
        path = someone.library / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"what a media server keeps\n")
    return someone


def test_a_library_is_moderated_tonight(person: Person, checkpoint: Path) -> None:
    moderate = ("moderate", "Library", "--checkpoint", str(checkpoint), "--export", "edl", "--export", "mcf")
    before = person.everything()
    code, out, err = person.types(*moderate)
    assert code == 0, err

    # honest words come first, then what was found by name, then what to do next
    lines = out.splitlines()
    assert lines[0] == "It looks for violence, and for nothing else: clear means that none of these was noticed."
    assert out.index("Measured on ") < out.index("Films/日本語") < out.index("5 films: ")
    assert "left out, no films: 2 hidden, 1 .db, 1 .jpg, 1 .nfo, 1 .srt" in lines
    titles = person.titles().set_index("name")
    assert {name: titles.status[name] for name in titles.index} == {
        str(Path(name).with_suffix("")): "clear" if event is None else "flagged" for name, event in EVENTS.items()
    }
    assert titles.path[str(Path(ZOE).with_suffix(""))] == str(person.library / ZOE)

    # files beside the films that have something to skip, under the name that a player looks for, and nothing else
    flagged = [Path(name) for name, event in EVENTS.items() if event is not None]
    assert person.written() == {str(name.with_suffix(form)) for name in flagged for form in (".edl", ".mcf")}
    after = person.everything()
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == person.written()
    for name in flagged:
        edits = [line for line in after[str(name.with_suffix(".edl"))].decode().splitlines() if line[:2] != "##"]
        assert edits
        start_s, end_s = EVENTS[str(name)]
        assert any(float(edit.split()[0]) < end_s and float(edit.split()[1]) > start_s for edit in edits)
        assert all(edit.split()[2] == "3" for edit in edits)
        assert "violence=high" in after[str(name.with_suffix(".mcf"))].decode()
    segments = pd.read_csv(person.folder / "moderation/current/segments.csv")
    assert set(segments.path[segments.decision == "flag"]) == {str(person.library / name) for name in flagged}

    # the report is there with pictures, at the address that was printed
    [address] = re.findall(r"file://\S+", out)
    page = Path(unquote(urlparse(address).path)).read_text(encoding="utf-8")
    assert "Küss mich, Zoë! (2019)" in page
    assert '"pictures":{"' in page

    # every other command works on the folder, without a configuration
    code, said, err = person.types("explain", "moderation", "сталкер")
    assert (code, said.splitlines()[0].split("  ")[0]) == (0, "Films/Сталкер (1979)"), err
    assert person.types("report", "moderation", "--out", "my.html")[0] == 0
    assert "Сталкер" in (person.folder / "my.html").read_text(encoding="utf-8")
    assert person.types("figures", "moderation", "--title", "сталкер", "--out", "figures")[0] == 0
    assert len(list((person.folder / "figures").iterdir())) > 0
    assert person.types("export", "moderation", "--format", "webvtt", "--out", "subtitles")[0] == 0
    rows = list(csv.DictReader((person.folder / "subtitles/titles.csv").open(encoding="utf-8")))
    assert {row["name"] for row in rows} == set(titles.index)

    session = open_session(load_config(person.folder / "moderation"), None, "ann", None)
    assert {row["name"] for row in session.queue()["titles"]} == set(titles.index)
    assert session.media(titles.title_id[str(Path(ZOE).with_suffix(""))]).path == person.library / ZOE

    # the second call does nothing and says so
    times = {path: path.stat().st_mtime_ns for path in person.library.rglob("*")}
    code, out, _ = person.types(*moderate)
    assert (code, "nothing to do" in out) == (0, True)
    assert "left out, no films: 2 hidden, 1 .db, 1 .jpg, 1 .nfo, 1 .srt" in out.splitlines()
    assert {path: path.stat().st_mtime_ns for path in person.library.rglob("*")} == times


def test_films_come_and_go_and_are_never_taken_for_one_another(person: Person, checkpoint: Path) -> None:
    options = ("--checkpoint", str(checkpoint), "--export", "edl")
    assert person.types("moderate", "Library", *options)[0] == 0
    first = person.titles().set_index("path")
    assert first.title_id.is_unique

    # in another order, by other ways, and with a film of the same name more: the ids are the same
    film(person.library / "Series/0 first/Season 01/S01E03.mkv", (5, 11), seed=60)
    code, _, err = person.types("moderate", "Library/Series/B", "Library/Films", "Library", *options)
    assert code == 0, err
    second = person.titles().set_index("path")
    assert len(second) == 6
    assert second.title_id[first.index].to_dict() == first.title_id.to_dict()
    assert second.status[first.index].to_dict() == first.status.to_dict()
    log = (person.folder / "moderation/current/events.jsonl").read_text().splitlines()
    assert sum('"stage": "extract"' in line for line in log) == 1  # the new one; the others are not read again

    # a film is replaced by a clear one, another removed: their skip files go, a hand-made one stays
    b_path = person.library / "Series/B/Season 01/S01E03.edl"
    b_path.write_text("1 2 0\n")
    shutil.copy(person.library / "Films/日本語.mp4", person.library / "Films/Сталкер (1979).avi")
    shutil.rmtree(person.library / "Series/A/Season 01")
    (person.library / "Series/A/Season 01").mkdir()
    code, out, err = person.types("moderate", "Library", *options)
    assert code == 0, err
    third = person.titles().set_index("path")
    assert third.status[str(person.library / "Films/Сталкер (1979).avi")] == "clear"
    assert person.written() == {
        str(Path(ZOE).with_suffix(".edl")),
        "Series/0 first/Season 01/S01E03.edl",
        "Series/B/Season 01/S01E03.edl",
    }
    assert b_path.read_text() == "1 2 0\n"
    assert "Films/Сталкер (1979).edl: removed (nothing is to be skipped any more)" in out

    # a call for other films is a run of its own, says what it leaves out, and takes nothing away
    code, out, _ = person.types("moderate", f"Library/{ZOE}", *options)
    assert code == 0
    assert "4 titles of the call before not in this one" in out
    assert len(person.titles()) == 1
    assert person.titles().name[0] == "Küss mich, Zoë! (2019)"
    assert person.titles().title_id[0] == first.title_id[str(person.library / ZOE)]
    assert "Series/0 first/Season 01/S01E03.edl" in person.written()
    code, out, _ = person.types("diff", "moderation", "previous")
    assert (code, "Сталкер" in out) == (0, True)


def test_what_cannot_be_done_is_said_and_the_rest_is_done(person: Person, checkpoint: Path) -> None:
    (person.library / "Films/broken.mkv").write_bytes(b"\x1a\x45\xdf\xa3 and no more")
    shutil.copy(person.library / ZOE, person.library / ZOE.replace(".mkv", ".mp4"))
    own = person.library / "Films/Сталкер (1979).edl"
    own.write_text("1 2 0\n")
    options = ("--checkpoint", str(checkpoint), "--export", "edl")
    code, out, _ = person.types("moderate", "Library", *options, "--exclude", "B", "--exclude", "Extars")
    assert code == 1
    assert person.titles().set_index("name").status["Films/broken"] == "quarantined"
    assert "Küss mich, Zoë! (2019).mkv and Küss mich, Zoë! (2019).mp4 would share it; rename one of them" in out
    assert "left as it is (not ours, or changed since it was written; --overwrite replaces it)" in out
    assert "no film or folder is like 'Extars'" in out
    assert own.read_text() == "1 2 0\n"
    assert person.written() == {"Films/Сталкер (1979).edl", "Series/A/Season 01/S01E03.edl"}

    # what is not allowed is said before anything is read
    for wrong, said in (
        (("--threshold", "sex=0.4"), "not a label of the checkpoint; it has violence"),
        (("--threshold", "violence=4"), "write LABEL=NUMBER or NUMBER, from 0 to 1"),
        (("--set", "infer.window=3"), "unknown key; did you mean 'window_s'?"),
        (("--set", "data.titles=x.csv"), "not for `moderate`, which sets it itself"),
    ):
        code, _, err = person.types("moderate", "Library", *options, "--out", "other", *wrong)
        assert said in err
        assert not (person.folder / "other").exists()
    (person.folder / "mine").mkdir()
    (person.folder / "mine/run.toml").write_text('work_dir = "work"\n')
    code, _, err = person.types("moderate", "Library", *options, "--out", "mine")
    assert (code, "not written by `moderate`, which would replace it" in err) == (2, True)

    # a film that is flagged from its first second to its last is not believed without a word
    _, out, _ = person.types("moderate", "Library", *options, "--threshold", "0")
    assert "! Films/日本語: the whole of it is one segment of violence; that is hardly so" in out
    assert out.index("! Films/日本語") < out.index("where, and the model's score")
