"""The examples of unattended operation, run as far as a test can."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
NIGHTLY, SBATCH = EXAMPLES / "cron" / "nightly.sh", EXAMPLES / "slurm" / "nightly.sbatch"
CLUSTER = EXAMPLES / "ray" / "cluster.sh"


def write_program(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def program(tmp_path):
    """The command line as an executable in ``bin``."""
    start = "from pipeline.cli import main; main()"
    return write_program(tmp_path / "bin" / "coarse2fine", f'exec "{sys.executable}" -c "{start}" "$@"')


def run(script, night, program, **environment):
    path = f"{program.parent}:/usr/bin:/bin"
    return subprocess.run(
        ["bash", script, night.config], env={"PATH": path, **environment}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("script", [NIGHTLY, SBATCH, CLUSTER], ids=lambda path: path.name)
def test_the_scripts_parse(script):
    subprocess.run(["bash", "-n", script], check=True)


def test_a_night_by_cron(night, program, tmp_path):
    (tmp_path / "metrics").mkdir()
    for frame in ("0.0104", "0.0106"):
        night.command("run", "--set", f"infer.thresholds.smoking.frame={frame}")
    done = run(NIGHTLY, night, program, KEEP="2", METRICS=str(tmp_path / "metrics"), WORK=str(night.work))
    assert done.returncode == 0, done.stderr
    assert len(list((night.work / "runs").iterdir())) == 2
    metrics = (tmp_path / "metrics" / "coarse2fine.prom").read_text()
    assert metrics == (night.work / "metrics.prom").read_text()
    assert [path.name for path in (tmp_path / "metrics").iterdir()] == ["coarse2fine.prom"]


def test_a_night_that_fails_keeps_its_exit_code_and_collects_nothing(night, program):
    night.command("run")
    shutil.rmtree(night.folder / "checkpoint")
    before = sorted((night.work / "runs").iterdir())
    assert run(NIGHTLY, night, program).returncode == 2
    assert sorted((night.work / "runs").iterdir()) == before


@pytest.mark.parametrize("code", [70, 5, 141])
def test_a_night_that_did_not_end_well_collects_nothing_and_cron_tells(tmp_path, night, code):
    program = write_program(tmp_path / "bin" / "coarse2fine", f'echo "$1" >> {tmp_path}/called; exit {code}')
    assert run(NIGHTLY, night, program).returncode == code
    assert (tmp_path / "called").read_text() == "run\n"
    for line in (EXAMPLES / "cron" / "crontab").read_text().splitlines():
        if line[:1].isdigit():
            command = line.split(maxsplit=5)[5].replace("/var/log", str(tmp_path)).replace("nightly.sh", "coarse2fine")
            path = f"{program.parent}:/usr/bin:/bin"
            said = subprocess.run(
                ["sh", "-c", command], env={"PATH": path}, capture_output=True, text=True, check=False
            )
            assert f"exit code {code}" in said.stdout


def test_every_line_of_the_crontab_is_a_time_and_a_command():
    lines = [line for line in (EXAMPLES / "cron" / "crontab").read_text().splitlines() if not line.startswith("#")]
    assert lines[0].startswith("PATH=")
    for line in lines[1:]:
        *when, command = line.split(maxsplit=5)
        assert all(set(field) <= set("0123456789*/,-") for field in when)
        assert "%" not in command  # cron would take it for a line break
        assert "--config /films/run.toml" in command or command.startswith("nightly.sh /films/run.toml")


def test_a_job_of_slurm(night, program):
    write_program(program.parent / "srun", 'exec "$@"')
    write_program(program.parent / "scontrol", f'echo "$@" > "{program.parent}/requeued"')
    assert run(SBATCH, night, program, SLURM_CPUS_PER_TASK="2").returncode == 0
    assert len(list((night.work / "runs").iterdir())) == 1
    write_program(program.parent / "srun", "exit 130")
    assert run(SBATCH, night, program, SLURM_JOB_ID="17").returncode == 130
    assert (program.parent / "requeued").read_text() == "requeue 17\n"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["head"], "start --head --port=6379 --include-dashboard=false --disable-usage-stats --num-cpus=3"),
        (["worker", "10.0.0.1:6379"], "start --address=10.0.0.1:6379 --disable-usage-stats --num-cpus=3"),
        (["stop"], "stop --grace-period 30"),
    ],
)
def test_a_machine_joins_and_leaves_a_ray_cluster(tmp_path, arguments, expected):
    write_program(tmp_path / "bin" / "ray", f'echo "$@" "$RAY_worker_niceness" > "{tmp_path}/asked"')
    path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    subprocess.run(["bash", CLUSTER, *arguments], env={"PATH": path, "CORES": "3"}, check=True)
    assert (tmp_path / "asked").read_text() == f"{expected} 0\n"


@pytest.mark.parametrize("arguments", [[], ["worker"], ["else"]])
def test_a_cluster_script_without_sense_explains_itself(arguments):
    done = subprocess.run(["bash", CLUSTER, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "HEAD:" in done.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze on this machine")
def test_the_units_of_systemd(tmp_path):
    for unit in ("coarse2fine.service", "coarse2fine.timer"):
        text = (EXAMPLES / "systemd" / unit).read_text()
        (tmp_path / unit).write_text(text.replace("/opt/coarse2fine/bin/coarse2fine", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "coarse2fine.service", "coarse2fine.timer"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    problems = [line for line in done.stderr.splitlines() if "coarse2fine." in line]
    assert problems == []
