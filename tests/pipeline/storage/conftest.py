"""A real S3 server on loopback (moto's), and a proxy before it that throttles, cuts and stalls on request."""

from __future__ import annotations

import http.client
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from extract.pyav_writer import write_video

SLOW_DOWN = (
    b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
)
OK, THROTTLE, CUT, STALL, REFUSE, DENY = "ok", "throttle", "cut", "stall", "refuse", "deny"


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    span: str | None

    @property
    def key(self) -> str:
        return self.path.partition("?")[0]


@dataclass
class Proxy:
    """Hands requests to the server, or does to them what ``fault`` says.

    Args:
        seen: every request, in order.
        fault: what is done to a request, given how many came before since ``reset``.
        served_bytes: of answers to GET.
    """

    url: str = ""
    seen: list[Request] = field(default_factory=list)
    fault: Callable[[int, Request], str] = lambda number, request: OK
    faults: int = 0
    served_bytes: int = 0
    released: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reset(self) -> None:
        self.released.set()
        self.released = threading.Event()
        with self.lock:
            self.seen, self.faults, self.served_bytes = [], 0, 0
            self.fault = lambda number, request: OK

    def count(self, method: str, part: str = "") -> int:
        return sum(request.method == method and part in request.path for request in self.seen)


def handler(proxy: Proxy, server: tuple[str, int]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = Request(self.command, self.path, self.headers.get("Range"))
            with proxy.lock:
                fault = proxy.fault(len(proxy.seen), request)
                proxy.seen.append(request)
                proxy.faults += fault != OK
            if fault == STALL:
                proxy.released.wait(120)
            if fault in (STALL, REFUSE):
                self.close_connection = True
                return
            if fault in (THROTTLE, DENY):
                code = 503 if fault == THROTTLE else 403
                self.send(code, [], b"" if self.command == "HEAD" else SLOW_DOWN if code == 503 else DENIED, cut=False)
                return
            upstream = http.client.HTTPConnection(*server)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "expect")}
            upstream.request(self.command, self.path, body, headers)
            response = upstream.getresponse()
            content = response.read()
            upstream.close()
            length = response.headers.get("Content-Length") if self.command == "HEAD" else None
            proxy.served_bytes += len(content) if self.command == "GET" else 0
            self.send(response.status, response.getheaders(), content, cut=fault == CUT, length=length)

        def send(self, status, headers, content: bytes, *, cut: bool, length: str | None = None) -> None:
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                    self.send_header(name, value)
            self.send_header("Content-Length", length or str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if cut else content)
            self.wfile.flush()
            self.close_connection = self.close_connection or cut

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = answer

        def log_message(self, *arguments: object) -> None:
            pass

    return Handler


DENIED = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


@pytest.fixture(scope="session")
def s3_proxy():
    """Start server and proxy once; the environment leads every client of this process to the proxy."""
    pytest.importorskip("s3fs", reason="the extra s3 is not installed")
    server_module = pytest.importorskip("moto.server", reason="moto is not installed")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = server_module.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    proxy = Proxy()
    front = ThreadingHTTPServer(("127.0.0.1", 0), handler(proxy, server.get_host_and_port()))
    front.daemon_threads = True
    threading.Thread(target=front.serve_forever, daemon=True).start()
    proxy.url = f"http://127.0.0.1:{front.server_port}"
    values = {
        "AWS_ENDPOINT_URL": proxy.url,
        "AWS_ACCESS_KEY_ID": "AKIATESTTESTTEST",
        "AWS_SECRET_ACCESS_KEY": "a-secret-that-nobody-may-log",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    yield proxy
    for name, value in before.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    front.shutdown()
    server.stop()


@pytest.fixture
def proxy(s3_proxy):
    s3_proxy.reset()
    yield s3_proxy
    s3_proxy.reset()


@pytest.fixture
def bucket(proxy, request, tmp_path, monkeypatch):
    """An empty bucket; the kernel locks of its runs are the test's own."""
    import s3fs

    from data.locations import locate

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    name = f"b{abs(hash(request.node.nodeid)):x}"
    s3fs.S3FileSystem(use_listings_cache=False).mkdir(name)
    proxy.reset()
    return locate(f"s3://{name}")


@pytest.fixture
def command():
    """Run a command in this process; return its exit code."""

    def run(config: Path, *arguments: object) -> int:
        from pipeline import cli

        name, *rest = [str(argument) for argument in arguments]
        group = [name, rest.pop(0)] if name in ("runs", "quarantine") else [name]
        with pytest.raises(SystemExit) as caught:
            cli.main([*group, "--config", str(config), *rest])
            sys.exit(0)
        return caught.value.code or 0

    return run


@pytest.fixture(name="tree")
def tree_fixture():
    return tree


@pytest.fixture(name="products")
def products_fixture():
    return products


def tree(folder) -> dict[str, bytes]:
    """Contents below a folder of this machine or of a store, by relative name; links are not followed."""
    from data.store_path import StorePath

    if isinstance(folder, StorePath):
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.files_below()}
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "current" not in path.relative_to(folder).parts
    }


