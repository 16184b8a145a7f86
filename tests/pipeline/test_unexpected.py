"""Errors that nobody expected, and output that nobody takes: codes of their own, one line, never a traceback or 1."""

import os
import re
import resource
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline import cli, stage_result

PROGRAM = [sys.executable, "-c", "from pipeline.cli import main; main()"]
DEPTH = 20_000


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("a\nfault"), "unexpected: RuntimeError: a fault;"),
        (MemoryError(), "unexpected: MemoryError (memory ran out"),
        (RecursionError("too deep"), "unexpected: RecursionError: too deep;"),
        (AssertionError(), "unexpected: AssertionError;"),
        (KeyError("x" * 1000), "unexpected: KeyError: 'xxx"),
    ],
)
def test_an_unexpected_error_is_one_line_a_log_and_70(night, monkeypatch, capsys, error, said):
    def broken(*_arguments, **_options):
        raise error

    monkeypatch.setattr("pipeline.runs.stage.infer_titles", broken)
    assert night.command("run") == 70
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("coarse2fine: ")]
    assert said in line
    assert len(line) < 700
    log = night.work / "crash.log"
    assert f"details in {log}" in line
    assert "Traceback" in log.read_text()
    assert "in broken" in log.read_text()
    assert "coarse2fine_last_run_exit_code 70" in (night.work / "metrics.prom").read_text()
    assert not (night.work / "last_success.json").exists()
    monkeypatch.undo()
    assert night.command("run") == 0


def test_a_command_without_a_work_dir_logs_to_the_folder_for_temporary_files(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("pipeline.crash._folders", [])
    monkeypatch.setattr("pipeline.config.tomllib.loads", lambda text: {}[text])
    (tmp_path / "run.toml").write_text("")
    with pytest.raises(SystemExit) as caught:
        cli.main(["plan", "--config", str(tmp_path / "run.toml")])
    assert caught.value.code == 70
    assert f"details in {tmp_path / 'coarse2fine-crash.log'}" in capsys.readouterr().err


def test_what_is_nested_too_deeply_is_a_wrong_configuration(tmp_path, capsys):
    deep = "[" * DEPTH + "]" * DEPTH
    (tmp_path / "run.toml").write_text(f"deep = {deep}\n")
    for arguments in (["plan"], ["plan", "--set", f"train.epochs={deep}"]):
        with pytest.raises(SystemExit) as caught:
            cli.main([*arguments, "--config", str(tmp_path / "run.toml")])
        assert caught.value.code == 2
        assert "nested too deeply" in capsys.readouterr().err


@contextmanager
def files_up_to(size_bytes):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_is_full_while_a_checkpoint_is_written_is_no_crash(catalogue, capsys):
    text = (
        catalogue.read_text().replace("epochs = 40", "epochs = 1").replace("conv_channels = 16", "conv_channels = 64")
    )
    catalogue.write_text(f'{text}[run]\nimport_name = "toy"\nreport = false\n')
    with files_up_to(20_000), pytest.raises(SystemExit) as caught:
        cli.main(["run", "--config", str(catalogue)])
    assert caught.value.code == 5
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"coarse2fine: {catalogue.parent / 'work'}")
    assert "File too large; raise the limit on file sizes" in last
    assert list(catalogue.parent.rglob(".tmp-*")) == []


def test_a_disk_that_is_full_while_the_report_is_drawn_is_not_done(night, capsys):
    assert night.command("run") == 0
    size = (night.work / "current" / "report.html").stat().st_size
    assert size > 1.1 * max(path.stat().st_size for path in night.work.rglob("*.parquet"))
    (night.work / "current" / "report.html").unlink()
    success = (night.work / "last_success.json").read_text()
    with files_up_to(size - 1000):
        assert night.command("run") == 5
    assert "File too large" in capsys.readouterr().err
    assert (night.work / "last_success.json").read_text() == success
    assert night.command("run") == 0
    assert (night.work / "current" / "report.html").exists()


@pytest.mark.parametrize("arguments", [["--help"], ["plan", "--help"], ["plan"], ["runs", "list"]])
def test_a_reader_that_goes_away_is_not_taken_for_partial_titles(night, arguments):
    night.command("run")
    given = arguments if "--help" in arguments else [*arguments, "--config", str(night.config)]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*PROGRAM, *given], stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_run_that_nobody_reads_is_interrupted_and_goes_on_the_next_time(night):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*PROGRAM, "run", "--config", night.config], stdout=writing, check=False)
    os.close(writing)
    assert done.returncode == 141
    assert "coarse2fine_last_run_exit_code 141" in (night.work / "metrics.prom").read_text()
    assert night.command("run") == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("arguments", [["--help"], ["plan"]])
def test_output_that_cannot_be_written_is_not_done(night, arguments):
    given = arguments if "--help" in arguments else [*arguments, "--config", str(night.config)]
    with open("/dev/full", "w") as full:
        done = subprocess.run([*PROGRAM, *given], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 5
    assert "Traceback" not in done.stderr
    assert "No space left on device" in done.stderr


def test_output_that_is_closed_from_the_start_is_nobodys_fault(night):
    closed = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *PROGRAM, "--version"], check=False, capture_output=True
    )
    assert (closed.returncode, closed.stderr) == (0, b"")


HUNG_UP = """
import os, signal
from pipeline import cli
def work(*_arguments, **_options):
    os.kill(os.getpid(), signal.SIGHUP)
    print("went on")
cli.cli.main = work
{before}
cli.main([])
"""


@pytest.mark.parametrize(
    ("before", "code", "out"),
    [
        ("signal.signal(signal.SIGHUP, signal.SIG_DFL)", 130, ""),
        ("signal.signal(signal.SIGHUP, signal.SIG_IGN)", 0, "went on\n"),
    ],
)
def test_a_terminal_that_hangs_up_interrupts_and_nohup_prevents_it(before, code, out):
    program = [sys.executable, "-c", HUNG_UP.format(before=before)]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (code, out)


def test_every_exit_code_is_in_the_runbook_and_in_the_help():
    named = {name: code for name, code in vars(stage_result).items() if name.isupper() and isinstance(code, int)}
    assert len(set(named.values())) == len(named)
    runbook = (Path(cli.__file__).parents[1] / "docs" / "runbook.md").read_text()
    table = runbook.partition("## By exit code")[2].partition("##")[0]
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)] == sorted(named.values())
    said = cli.cli.help.partition("Exit codes:")[2]
    assert sorted(map(int, re.findall(r"(?:^|;)\s*(\d+) ", said))) == sorted(named.values())
