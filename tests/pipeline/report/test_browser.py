"""The page in a real browser: it works offline, by keyboard, on a phone, and for people who use a screen reader."""

import base64
import re

import numpy as np
import pytest

from pipeline.report.signals import highest_per_bin
from pipeline.stages.explain import explain

expect = pytest.importorskip("playwright.sync_api", reason="no playwright; install the dev extra").expect
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 320, "height": 640}


@pytest.fixture
def open_report(browser, report_path):
    """Open the report at a size and in a colour scheme; afterwards nothing was fetched and nothing complained."""
    requested, complaints = [], []

    def make(viewport=DESKTOP, scheme="light", fragment=""):
        context = browser.new_context(viewport=viewport, color_scheme=scheme, offline=True, reduced_motion="reduce")
        page = context.new_page()
        page.on("request", lambda request: requested.append(request.url))
        page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{report_path.as_uri()}{fragment}")
        return page

    yield make
    assert [url for url in requested if not url.startswith((report_path.as_uri(), "data:"))] == []
    assert complaints == []


def picture_filter(still):
    return still.locator("img").evaluate("image => getComputedStyle(image).filter")


def test_a_title_is_read_by_keyboard_alone(open_report):
    page = open_report()
    page.get_by_role("link", name="film-a", exact=True).first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="film-a", level=1)).to_be_focused()
    slider = page.get_by_role("slider", name="time")
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert "00:00:03" in slider.get_attribute("aria-valuetext")
    assert "violence 0.81" in page.locator(".readout").text_content()
    still = page.get_by_role("button", name="Show the picture at 00:00:03, violence")
    assert "blur" in picture_filter(still) and "grayscale" in picture_filter(still)
    still.focus()
    page.keyboard.press("Enter")
    assert still.get_attribute("aria-pressed") == "true"
    assert picture_filter(still) == "none"
    page.keyboard.press("Enter")
    assert "blur" in picture_filter(still)
    page.get_by_role("button", name="Show all pictures").press("Enter")
    assert page.locator(".still[aria-pressed=true]").count() == 2
    page.get_by_role("link", name="All titles").press("Enter")
    expect(page.get_by_role("heading", name="Titles", exact=True)).to_be_visible()
    expect(page.locator("#detail")).to_be_hidden()


def test_the_bars_show_truth_and_scores_where_they_are(open_report):
    page = open_report(fragment="#title=film-a")
    canvas = page.locator("canvas").first
    assert canvas.get_attribute("aria-label") == (
        "violence. flagged: 00:00:03 to 00:00:06; no near miss; labelled: 00:00:03 to 00:00:06; "
        "flagged from 0.3; action score from 0.25."
    )

    def colour(second, row):
        return canvas.evaluate(
            "(node, [share, y]) => [...node.getContext('2d').getImageData(share * node.width, y, 1, 1).data]",
            [(second + 0.5) / 12, 21 * row + 9],
        )[:3]

    inside, outside = ([colour(second, row) for row in range(5)] for second in (4, 10))
    truth, fs, cs, action, found = inside
    assert truth == [170, 177, 185] and found == [255, 255, 255]
    assert fs[0] > 200 > 100 > max(fs[1:])
    assert min(cs[:2]) > 150 and cs[2] < 60
    assert action[2] > 200 and action[0] < 100
    assert outside[0] == outside[4] == [7, 9, 11]  # the track
    # a score of 0.01 has a tenth of the brightness: 7 + 0.1 (77 - 7) = 14 of red
    assert outside[3] == pytest.approx([14, 24, 35], abs=4)


