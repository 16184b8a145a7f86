"""Names of films, folders and results that are no UTF-8, through everything that `moderate` and a run of it write."""

import json
import os
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from extract.pyav_writer import write_video


@pytest.fixture
def library(tmp_path):
    folder = tmp_path / os.fsdecode(b"b\xe9b\xe9")
    (folder / os.fsdecode(b"s\xe9rie")).mkdir(parents=True)
    frames = [np.full((96, 128, 3), 15 * number, np.uint8) for number in range(16)]
    write_video(folder / "x.mp4", frames, fps=Fraction(4))
    film = (folder / "x.mp4").read_bytes()
    (folder / "x.mp4").rename(folder / "plain.mp4")
    for name in (b"caf\xe9.mp4", b"caf\xe8.mp4", b"s\xe9rie/one.mp4"):
        (folder / os.fsdecode(name)).write_bytes(film)
    (folder / os.fsdecode(b"br\xf6ken.mp4")).write_bytes(b"\0\0\0\x18ftypisom no film")
    return folder


def test_a_batch_with_odd_names_is_moderated_to_the_end(library, tmp_path, coarse2fine):
    out = tmp_path / os.fsdecode(b"r\xe9sultats")
    wanted = ("--export", "edl", "--export", "activitynet", "--threshold", "0")
    code, said, err = coarse2fine("moderate", library, "--out", out, *wanted)
    assert code == 1, err  # the broken one
    said.encode()
    titles = pd.read_parquet((out / "current" / "titles.parquet").open("rb"))
    status = titles.set_index("name").status.to_dict()
    assert status.pop(r"br\xf6ken") == "quarantined"
    assert set(status) == {r"caf\xe9", r"caf\xe8", "plain", r"s\xe9rie/one"}
    assert set(status.values()) == {"flagged"}
    folder = rf"{tmp_path}/b\xe9b\xe9"
    assert rf"{folder}/s\xe9rie/one.mp4" in set(titles.path)
    assert (library / os.fsdecode(b"caf\xe9.edl")).is_file()

    config = ("--config", out)
    code, text, err = coarse2fine("quarantine", "list", *config, "--json")
    assert json.loads(text)["titles"][0]["name"] == r"br\xf6ken"
    for command in (["plan"], ["report"], ["run"], ["explain", r"caf\xe9"], ["runs", "list"]):
        code, text, err = coarse2fine(*command, *config)
        assert code in (0, 1), err
        (text + err).encode()
    code, text, err = coarse2fine("doctor", rf"{folder}/caf\xe9.mp4")  # as it was printed
    assert code == 0, err
    for path in out.rglob("*"):
        if path.is_file() and path.suffix in (".csv", ".json", ".jsonl", ".toml", ".html", ".prom"):
            text = path.read_bytes().decode("utf-8")
            assert "\\ud" not in text.casefold().replace("\\u00", ""), path


def test_a_list_of_films_names_what_is_no_text(library, tmp_path, coarse2fine):
    code, _, err = coarse2fine("init", "--media", library, tmp_path / "run.toml")
    assert code == 0, err
    listed = pd.read_csv(tmp_path / "titles.csv")
    assert r"caf\xe9.mp4" in set(listed.path)
    code, text, err = coarse2fine("plan", "--config", tmp_path / "run.toml")
    assert "no such file" not in text + err
