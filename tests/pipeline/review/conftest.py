"""Reviews made of the very actions that the page sends; a small finished run to review, and clients of its server."""

import json
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from data.schemas import Coverage, LabelThresholds
from extract.pyav_writer import write_video
from infer.segments import find_segments
from infer.title_scores import TitleScores
from infer.title_status import title_row
from infer.write import Origin, open_scores, write_results
from pipeline.config import load_config
from pipeline.review.actions import ActionRequest, OpenTitle, make_entry
from pipeline.review.log import ReviewedSegment
from pipeline.review.stage import open_session
from pipeline.review.state import TitleReview, replay_title

LABELS = ("smoking", "violence")
RUN = "run1"


class Desk:
    """One reviewer at one title; the model found violence at 3-6 and 20-25 s, and smoking at 8-10 s."""

    def __init__(self, reviewer="ann", title_id="film-a", length_s=60.0, run_id=RUN, spans=None):
        self.entries = []
        self.reviewer, self.title_id, self.length_s, self.run_id = reviewer, title_id, length_s, run_id
        spans = spans or [("violence", 3, 6), ("smoking", 8, 10), ("violence", 20, 25)]
        self.of_model = {
            f"{run_id}:{n}": ReviewedSegment(id=f"{run_id}:{n}", label=label, start_s=start, end_s=end)
            for n, (label, start, end) in enumerate(spans)
        }

    @property
    def review(self) -> TitleReview:
        return replay_title(self.entries)

    def do(self, action, segment=None, **values):
        """Do an action; a number names a segment of the model. Return the entry."""
        if isinstance(segment, int):
            segment = f"{self.run_id}:{segment}"
        if isinstance(values.get("other"), int):
            values["other"] = f"{self.run_id}:{values['other']}"
        title = OpenTitle(self.title_id, self.length_s, LABELS, self.review, self.of_model)
        request = ActionRequest(action=action, segment=segment, **values)
        self.entries.append(make_entry(request, title, reviewer=self.reviewer, run_id=self.run_id))
        return self.entries[-1]

    def spans(self, verdict="accepted"):
        found = self.review.segments.values()
        return sorted((s.label, s.start_s, s.end_s) for s in found if s.verdict == verdict)


@pytest.fixture
def make_desk():
    return Desk


@pytest.fixture
def desk(make_desk):
    return make_desk()


HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>"
CONFIG = """
work_dir = "work"
[data]
titles = "titles.csv"
video_labels = "video_labels.csv"
labels = ["smoking", "violence"]
[extract]
decode_workers = 1
"""
SECONDS = 20
PEAKS = {("film-a", 1): (3, 6, 0.81), ("film-a", 0): (8, 10, 0.31), ("film-b", 1): (1, 4, 0.9)}


