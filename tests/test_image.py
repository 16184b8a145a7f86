"""The Docker image: its steps hold together, and what it sets lets `moderate` work without network or disk.

Where Docker is, the image is built and run. Elsewhere its steps are read; and where namespaces can be made, `moderate`
runs as the image runs it: user 1000, no network, nothing to write but /tmp and the folder of results.
"""

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from extract.pyav_writer import write_video

ROOT = Path(__file__).resolve().parents[1]
USER = "1000"


def instructions() -> list[tuple[str, str]]:
    """Return (instruction, rest) of the Dockerfile, continued lines joined, comments left out."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(words[0], words[1]) for line in joined.splitlines() if len(words := line.split(None, 1)) == 2]


def rests(name: str, *, last_stage: bool = False) -> list[str]:
    steps = instructions()
    if last_stage:
        steps = steps[max(place for place, step in enumerate(steps) if step[0] == "FROM") :]
    return [rest for instruction, rest in steps if instruction == name]


def settings() -> configparser.ConfigParser:
    found = configparser.ConfigParser()
    found.read(ROOT / "setup.cfg")
    return found


def environment() -> dict[str, str]:
    """Return the variables of the last stage."""
    return dict(word.split("=", 1) for rest in rests("ENV", last_stage=True) for word in shlex.split(rest))


def sources() -> set[str]:
    return {name for rest in rests("COPY") if "--from" not in rest for name in rest.split()[:-1]}


def test_all_that_is_copied_is_there_and_let_in_and_all_that_is_installed_is_copied():
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert sources() == let_in
    assert all((ROOT / name).exists() for name in let_in)
    packages = {name.rstrip("*") for name in settings()["options.packages.find"]["include"].split()}
    licences = settings()["metadata"]["license_files"].split()
    assert packages | {*licences, "setup.cfg", "pyproject.toml", "README.md", "constraints.txt"} == let_in


def test_it_installs_pinned_versions_of_extras_that_exist_with_a_python_that_is_new_enough():
    installs = [rest for rest in rests("RUN") if "pip install" in rest]
    assert all("--constraint constraints.txt" in rest for rest in installs)
    (project,) = [rest for rest in installs if "'." in rest]
    (extras,) = re.findall(r"'\.\[([a-z0-9,]+)\]'", project)
    assert set(extras.split(",")) <= set(settings()["options.extras_require"])
    assert not set(extras.split(",")) & {"test", "dev", "demo"}
    (python,) = (rest.partition("=")[2] for rest in rests("ARG") if rest.startswith("PYTHON="))
    least = settings()["options"]["python_requires"].removeprefix(">=")
    assert [int(part) for part in python.split(".")] >= [int(part) for part in least.split(".")]


def test_the_default_is_for_cpus_and_an_argument_takes_the_wheels_with_cuda():
    assert "DEVICE=cpu" in rests("ARG")
    (torch,) = [rest for rest in rests("RUN") if "TORCH_INDEX" in rest]
    script = torch.replace("pip", "echo pip")
    for device, said in (("cpu", "pip install --no-deps --index-url somewhere"), ("cuda", "")):
        variables = {**os.environ, "DEVICE": device, "TORCH_INDEX": "somewhere"}
        ran = subprocess.run(["sh", "-ec", script], env=variables, capture_output=True, text=True, check=True)
        assert ran.stdout.startswith(said) and bool(ran.stdout) == bool(said)


def test_it_runs_the_console_script_as_an_ordinary_user_and_writes_caches_below_tmp():
    (script,) = re.findall(r"^(\S+) = pipeline\.cli:main$", settings()["options.entry_points"]["console_scripts"], re.M)
    assert [json.loads(rest) for rest in rests("ENTRYPOINT", last_stage=True)] == [[script]]
    assert rests("USER", last_stage=True) == [f"{USER}:{USER}"]
    assert instructions().index(("USER", f"{USER}:{USER}")) > max(
        place for place, (name, _) in enumerate(instructions()) if name in ("RUN", "COPY")
    )
    assert rests("VOLUME", last_stage=True) == rests("WORKDIR", last_stage=True) == ["/out"]
    places = {name: value for name, value in environment().items() if name.endswith(("HOME", "DIR"))}
    assert {"HOME", "XDG_CACHE_HOME", "MPLCONFIGDIR", "TORCH_HOME"} <= set(places)
    assert all(value == "/tmp" or value.startswith("/tmp/") for value in places.values())


def test_the_documents_run_it_as_it_is_built():
    for page in ("README.md", "docs/guide.md"):
        text = (ROOT / page).read_text().replace("\\\n", " ")
        assert "docker build" in text or "make image" in text
        (run,) = re.findall(r"^    docker run .* moderate .*", text, re.M)
        words = run.split()
        assert {"--read-only", "--network"} <= set(words) and ":/out" in run and "--tmpfs /tmp" in run
        assert ":ro" in run and words[words.index("coarse2fine") + 1] == "moderate"


def library(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 255, (64, 64, 3), np.uint8) for _ in range(12)]
    (folder / "A film (2019)").mkdir(parents=True)
    write_video(folder / "A film (2019)" / "A film (2019).mkv", pictures, fps=Fraction(2))
    return folder


def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    folder.mkdir()
    if os.getuid() == 0:
        os.chown(folder, int(USER), int(USER))
    return folder


def assert_moderated(folder: Path, ran: subprocess.CompletedProcess[str]) -> None:
    assert ran.returncode == 0, ran.stdout + ran.stderr
    current = folder / "moderation" / "current"
    assert "A film (2019)" in (current / "titles.csv").read_text()
    assert (current / "report.html").is_file()
    assert "\n1 film: " in ran.stdout


def is_open(path: Path) -> bool:
    """Say whether another user can come to a path."""
    return all(parent.stat().st_mode & 1 for parent in path.resolve().parents)


def interpreter_opened() -> list[str]:
    """Return the steps that bring the interpreter to user 1000 where it lies in root's home."""
    base = Path(sys.base_prefix).resolve()
    if is_open(base):
        return []
    shut = next(parent for parent in reversed(base.parents) if not parent.stat().st_mode & 1)
    aside, there = (
        "mount --bind {0} /srv",
        "mount -t tmpfs -o mode=755 tmpfs {1} && mkdir -p {0} && mount --bind /srv {0}",
    )
    return [step.format(shlex.quote(str(base)), shlex.quote(str(shut))) for step in (aside, there)]


