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
from pipeline.report.charts import marks, points, scaled, steps
from pipeline.report.run import read_run
from pipeline.report.stage import report
from pipeline.report.wording import heat, number_class

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


def test_marks_show_what_was_found_and_what_was_not_read(finished_runs):
    run = read_run(finished_runs.parent / "work" / "runs" / "now")
    rows = {row.title_id: row for row in run.titles}
    found = {title_id: marks(row, run.segments.get(title_id, ())) for title_id, row in rows.items()}
    assert found["film-a"] == [
        ("flag", pytest.approx(100 * 3 / 12), 25),
        ("flag", pytest.approx(100 * 8 / 12), pytest.approx(100 / 6)),
    ]
    assert found["film-c"] == [
        ("gap", pytest.approx(100 * 5 / 12), pytest.approx(100 * 7 / 12)),
        ("flag", pytest.approx(100 / 12), pytest.approx(100 / 12)),
    ]
    assert found["film-d"] == [("gap", 0, 100)]
    assert found["film-e"] == []


@pytest.mark.parametrize("text", ["0", "41.7 %", "12 s", "-", "+3", "27.4 ± 1.2", "20.0 % to 100.0 %", "1,234"])
def test_numbers_are_aligned_to_the_right(text):
    assert number_class(text) == ' class="n"'


@pytest.mark.parametrize("text", ["", "mAP", "2 titles", "3C-Net", "<b>"])
def test_words_are_not(text):
    assert number_class(text) == ""


def test_shades_follow_the_square_root():
    assert [heat(value) for value in (None, 0.0, 0.01, 0.25, 1.0)] == ["", " h0", " h1", " h5", " h9"]


def test_what_is_not_in_the_report_is_said(page):
    assert "Not in this report: tables of a benchmark" in page
