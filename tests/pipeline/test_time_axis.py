"""Ten seconds of a film of three hours, found on the bars of report and review: by buttons, keys and the wheel."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from data.schemas import Coverage, LabelThresholds
from infer.segments import find_segments
from infer.title_scores import TitleScores
from infer.title_status import title_row
from infer.write import Origin, open_scores, write_results
from pipeline.config import load_config

LABELS = ("smoking", "violence")
HOURS_3 = 3 * 3600
FOUND_S = (6000, 6010)
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 320, "height": 640}


@pytest.fixture
def long_run(tmp_path):
    """Write a catalogue of one film, and a run that found ten seconds of violence in it; return the settings."""
    folder = tmp_path / "work" / "runs" / "now"
    limits = {label: LabelThresholds(0.1, 0.25, 0.0, 0.0, 0.3) for label in LABELS}
    action_TC = np.full((HOURS_3, 2), 0.01, np.float32)
    action_TC[slice(*FOUND_S), 1] = 0.8
    scores = TitleScores("film", action_TC.max(1) ** 0.5, action_TC**0.5, action_TC, action_TC.max(0))
    found = find_segments(scores, limits, LABELS)
    coverage = Coverage("film", "", "", "pyav", "mp4", "h264", 96, 48, 0, HOURS_3, HOURS_3, HOURS_3, 0, True, "")
    with open_scores(folder / "scores.parquet", LABELS) as sink:
        sink.add(scores)
    write_results(folder, [(title_row("film", found, coverage), found)], Origin("now", "model", "features"))
    record = {"stage": "infer", "run_id": "now", "model_id": "model", "finished_at": "2026-01-02T00:00:00+00:00"}
    record |= {"segment_score": "max", "thresholds": {label: asdict(value) for label, value in limits.items()}}
    (folder / "run.json").write_text(json.dumps(record))
    (tmp_path / "work" / "current").symlink_to("runs/now")
    (tmp_path / "titles.csv").write_text(f"title_id,path,duration_s,split\nfilm,,{HOURS_3},test\n")
    (tmp_path / "run.toml").write_text(
        'work_dir = "work"\n[data]\ntitles = "titles.csv"\nlabels = ["smoking", "violence"]\n'
    )
    return load_config(tmp_path / "run.toml")


@pytest.fixture
def open_report(browser, long_run):
    from pipeline.report.stage import report

    path = report(long_run, pictures=False).path

    def make(viewport=DESKTOP):
        page = browser.new_context(viewport=viewport, reduced_motion="reduce").new_page()
        page.goto(f"{path.as_uri()}#title=film")
        return page

    return make


@pytest.fixture
def open_review(browser, long_run, served):
    from pipeline.review.stage import open_session

    with served(open_session(long_run, None, "ann", None)) as address:

        def make(viewport=DESKTOP):
            page = browser.new_context(viewport=viewport, reduced_motion="reduce").new_page()
            page.goto(address)
            page.get_by_role("link", name="film", exact=True).press("Enter")
            page.wait_for_selector("#desk h1")
            return page

        yield make


def part(page):
    return page.locator(".axis output").text_content()


def found_px(page):
    """Return where white begins and ends in the row of what was found, in CSS pixels; the first label's bars."""
    return page.locator("canvas").first.evaluate(
        """node => {
            const ratio = node.width / node.clientWidth, y = Math.round((3 * 21 + 9) * ratio);
            const row = node.getContext('2d').getImageData(0, y, node.width, 1).data;
            const white = [...Array(node.width).keys()].filter((x) => row[4 * x] > 250 && row[4 * x + 2] > 250);
            return white.length ? [white[0] / ratio, (white[white.length - 1] + 1) / ratio] : null;
        }"""
    )


def press(page, name, times=1):
    for _ in range(times):
        page.get_by_role("button", name=name, exact=True).press("Enter")


