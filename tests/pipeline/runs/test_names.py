"""Lines for people call a title by name and id; JSON has both under keys of their own."""

import json
import re

import pytest

NAMES = {"t0": "Zoë, die Erste", "t1": "日本語", "t2": "T2", "t3": ""}
CALLED = {"t0": "Zoë, die Erste (t0)", "t1": "日本語 (t1)", "t2": "t2", "t3": "t3"}


def named(night):
    """Give the titles of the manifest names."""
    path = night.folder / "titles.csv"
    header, *rows = path.read_text().splitlines()
    rows = [f'{row},"{NAMES[row.split(",")[0]]}"' for row in rows]
    path.write_text("\n".join([f"{header},name", *rows]) + "\n", encoding="utf-8")
    return night


def test_a_plan_calls_titles_by_name_and_id_in_one_column(night, capsys):
    named(night)
    assert night.command("plan") == 0
    lines = capsys.readouterr().out.splitlines()[:4]
    assert [line.split("  ")[0] for line in lines] == list(CALLED.values())
    from rich.cells import cell_len

    assert {cell_len(re.split("extract", line)[0]) for line in lines} == {len("Zoë, die Erste (t0)  ")}
    assert night.command("plan", "--json") == 0
    titles = json.loads(capsys.readouterr().out)["titles"]
    assert {title["title_id"]: title["name"] for title in titles} == {**NAMES, "t3": "t3"}


def test_a_plan_calls_a_title_that_left_by_the_name_of_its_file(settled, capsys):
    path = settled.folder / "features" / "t3.npy"
    path.rename(path.with_name("Zoë.npy"))
    titles = settled.folder / "titles.csv"
    titles.write_text(titles.read_text().replace("t3.npy", "Zoë.npy"), encoding="utf-8")
    assert settled.command("run") == 0
    settled.write_titles(["t0", "t1", "t2"])
    capsys.readouterr()
    assert settled.command("plan") == 0
    assert "Zoë (t3)  leave out" in capsys.readouterr().out
    assert settled.command("plan", "--json") == 0
    assert json.loads(capsys.readouterr().out)["removed"] == ["t3"]


@pytest.mark.parametrize("readable", [True, False])
def test_what_failed_is_listed_by_name_and_id_and_without_a_manifest_by_id(night, capsys, readable):
    named(night)
    for title_id in ("t0", "t2"):
        (night.folder / "features" / f"{title_id}.npy").write_bytes(b"no array")
    assert night.command("run") == 1
    if not readable:
        (night.folder / "titles.csv").write_text("nothing\n")
    capsys.readouterr()
    assert night.command("quarantine", "list") == 0
    listed = [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == ([CALLED["t0"], "t2"] if readable else ["t0", "t2"])
    assert night.command("quarantine", "list", "--json") == 0
    rows = json.loads(capsys.readouterr().out)["titles"]
    assert [(row["title_id"], row["name"]) for row in rows] == [
        ("t0", NAMES["t0"] if readable else "t0"),
        ("t2", "T2" if readable else "t2"),
    ]


def test_two_runs_differ_in_titles_with_name_and_id(night, capsys):
    assert named(night).command("run") == 0
    night.write_features("t0", seed=9)
    assert night.command("run", "--set", "infer.thresholds={violence={flag=0.99}}") == 0
    capsys.readouterr()
    assert night.command("diff", "previous", "--json") == 0
    changes = json.loads(capsys.readouterr().out)["changes"]
    assert {change["name"] for change in changes if change["title_id"] == "t0"} == {NAMES["t0"]}
    assert night.command("diff", "previous") == 0
    assert "Zoë, die Erste (t0)  " in capsys.readouterr().out
