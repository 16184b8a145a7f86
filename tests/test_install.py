"""`make` takes torch for CPUs where there is no GPU and an index has it, says each step, and works without it, too."""

import importlib.util
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def install(monkeypatch):
    spec = importlib.util.spec_from_file_location("install", ROOT / ".ci" / "install.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.delenv("TORCH_INDEX", raising=False)
    monkeypatch.setattr(module, "PATIENCE_S", 0.5)
    monkeypatch.setattr(module, "has_gpu", lambda: False)
    return module


@pytest.fixture
def index():
    """An index that has torch, and nothing else."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/whl/torch/" else 404)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/whl"
    server.shutdown()
    server.server_close()


@pytest.fixture
def silent():
    """An index that takes a call and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/whl"


@pytest.fixture
def typed(install, monkeypatch):
    """Commands that were run, each ending with the code of its kind."""
    ran, codes = [], {}

    def run(command, check):
        ran.append(" ".join(map(str, command)))
        return subprocess.CompletedProcess(command, next((c for w, c in codes.items() if w in ran[-1]), 0))

    monkeypatch.setattr(install.subprocess, "run", run)
    return ran, codes


def test_an_index_answers_if_it_has_torch(install, index, silent):
    assert install.answers(index) and install.answers(index + "/")
    assert not install.answers(index + "/other")
    assert not install.answers(silent)
    assert not install.answers("http://127.0.0.1:1/whl")
    assert not install.answers("no address")


def test_torch_for_cpus_is_taken_only_where_there_is_no_gpu_and_the_index_answers(install, index, silent, monkeypatch):
    monkeypatch.setattr(install.sys, "platform", "linux")
    monkeypatch.setattr(install, "CPU_INDEX", index)
    assert install.torch_index() == (index, "no NVIDIA device")
    monkeypatch.setattr(install, "has_gpu", lambda: True)
    assert install.torch_index()[0] == ""
    monkeypatch.setenv("TORCH_INDEX", index)  # who names one wants it
    assert install.torch_index() == (index, "as TORCH_INDEX says")
    monkeypatch.setenv("TORCH_INDEX", silent)
    assert install.torch_index() == ("", f"{silent} does not answer")
    monkeypatch.setenv("TORCH_INDEX", "")
    assert install.torch_index() == ("", "as TORCH_INDEX says")


@pytest.mark.parametrize("code", [0, 1])
def test_whatever_becomes_of_that_index_the_rest_is_installed(install, index, typed, monkeypatch, capsys, code):
    ran, codes = typed
    codes["--index-url"] = code
    monkeypatch.setenv("TORCH_INDEX", index)
    assert install.main(Path("there"), ["--editable", ".[demo]"]) == 0
    made, torch, rest = ran
    assert made == f"{sys.executable} -m venv there"
    assert torch.endswith(f"--index-url {index} torch torchvision") and "--no-deps" in torch
    assert rest == "there/bin/python -m pip install --constraint constraints.txt --editable .[demo]"
    said = capsys.readouterr().out
    assert [line[:9] for line in said.splitlines() if line.startswith("==")] == ["== 1 of 3", "== 2 of 3", "== 3 of 3"]
    assert ("did not work" in said) == bool(code)


def test_what_fails_is_told_by_the_exit_code(install, typed, monkeypatch):
    ran, codes = typed
    monkeypatch.setenv("TORCH_INDEX", "")
    codes["pip install"] = 3
    assert install.main(Path("there"), ["."]) == 3
    codes["-m venv"] = 4
    assert install.main(Path("there"), ["."]) == 4
    assert len(ran) == 3


def test_make_help_lists_every_target():
    said = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    phony = next(line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith(".PHONY:"))
    assert sorted(line.split()[1] for line in said.splitlines()) == sorted(phony.split()[1:])
    assert all(len(line.split()) > 2 for line in said.splitlines())