def test_ten_seconds_of_three_hours_are_seen_and_pressed_by_keyboard(open_report):
    page = open_report()
    assert part(page) == "bars: whole title"
    left, right = found_px(page)
    assert right - left <= 4
    page.get_by_role("button", name="Go to 01:40:00").press("Enter")
    press(page, "Zoom in", 4)
    assert part(page) == "bars: 01:38:53 to 01:41:07"
    left, right = found_px(page)
    width = page.locator("canvas").first.evaluate("node => node.clientWidth")
    shown_s = HOURS_3 / 3**4
    assert right - left == pytest.approx(width * 10 / shown_s, abs=2)
    page.locator(".plot").first.click(position={"x": (left + right) / 2, "y": 90})
    slider = page.get_by_role("slider", name="time")
    assert slider.get_attribute("aria-valuetext").partition(",")[0] in ("01:40:04", "01:40:05")
    assert page.locator(".cursor").first.bounding_box()["x"] == pytest.approx(
        page.locator("canvas").first.bounding_box()["x"] + (left + right) / 2, abs=width / shown_s
    )
    press(page, "Later")
    assert part(page) == "bars: 01:40:00 to 01:42:13"
    press(page, "Later")
    assert found_px(page) is None and not page.locator(".cursor").first.is_visible()
    press(page, "Whole title")
    assert part(page) == "bars: whole title"
    assert page.evaluate("document.activeElement.textContent") == "Whole title"
    assert page.get_by_role("button", name="Zoom out").get_attribute("aria-disabled") == "true"


def test_the_slider_has_the_keys_and_the_bars_follow_it(open_report):
    page = open_report()
    slider = page.get_by_role("slider", name="time")
    slider.focus()
    for key in ("+", "=", "+", ">", ">"):
        page.keyboard.press(key)
    assert part(page) == "bars: 00:06:40 to 00:13:20"
    page.keyboard.press("<")
    assert part(page) == "bars: 00:03:20 to 00:10:00"
    page.keyboard.press("ArrowRight")  # the position is second 1, out of sight
    assert part(page) == "bars: 00:00:00 to 00:06:40"
    page.keyboard.press("End")
    assert part(page) == "bars: 02:53:20 to 03:00:00"
    page.keyboard.press("-")
    assert part(page) == "bars: 02:40:00 to 03:00:00"
    for _ in range(20):
        page.keyboard.press("+")
    assert part(page) == "bars: 02:59:45 to 03:00:00"
    page.keyboard.press("0")
    assert part(page) == "bars: whole title"


def test_the_wheel_zooms_with_ctrl_about_the_pointer_and_else_scrolls(open_report):
    page = open_report()
    left, _ = found_px(page)
    box = page.locator("canvas").first.bounding_box()
    page.mouse.move(box["x"] + left + 1, box["y"] + 70)
    page.keyboard.down("Control")
    for _ in range(20):
        page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    page.wait_for_function(
        "() => /^bars: 01:3[89]:.. to 01:41:/.test(document.querySelector('.axis output').textContent)"
    )
    zoomed, _ = found_px(page)
    assert zoomed == pytest.approx(left, abs=width_of(page, 60))
    before = part(page)
    page.mouse.wheel(200, 0)
    page.wait_for_function("before => document.querySelector('.axis output').textContent !== before", arg=before)
    moved = part(page)
    page.mouse.wheel(0, 200)
    page.wait_for_function("() => window.scrollY > 0")
    assert part(page) == moved


def width_of(page, seconds):
    return seconds * page.evaluate("document.querySelector('canvas').clientWidth") / (HOURS_3 / 1.25**20)


def test_the_review_has_the_same_keys_and_the_reviewer_s_own_row_follows(open_review):
    page = open_review()
    block = page.locator(".track .open")
    assert block.bounding_box()["width"] <= 8
    assert page.locator(".readout").text_content().startswith("01:40:00.0")
    for _ in range(4):
        page.keyboard.press("+")
    assert part(page) == "bars: 01:38:53 to 01:41:06"
    left, right = found_px(page)
    box = block.bounding_box()
    assert box["width"] == pytest.approx(right - left, abs=2)
    assert box["x"] - page.locator("canvas").first.bounding_box()["x"] == pytest.approx(left, abs=2)
    page.locator("canvas").first.click(position={"x": (left + right) / 2, "y": 90})
    assert page.locator(".readout").text_content().startswith("01:40:0")
    page.keyboard.press(">")
    block.click()
    assert page.locator(".found [aria-current=true]").count() == 1
    press(page, "Whole title")
    assert part(page) == "bars: whole title"


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE])
def test_nobody_is_shut_out_of_a_part(open_report, open_review, shut_out, viewport):
    for page in (open_report(viewport), open_review(viewport)):
        press(page, "Zoom in", 3)
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        assert shut_out(page) == []