@pytest.fixture
def reviewed_run(tmp_path: Path) -> Path:
    """Write four titles with a finished run over them; return its run.toml.

    film-a (H.264) holds violence at 3-6 s, surely, and smoking at 8-10 s, nearly at the threshold; film-b, in a
    container that browsers do not play, violence at 1-4 s; film-c is clear and has no video; film-d could not be read.
    """
    rows = ["title_id,path,duration_s,split"]
    rows += [
        f"{name},{path},{SECONDS},train"
        for name, path in (("film-a", "film-a.mp4"), ("film-b", "film-b.ts"), ("film-c", ""), ("film-d", "film-d.mp4"))
    ]
    (tmp_path / "titles.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "video_labels.csv").write_text("title_id,label,present\nfilm-c,violence,0\n")
    (tmp_path / "run.toml").write_text(CONFIG)
    pictures = [np.full((48, 96, 3), 12 * second, np.uint8) for second in range(SECONDS)]
    write_video(tmp_path / "film-a.mp4", iter(pictures), fps=1, options={"preset": "ultrafast", "g": "2"})
    write_video(tmp_path / "film-b.ts", iter(pictures), fps=1, options={"preset": "ultrafast", "g": "2"})
    (tmp_path / "film-d.mp4").write_text("#EXTM3U\nfile:///etc/passwd\n")
    _write_run(tmp_path / "work" / "runs" / RUN)
    (tmp_path / "work" / "current").symlink_to(Path("runs") / RUN)
    return tmp_path / "run.toml"


def _write_run(folder: Path) -> None:
    thresholds = {label: LabelThresholds(0.1, 0.25, 0.0, 0.0, 0.3) for label in LABELS}

    def results():
        with open_scores(folder / "scores.parquet", LABELS) as sink:
            for title_id in ("film-a", "film-b", "film-c"):
                action_TC = np.full((SECONDS, 2), 0.01, np.float32)
                for (name, c), (start, end, score) in PEAKS.items():
                    if name == title_id:
                        action_TC[start:end, c] = score
                scores = TitleScores(title_id, action_TC.max(1) ** 0.5, action_TC**0.5, action_TC, action_TC.max(0))
                sink.add(scores)
                length_s = float(SECONDS)
                coverage = Coverage(
                    title_id, "", "", "pyav", "mp4", "h264", 96, 48, 0, length_s, length_s, SECONDS, 0, True, ""
                )
                found = find_segments(scores, thresholds, LABELS)
                yield title_row(title_id, found, coverage), found
            yield title_row("film-d", None, None, error_code="decode", error=HOSTILE), []

    write_results(folder, results(), Origin(folder.name, "model", "features"))
    record = {"stage": "infer", "run_id": folder.name, "model_id": "model", "finished_at": "2026-01-02T00:00:00+00:00"}
    record |= {"segment_score": "max", "thresholds": {label: asdict(value) for label, value in thresholds.items()}}
    (folder / "run.json").write_text(json.dumps(record))


DESKTOP = {"width": 1280, "height": 900}
TOKEN, HOST = "t0ken-of-the-test", "127.0.0.1:8765"


@pytest.fixture
def session(reviewed_run):
    return open_session(load_config(reviewed_run), None, "ann", None)


@pytest.fixture
def make_client(session):
    pytest.importorskip("fastapi", reason="the extra `review` is not installed")
    testclient = pytest.importorskip("starlette.testclient", reason="starlette's test client needs httpx")
    from pipeline.review.guard import Guard
    from pipeline.review.server import make_app

    def make(**options):
        app = Guard(make_app(session), 8765, TOKEN)
        return testclient.TestClient(app, base_url=f"http://{HOST}", **options)

    return make


@pytest.fixture
def stranger(make_client):
    """Return a client without the token."""
    return make_client()


@pytest.fixture
def client(make_client):
    return make_client(headers={"authorization": f"Bearer {TOKEN}"})


@pytest.fixture
def command_address(reviewed_run):
    """Run the command until the test is over; it ends like a server that somebody stops, without an error."""
    program = [sys.executable, "-c", "from pipeline.cli import main; main()"]
    command = [*program, "review", "--config", str(reviewed_run), "--reviewer", "ann"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            line = server.stdout.readline()
            yield re.search(r"http://127\.0\.0\.1:\d+/\?token=\S+", line)[0]
            server.send_signal(signal.SIGINT)
            assert re.search(r"review: \d+ actions?\n  -> .*review\.jsonl", server.communicate(timeout=60)[0])
        finally:
            server.kill()
        assert server.returncode == 0


@contextmanager
def opening(browser, address):
    """Open the review; afterwards nothing left this server, and nothing complained that was not expected."""
    requested, complaints = [], []

    def make(viewport=DESKTOP, scheme="light", title=None):
        context = browser.new_context(viewport=viewport, color_scheme=scheme, reduced_motion="reduce")
        page = context.new_page()
        page.on("request", lambda request: requested.append(request.url))
        page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        page.wait_for_selector("#queue-table tbody tr")
        if title is not None:
            page.get_by_role("link", name=title, exact=True).press("Enter")
            page.wait_for_selector("#desk h1")
        return page

    yield make
    for context in browser.contexts:
        context.close()
    base = address.partition("?")[0]
    assert [url for url in requested if not url.startswith((base, "data:"))] == []
    expected = ("404", "409", "ERR_FAILED")  # the browser's own words for what the tests provoke
    assert [text for text in complaints if not any(code in text for code in expected)] == []


@pytest.fixture
def open_page(browser, session, served):
    with served(session) as address, opening(browser, address) as make:
        yield make


@pytest.fixture
def open_command(browser, command_address):
    """Open the review of the real command."""
    with opening(browser, command_address) as make:
        yield make
