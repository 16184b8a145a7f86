"""Make an environment and install into it, saying each step: ``python .ci/install.py VENV PIP_ARGUMENTS...``.

PyTorch's default wheels for Linux bring CUDA along, gigabytes that are of no use without an NVIDIA device. Where there
is none, those of PyTorch's CPU index are taken, if it answers soon; if anything is wrong with it, the default ones.
``TORCH_INDEX`` names another index; empty, none is asked. Needs nothing but Python's standard library.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
PATIENCE_S = 4.0
LEAST_PYTHON = (3, 11)
STEPS = 3


def has_gpu() -> bool:
    """Say whether there is an NVIDIA device, or its driver's tool."""
    return bool(shutil.which("nvidia-smi")) or any(Path("/dev").glob("nvidia[0-9]*"))


def answers(index: str) -> bool:
    """Say whether an index serves torch, within a few seconds; looking up its name can take longer than any timeout."""
    found: list[bool] = []

    def ask() -> None:
        try:
            with urllib.request.urlopen(f"{index.rstrip('/')}/torch/", timeout=PATIENCE_S) as page:
                found.append(page.status == 200)
        except (OSError, ValueError):
            found.append(False)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PATIENCE_S)
    return found == [True]


def torch_index() -> tuple[str, str]:
    """Return the index to take torch from, empty for pip's own, and why."""
    named = os.environ.get("TORCH_INDEX")
    if named == "":
        return "", "as TORCH_INDEX says"
    if named is None and not sys.platform.startswith("linux"):
        return "", "they are small here"
    if named is None and has_gpu():
        return "", "there is an NVIDIA device"
    index = named or CPU_INDEX
    if not answers(index):
        return "", f"{index} does not answer"
    return index, "as TORCH_INDEX says" if named else "no NVIDIA device"


def say(step: int, words: str) -> None:
    """Print a step."""
    print(f"== {step} of {STEPS}: {words}", flush=True)


def main(venv: Path, arguments: Sequence[str]) -> int:
    """Install; return pip's exit code."""
    if sys.version_info < LEAST_PYTHON:
        print(
            f"Python {sys.version.split()[0]} is too old: name one of 3.11 or newer, PYTHON=python3.12", file=sys.stderr
        )
        return 2
    say(1, f"an environment of its own in {venv}")
    made = subprocess.run([sys.executable, "-m", "venv", venv], check=False)
    if made.returncode:
        return made.returncode
    pip = [venv / "bin" / "python", "-m", "pip", "install", "--constraint", "constraints.txt"]
    index, why = torch_index()
    if index:
        say(2, f"PyTorch for CPUs from {index} ({why}; about 200 MB)")
        # Without what it needs: that comes in the next step, in the versions of constraints.txt.
        only = ["--no-deps", "--retries", "1", "--index-url", index, "torch", "torchvision"]
        if subprocess.run([*pip, *only], check=False).returncode:
            print("   did not work; the default wheels are taken, which may be large")
    else:
        say(2, f"PyTorch: the default wheels, with the next step ({why})")
    say(3, f"what {' '.join(arguments)} needs; minutes the first time")
    return subprocess.run([*pip, *arguments], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