def test_thresholds_are_named_beside_the_lines_that_are_drawn(open_report):
    page = open_report(fragment="#title=film-a")
    names = page.locator(".limits").first.locator("span")
    assert names.all_text_contents() == ["flag 0.3", "τf 0.25"]
    canvas, track = page.locator("canvas").first, [7, 9, 11]
    for name, score in (("flag 0.3", 0.3), ("τf 0.25", 0.25)):
        y = 5 * 21 + round(110 - 4 - score**0.5 * (110 - 8))  # below five bars, in a panel of 110 px
        row = canvas.evaluate("(node, y) => [...node.getContext('2d').getImageData(0, y - 1, node.width, 3).data]", y)
        assert sum(min(row[at : at + 3]) > 100 for at in range(0, len(row), 4)) > 100, name  # white, in part
        assert any(row[at : at + 3] == track for at in range(0, len(row), 4))


def test_many_labels_without_anything_are_folded(open_report):
    page = open_report()
    entry = "(n, clips) => ({ label: 'label-' + n, truth: { clips } })"
    shelves = page.evaluate(
        f"""count => {{
            const entry = {entry};
            const labels = Array.from({{ length: count }}, (_, n) => entry(n, n === 4 ? [[1, 2]] : []));
            const segments = [{{ label: 'label-2', decision: 'review' }}];
            return heatBars({{}}).shelves({{ labels, segments }}).map((shelf) => shelf.map((one) => one.label));
        }}""",
        8,
    )
    assert shelves == [["label-4", "label-2"], [f"label-{n}" for n in (0, 1, 3, 5, 6, 7)]]


def test_the_readout_takes_the_bin_of_the_second(open_report):
    page = open_report()
    value_T = np.random.default_rng(0).permutation(1357)
    level_B = highest_per_bin(value_T, bins=600).tolist()
    seconds = [0, 1, 2, 3, 700, 1355, 1356]
    title = "{ frames: 1357, start_s: 0, step_s: 1 }"
    shown = page.evaluate(
        f"([levels, seconds]) => seconds.map((second) => heatBars({{}}).binAt(levels, {title}, second))",
        [level_B, seconds],
    )
    starts = np.arange(600) * 1357 // 600
    assert shown == [level_B[int(np.searchsorted(starts, second, side="right")) - 1] for second in seconds]


def test_the_readout_speaks_the_clock_of_the_player(open_report):
    page = open_report()
    title = "{ frames: 4, start_s: 10, step_s: 0.64 }"
    shown = page.evaluate(
        f"(seconds) => seconds.map((second) => heatBars({{}}).binAt([7, 8, 9, 6], {title}, second))",
        [9.9, 10, 10.63, 10.64, 11.28, 12.5, 12.56],
    )
    assert shown == [0, 7, 7, 8, 9, 6, 0]


def test_the_table_is_filtered_and_ranked(open_report):
    page = open_report()
    rows = page.locator("#title-table tbody tr:not([hidden])")
    page.get_by_role("searchbox", name="Title").fill("FILM-B")
    assert rows.count() == 1
    assert page.locator("#filter-count").text_content() == "1 of 5 titles"
    page.get_by_role("searchbox", name="Title").fill("")
    page.get_by_role("combobox", name="Status").select_option("clear")
    assert rows.count() == 2
    page.get_by_role("combobox", name="Status").select_option("")
    page.get_by_role("combobox", name="Flagged for").select_option("smoking")
    assert [row.locator("th").get_attribute("data-v") for row in rows.all()] == ["film-a"]
    page.get_by_role("combobox", name="Flagged for").select_option("")
    page.locator(".tile a", has_text="clear").press("Enter")
    expect(rows).to_have_count(2)
    expect(page.locator("#no-title")).to_be_hidden()
    page.locator(".tile a", has_text="review").press("Enter")
    expect(rows).to_have_count(0)
    expect(page.locator("#no-title")).to_be_visible()
    page.get_by_role("combobox", name="Status").select_option("")
    page.get_by_role("button", name="violence", exact=True).press("Enter")
    assert [row.locator("th").get_attribute("data-v") for row in rows.all()][:2] == ["film-a", "film-c"]
    assert page.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"
    page.get_by_role("button", name="violence", exact=True).press("Enter")
    assert page.locator("th[aria-sort]").get_attribute("aria-sort") == "ascending"


