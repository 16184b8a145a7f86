"""What is to be done is said beforehand by `plan`, and narrowed down by `retry` and options."""

import subprocess
import sys


def test_plan_says_what_run_then_does(settled, capsys):
    settled.write_features("t0", seed=10, seconds=41)
    settled.set_time(settled.folder / "features" / "t1.npy")
    capsys.readouterr()
    before = sorted(settled.work.rglob("*"))
    assert settled.command("plan") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        "t0  extract+score  video changed",
        "t1  compare        size or time of the file changed",
    ]
    assert "compare: 1 title, 0.0 GB to read" in lines
    assert any(line.startswith("extract: 1 title, 0.0 h of video, about 0 s at") for line in lines)
    assert sorted(settled.work.rglob("*")) == before
    settled.command("run")
    done = settled.work_done()
    assert (done["extract"], done["compare"]) == ({"t0"}, {"t1"})
    capsys.readouterr()
    settled.command("plan")
    assert capsys.readouterr().out.splitlines() == [
        "4 titles: nothing to do",
        "extract: nothing to do",
        f"train: nothing to do, {settled.folder}/checkpoint is named in the configuration",
        "score: nothing to do",
        "segments: nothing to do",
    ]


def test_plan_and_a_run_without_changes_do_not_import_torch(settled):
    settled.write_labels()
    assert settled.command("run") == 0
    script = (
        "import sys\nfrom pipeline import cli\n"
        "try:\n    cli.main(sys.argv[1:])\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "assert 'torch' not in sys.modules"
    )
    for command in ("plan", "run"):
        subprocess.run([sys.executable, "-c", script, command, "--config", settled.config], check=True)


def test_retry_leaves_everything_else_for_the_next_run(settled):
    (settled.folder / "features" / "t1.npy").write_bytes(b"not an array")
    settled.command("run")
    settled.write_features("t2", seed=50, seconds=41)
    settled.work_done()
    assert settled.command("retry") == 1
    assert settled.work_done()["extract"] == {"t1"}


def test_selections_leave_other_titles_as_they_are(settled):
    for number in (0, 1, 2):
        settled.set_time(
            settled.write_features(f"t{number}", seed=60 + number, seconds=41), 1_600_000_000 + number * 86_400
        )
    (settled.folder / "some.txt").write_text("# these\nt0\n\n")
    assert settled.command("run", "--titles", settled.folder / "some.txt") == 0
    assert settled.work_done()["extract"] == {"t0"}
    assert settled.command("run", "--since", "2020-09-15T00:00+00:00") == 0
    assert settled.work_done()["extract"] == {"t2"}
    (settled.work / "features" / "t3.parquet").write_bytes(b"damaged")
    assert settled.command("run", "--changed") == 1  # t3 has no features now
    assert settled.work_done()["extract"] == {"t1"}
