"""What the doctor says of this host, and when it fails."""

from __future__ import annotations

import tempfile

import pytest
from click.testing import CliRunner

from extract import sandbox_trial
from extract.sandbox_trial import Measure
from extract.settings import ExtractSettings
from pipeline import doctor
from pipeline.cli import cli
from pipeline.doctor import examine


@pytest.fixture
def findings(tmp_path):
    """``findings(**extract settings)``: everything found, by subject."""

    def look(**settings):
        found = {}
        for finding in examine(ExtractSettings(**settings), tmp_path / "not" / "there"):
            found.setdefault(finding.subject, []).append((finding.state, finding.words))
        return found

    return look


def test_a_host_that_runs_these_tests_is_fit(findings):
    found = findings()
    assert list(found) == ["versions", "disk", "ffmpeg", "decord", "sandbox", "weights", "device"]
    assert [row for rows in found.values() for row in rows if row[0] == "failure"] == []
    assert "LGPL" in found["ffmpeg"][0][1] or "GPL" in found["ffmpeg"][0][1]
    assert len(found["sandbox"]) == 16


def test_what_is_missing_is_named(findings, monkeypatch, tmp_path):
    measures = [Measure("write files", True, False), Measure("reach the network", False, False)]
    monkeypatch.setattr(sandbox_trial, "try_sandbox", lambda folder, level: measures)
    monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    monkeypatch.setattr(doctor, "LOW_DISK_BYTES", 10**18)
    found = findings(reader="decord", weights=tmp_path / "none.pth", device="cuda:9")
    assert [state for state, _ in found["sandbox"]] == ["failure", "warning"]
    assert found["sandbox"][1][1] == "a decoder CAN: reach the network (docs/security.md)"
    for subject in ("disk", "decord", "weights", "device"):
        assert found[subject][0][0] == "failure", found[subject]


def test_an_ffmpeg_without_libvpx_is_a_warning(findings, monkeypatch):
    from extract import ffmpeg_build

    without = frozenset(ffmpeg_build.av.codecs_available) - {"libvpx", "libvpx-vp9"}
    monkeypatch.setattr(ffmpeg_build.av, "codecs_available", without)
    words = "no libvpx: damage inside pictures of vp8 and vp9 will pass for whole pictures"
    assert findings()["codecs"] == [("warning", words)]


@pytest.mark.parametrize(
    ("state", "strict", "code"), [("ok", True, 0), ("warning", False, 0), ("warning", True, 1), ("failure", False, 1)]
)
def test_exit_codes(monkeypatch, state, strict, code):
    monkeypatch.setattr(doctor, "examine", lambda *asked: iter([doctor.Finding("disk", state, "words")]))
    ran = CliRunner().invoke(cli, ["doctor", *(["--strict"] if strict else [])])
    assert (ran.exit_code, ran.output.splitlines()[0].split()) == (code, [state, "disk", "words"])


def test_it_leaves_nothing_behind(findings, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    findings()
    assert list(tmp_path.iterdir()) == []