def test_a_title_that_was_not_read_says_so(open_report):
    page = open_report(fragment="#title=film-c")
    assert "the file breaks off" in page.locator("#detail .note").text_content()
    assert "41.6 %" in page.locator("#detail .facts").text_content()
    hostile = open_report(fragment="#title=film-d")
    assert hostile.title().startswith("film-d")
    assert "<img src=x onerror=alert(1)>" in hostile.locator("#detail .note").first.text_content()
    assert "Nothing is known: the title could not be read." in hostile.locator("#detail").text_content()
    assert "There are no scores of this title." in hostile.locator("#detail").text_content()


def test_mistakes_show_their_pictures_on_request_and_lead_to_the_moment(open_report):
    page = open_report()
    gallery = page.locator(".gallery").filter(has_text="violence:")
    assert gallery.locator("img").count() == 0
    gallery.locator("summary").press("Enter")
    still = gallery.get_by_role("button", name="Show the picture at 00:00:08, violence")
    assert "blur" in picture_filter(still)
    picture = base64.b64decode(still.locator("img").get_attribute("src").partition(",")[2])
    assert picture[:3] == b"\xff\xd8\xff"
    gallery.get_by_role("link", name="film-b").press("Enter")
    expect(page.get_by_role("slider")).to_have_attribute("aria-valuetext", re.compile("^00:00:08"))


@pytest.mark.parametrize(
    ("viewport", "scheme", "fragment"),
    [
        (DESKTOP, "light", ""),
        (DESKTOP, "light", "#title=film-a"),
        (DESKTOP, "light", "#title=film-d"),
        (DESKTOP, "dark", ""),
        (DESKTOP, "dark", "#title=film-a"),
        (PHONE, "light", ""),
        (PHONE, "light", "#title=film-a"),
    ],
)
def test_nobody_is_shut_out(open_report, shut_out, viewport, scheme, fragment):
    page = open_report(viewport, scheme, fragment)
    page.evaluate("document.querySelectorAll('details').forEach((node) => { node.open = true; })")
    page.wait_for_function("document.querySelectorAll('.gallery[open] .still-slot:empty').length === 0")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    assert shut_out(page) == []


def test_a_card_says_what_explain_says_in_the_same_numbers(open_report, report_path):
    page = open_report(fragment="#title=film-a")
    card = page.locator("#detail .card").filter(has_text="violence")
    shown = [" ".join(row.locator("th, td").all_inner_texts()) for row in card.locator(".evidence tr").all()]
    said = list(explain(report_path.parent, "film-a", misses=0, plot=None))
    told = said[next(number for number, line in enumerate(said) if "violence (flag)" in line) :][2:5]
    assert [line.strip().replace(",", "") for line in told] == [line.strip() for line in shown[-3:]]
    assert "00:00:03 to 00:00:06, 3 s" in card.inner_text()


@pytest.mark.parametrize("width", [1280, 800, 375])
def test_no_column_is_cut_without_a_word_and_titles_stay_beside_them(open_report, width):
    page = open_report(viewport={"width": width, "height": 900})
    region, hint = page.get_by_role("region", name="Table of titles"), page.locator("#sideways")
    cut = region.evaluate("node => node.scrollWidth > node.clientWidth + 1")
    assert hint.is_visible() == cut == (width < 1280)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    region.evaluate("node => { node.scrollLeft = node.scrollWidth; }")
    edges = page.locator("#title-table tbody th").first.bounding_box()
    assert edges["x"] == pytest.approx(region.bounding_box()["x"], abs=1)


def test_no_row_of_truth_is_drawn_where_nobody_labelled(open_report):
    page = open_report(fragment="#title=film-c")
    assert page.locator(".names").first.locator("span:not(.tick)").all_text_contents() == ["FS", "CS", "AS", "found"]
    page = open_report(fragment="#title=film-a")
    assert page.locator(".names").first.locator("span").first.text_content() == "truth"
