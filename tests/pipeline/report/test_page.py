import base64
import configparser
import hashlib
import html
import json
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from pipeline.config import load_config
from pipeline.report.charts import points, scaled, steps
from pipeline.report.stage import report

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def page(finished_runs):
    path = finished_runs.parent / "report.html"
    report(load_config(finished_runs), out=path, pictures=False)
    return path.read_text(encoding="utf-8")


def scripts(page, kind):
    return re.findall(rf"<script{kind}[^>]*>(.*?)</script>", page, re.DOTALL)


def test_only_the_page_s_own_style_and_script_may_run(page):
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    (script,) = scripts(page, "(?! type)")
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    for name, text in (("script-src", script), ("style-src", style)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[name] == f"'sha256-{digest}'"
    assert "unsafe" not in policy and "http" not in policy


def test_the_page_needs_no_other_file(page):
    assert re.findall(r'(?:src|href)="(?!#|data:,")[^"]*"', page) == []
    assert re.findall(r'\sstyle="|\son[a-z]+="', page) == []


def test_what_a_run_says_is_text_never_markup(page):
    assert "owned" in page  # the hostile error is shown
    assert "<img" not in page
    assert len(scripts(page, "(?! type)")) == 1
    values = [json.loads(text) for text in scripts(page, ' type="application/json"')]
    assert "</script><script>" in values[4]["why"]


def test_titles_come_in_the_order_of_the_run_with_their_status(page):
    rows = re.findall(r'<tr data-n="(\d)" data-status="(\w+)" data-labels="([\w;]*)">', page)
    assert rows == [
        ("0", "flagged", "smoking;violence"),
        ("1", "clear", ""),
        ("2", "partial", "violence"),
        ("3", "clear", ""),
        ("4", "quarantined", ""),
    ]
    assert "2 titles were not read to the end" in page


def test_templates_are_in_the_wheel():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    patterns = setup["options.package_data"]["pipeline"].split()
    files = [path.relative_to(ROOT / "pipeline").as_posix() for path in (ROOT / "pipeline" / "templates").iterdir()]
    assert len(files) >= 4
    assert [name for name in files if not any(fnmatch(name, pattern) for pattern in patterns)] == []


def test_chart_points_by_hand():
    assert points([(0, 0), (0.5, 1)]) == "0.00,100.00 50.00,0.00"
    assert steps([1, 0.5]) == "0.00,100.00 0.00,0.00 50.00,0.00 50.00,50.00 100.00,50.00 100.00,100.00"
    assert scaled([0.25, 0.0], [1.0, 0.04]) == [[0.5, 0.0], [1.0, pytest.approx(0.2)]]
    assert scaled([0.0]) == [[0.0]]
