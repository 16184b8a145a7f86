"""What is odd in titles and labels is said once a command, though every stage reads them."""

import subprocess
import sys

from data import manifest
from pipeline.progress import READ_BY_EACH_STAGE


def test_a_run_says_each_warning_of_the_labels_once(catalogue):
    clips = catalogue.parent / "clip_labels.csv"
    clips.write_text("".join(line for line in clips.read_text().splitlines(True) if not line.startswith("t01,")))
    command = "from pipeline.cli import main; main()"
    line = [sys.executable, "-c", command, "run", "--config", catalogue, "--set", "run.import_name=toy"]
    line += ["--set", "train.epochs=1", "--set", "run.report=false"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = [line.partition("warning: ")[2] for line in done.stderr.splitlines() if "present=1 without a clip" in line]
    assert told
    assert len(set(told)) == len(told)


def test_the_lines_that_are_said_once_are_those_of_titles_and_labels():
    assert manifest.logger.name == READ_BY_EACH_STAGE