def products(folder) -> dict[str, bytes]:
    """What must be equal byte by byte: shards, scores, and the tables of runs; a report says when."""
    timed = ("run.json", "events.jsonl", "report.html")
    return {
        name: content
        for name, content in tree(folder).items()
        if name.startswith(("features/", "scores/", "runs/")) and not name.endswith(timed)
    }


FILMS = {
    "end.mp4": {},
    "start.mp4": {"muxer_options": {"movflags": "faststart"}},
    "film.mkv": {},
    "film.ts": {},
}
CONFIG = """
work_dir = "{base}/work"
checkpoint = "{base}/checkpoint"
[data]
titles = "{base}/titles.csv"
media_root = "{base}/films"
labels = ["checks"]
[extract]
device = "cpu"
decode_workers = 2
[infer]
device = "cpu"
[storage]
timeout_s = {timeout_s}
patience_s = {patience_s}
"""


def write_film(path: Path, seed: int, seconds: int = 5) -> None:
    """Noise does not compress: about 1 MB a second."""
    rng = np.random.default_rng(seed)
    frames = (rng.integers(0, 255, (240, 320, 3), dtype=np.uint8) for _ in range(seconds * 4))
    options = {"crf": "4", "preset": "ultrafast"}
    write_video(path, frames, fps=Fraction(4), options=options, **FILMS.get(path.name, {}))


def write_config(path: Path, base: object, timeout_s: float = 20, patience_s: float = 120) -> Path:
    path.write_text(CONFIG.format(base=base, timeout_s=timeout_s, patience_s=patience_s))
    return path


@pytest.fixture(scope="session")
def local(tmp_path_factory):
    """A catalogue on disk, and a whole run over it."""
    from data.schemas import LabelThresholds
    from data.shards import read_header
    from model.build import build_network
    from model.checkpoint import save_checkpoint
    from model.settings import ModelSettings
    from model.sidecar import Checkpoint
    from pipeline import cli

    folder = tmp_path_factory.mktemp("local")
    (folder / "films").mkdir()
    rows = ["title_id,path,split"]
    for seed, name in enumerate(FILMS):
        write_film(folder / "films" / name, seed)
        rows.append(f"{name.replace('.', '-')},{name},test")
    (folder / "titles.csv").write_text("\n".join(rows) + "\n")
    config = write_config(folder / "run.toml", folder)
    with pytest.raises(SystemExit):
        cli.main(["extract", "--config", str(config)])
    spec = read_header(folder / "work" / "features" / "end-mp4.parquet").spec
    settings = ModelSettings(conv_channels=4, fc_channels=(4, 4), top_k_divisor=8)
    network = build_network(settings, width=spec.width, labels=1, seed=0)
    thresholds = {"checks": LabelThresholds(0.0, 0.0, 0, 0)}
    save_checkpoint(folder / "checkpoint", network, Checkpoint(settings, ("checks",), spec, thresholds))
    with pytest.raises(SystemExit) as ended:
        cli.main(["run", "--config", str(config)])
    assert ended.value.code == 0
    return folder


@pytest.fixture
def upload(local, bucket):
    """Copy the catalogue, without its work folder, to the bucket."""
    for part in ("films", "checkpoint"):
        for path in (local / part).iterdir():
            (bucket / part / path.name).write_bytes(path.read_bytes())
    (bucket / "titles.csv").write_bytes((local / "titles.csv").read_bytes())
    return bucket


@pytest.fixture(name="write_config")
def write_config_fixture():
    return write_config


@pytest.fixture(name="write_film")
def write_film_fixture():
    return write_film


@pytest.fixture
def film_names():
    return tuple(FILMS)


@pytest.fixture
def ledger(bucket):
    """Read the ledger of the bucket's work folder as a table by title."""

    def read() -> pd.DataFrame:
        content = (bucket / "work" / "ledger.parquet").read_bytes()
        return pq.read_table(pa.BufferReader(content)).to_pandas().set_index("title_id")

    return read