def can_make_namespaces() -> bool:
    if os.getuid() != 0 or not shutil.which("unshare") or not shutil.which("setpriv"):
        return False
    if not is_open(ROOT) or not is_open(Path(sys.prefix)):
        return False
    return not subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, check=False).returncode


@pytest.mark.slow
@pytest.mark.skipif(
    not can_make_namespaces(), reason="needs root, unshare, setpriv and a checkout that others can read"
)
def test_moderate_runs_without_network_and_disk_as_user_1000(tmp_path):
    films, out = library(tmp_path / "films"), results(tmp_path)
    steps = [
        *interpreter_opened(),
        f"mount --bind {shlex.quote(str(films))} /mnt && mount -o remount,bind,ro /mnt",
        f"mount --bind {shlex.quote(str(out))} /media",
        "mount -o remount,bind,ro /",
        "mount -t tmpfs tmpfs /tmp && cd /media",
        "! touch /mnt/mark 2>/dev/null && ! touch /var/mark 2>/dev/null",
        f"exec setpriv --reuid={USER} --regid={USER} --clear-groups --no-new-privs --bounding-set=-all "
        f"{shlex.quote(sys.executable)} -c 'from pipeline.cli import main; main()' moderate /mnt",
    ]
    given = {name: value for name, value in environment().items() if name != "PATH"}
    found = os.pathsep.join([str(ROOT), os.environ.get("PATH", "")])
    ran = subprocess.run(
        ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-ec", "\n".join(steps)],
        env={**given, "PATH": found, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert_moderated(out, ran)


def has_docker() -> bool:
    command = ["docker", "info"]
    return bool(shutil.which("docker")) and not subprocess.run(command, capture_output=True, check=False).returncode


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(not has_docker(), reason="needs a Docker daemon")
def test_the_image_is_built_and_moderates_without_a_network(tmp_path):
    films, out = library(tmp_path / "films"), results(tmp_path)
    subprocess.run(["docker", "build", "--tag", "coarse2fine-test", str(ROOT)], check=True)
    user = USER if os.getuid() == 0 else str(os.getuid())
    places = ["--volume", f"{films}:/library:ro", "--volume", f"{out}:/out"]
    closed = ["--network", "none", "--read-only", "--tmpfs", "/tmp", "--user", user]
    command = ["docker", "run", "--rm", *closed, *places, "coarse2fine-test", "moderate", "/library"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert_moderated(out, ran)
