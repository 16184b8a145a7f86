"""The page in a real browser: watched, judged, corrected and undone by keyboard alone, and by the real command."""

import os
from fractions import Fraction

import numpy as np
import pytest

from pipeline.review.log import read_log

pytest.importorskip("fastapi", reason="the extra `review` is not installed")
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 320, "height": 640}
SHOTS = os.environ.get("COARSE2FINE_SCREENSHOTS")


def entries(reviewed_run):
    path = reviewed_run.parent / "work" / "review.jsonl"
    return read_log(path).entries if path.exists() else []


def said(page, text):
    page.wait_for_function("text => document.getElementById('said').textContent.includes(text)", arg=text)


def reads(page, selector, text):
    page.wait_for_function(
        "([selector, text]) => document.querySelector(selector).textContent.includes(text)", arg=[selector, text]
    )


def at(page, time):
    page.wait_for_function("time => document.querySelector('.readout').textContent.startsWith(time)", arg=time)


def video(page, expression):
    return page.evaluate(f"(video => {expression})(document.querySelector('video'))")


def wait_for_video(page):
    page.wait_for_function("() => document.querySelector('video').readyState >= 2")


def shot(page, name):
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def test_a_title_is_reviewed_by_keyboard_alone(open_command, reviewed_run):
    page = open_command()
    assert "token" not in page.url
    page.keyboard.press("Tab")  # the skip link
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "film-a":
            break
    page.keyboard.press("Enter")
    page.wait_for_selector("#desk h1")
    assert page.evaluate("document.activeElement.textContent") == "film-a"
    wait_for_video(page)
    at(page, "00:00:03.0")
    assert video(page, "video.muted && video.paused")
    assert "blur" in video(page, "getComputedStyle(video).filter")
    assert "grayscale" in video(page, "getComputedStyle(video).filter")

    press = page.keyboard.press
    press("a")
    said(page, "accepted: violence 00:00:03.0 to 00:00:06.0")
    press("ArrowLeft")
    at(page, "00:00:02.0")
    press(".")
    at(page, "00:00:02.1")
    press("[")
    said(page, "start moved")
    assert "✓ accepted" in page.locator(".found [aria-current=true]").text_content()
    assert "00:00:02.1 to 00:00:06.0" in page.locator(".found [aria-current=true]").text_content()
    press("n")
    at(page, "00:00:08.0")
    press("u")
    said(page, "unsure: smoking")
    press("r")
    said(page, "rejected: smoking")
    press("z")
    said(page, "took back: reject")
    press("Shift+ArrowRight")
    press("ArrowLeft")
    press("ArrowLeft")
    at(page, "00:00:16.0")
    press("i")
    said(page, "new segment from 00:00:16.0")
    press("ArrowRight")
    press("ArrowRight")
    press("o")
    said(page, "added smoking 00:00:16.0 to 00:00:18.0")
    press("2")
    said(page, "label violence")
    press("t")
    page.keyboard.type("a toy? ask ann")  # letters are text now
    press("Escape")
    said(page, "note kept")
    press("k")
    press("k")
    at(page, "00:00:02.1")
    press("f")
    said(page, "first occurrence: violence")
    press("c")
    said(page, "fully reviewed")
    assert "fully reviewed" in page.locator("#summary").text_content()

    found = entries(reviewed_run)
    assert [one.action for one in found] == [
        *("accept", "adjust", "unsure", "reject", "undo", "add", "label", "note", "first", "complete")
    ]
    assert {(one.reviewer, one.run_id, one.title_id) for one in found} == {("ann", "run1", "film-a")}
    assert (found[1].segments[0].start_s, found[1].segments[0].end_s) == (2.1, 6.0)
    assert found[4].undoes == found[3].id
    assert found[7].segments[0].note == "a toy? ask ann" and found[7].segments[0].label == "violence"
    assert found[8].segments[0].first

    press("q")
    page.wait_for_selector("#queue:not([hidden]) tbody tr")
    reads(page, "#progress", "1 of 4 titles fully reviewed; 1 segment to decide")
    assert page.locator("#said").text_content() == ""  # of the title before


def test_split_and_merge(open_page, reviewed_run):
    page = open_page(title="film-a")
    wait_for_video(page)
    at(page, "00:00:03.0")
    for key in ("ArrowRight", "s"):
        page.keyboard.press(key)
    said(page, "split")
    assert page.locator(".found button").count() == 3
    page.keyboard.press("m")
    said(page, "merged")
    assert page.locator(".found button").count() == 2
    split, merge = entries(reviewed_run)
    assert [(one.start_s, one.end_s) for one in split.segments] == [(3, 4), (4, 6)]
    assert (merge.segments[0].start_s, merge.segments[0].end_s) == (3, 6)
    page.get_by_role("textbox", name="to", exact=True).fill("0:07.5")
    page.keyboard.press("Enter")
    said(page, "adjusted")
    assert entries(reviewed_run)[-1].segments[0].end_s == 7.5
    page.get_by_role("textbox", name="from", exact=True).fill("soon")
    page.keyboard.press("Enter")
    said(page, "“soon” is no time")
    assert page.get_by_role("textbox", name="from", exact=True).input_value() == "00:00:03.0"
    assert len(entries(reviewed_run)) == 3


def test_what_was_not_found_is_added_to_an_empty_title(open_page, reviewed_run):
    page = open_page(title="film-c")
    assert "Nothing was found in this title" in page.locator(".found").text_content()
    assert page.get_by_role("button", name="Accept").is_disabled()
    assert page.get_by_role("button", name="Split here").is_disabled()
    page.keyboard.press("2")
    said(page, "new segments are violence")
    for key in ("i", "ArrowRight", "ArrowRight", "o"):
        page.keyboard.press(key)
    said(page, "added violence 00:00:00.0 to 00:00:02.0")
    assert page.get_by_role("button", name="Accept a", exact=True).is_enabled()
    (added,) = entries(reviewed_run)
    assert (added.action, added.segments[0].label, added.segments[0].verdict) == ("add", "violence", "accepted")


def test_seeing_and_hearing_are_asked_for_and_end_with_the_title(open_page):
    page = open_page(title="film-a")
    wait_for_video(page)
    for key, words in (("b", "not blurred"), ("g", "in colour"), ("v", "with sound")):
        page.keyboard.press(key)
        said(page, words)
    assert video(page, "getComputedStyle(video).filter") == "none"
    assert not video(page, "video.muted")
    page.keyboard.press("p")
    page.wait_for_function("() => document.querySelector('video').currentTime > 3.2")
    page.keyboard.press("p")
    said(page, "paused")
    page.keyboard.press("N")
    page.wait_for_function("() => document.querySelector('#desk h1').textContent === 'film-b'")
    assert "blur" in video(page, "getComputedStyle(video).filter")
    assert video(page, "video.muted")


def test_pictures_take_the_place_of_a_video_that_the_browser_cannot_play(open_page):
    page = open_page(title="film-b")
    page.wait_for_selector(".picture")
    assert "cannot play this video" in page.locator(".stage").text_content()
    assert "blur" in page.locator(".picture img").first.evaluate("image => getComputedStyle(image).filter")
    page.get_by_role("button", name="Go to 00:00:05").press("Enter")
    at(page, "00:00:05.0")
    shot(page, "pictures")


def test_help_lists_the_keys_and_can_switch_them_off(open_page, reviewed_run):
    page = open_page(title="film-a")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    assert dialog.is_visible()
    assert dialog.locator("tr").filter(has_text="accept").count() == 1
    keys = dialog.locator("kbd").all_text_contents()
    assert {"Space", "Shift ←", "→", "+", "=", "-", "?"} < set(keys) and "" not in keys
    assert dialog.locator("caption").all_text_contents() == ["Watch", "Go", "Bars", "Decide", "Correct"]
    assert page.evaluate("document.activeElement.textContent") == "Close Esc"
    page.keyboard.press("a")  # means nothing while the list is open
    shot(page, "help")
    dialog.get_by_role("checkbox").press("Space")
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    page.keyboard.press("a")
    page.wait_for_timeout(300)
    assert entries(reviewed_run) == []
    page.get_by_role("button", name="Accept").press("Enter")
    said(page, "accepted")
    assert len(entries(reviewed_run)) == 1


@pytest.mark.parametrize(("picture_start_s", "sound_start_s"), [(Fraction(1, 2), 0), (Fraction(11, 2), 5)])
def test_the_player_speaks_its_own_clock_wherever_that_of_the_file_begins(
    open_page, reviewed_run, write_film, picture_start_s, sound_start_s
):
    pictures = [np.full((48, 96, 3), 12 * second, np.uint8) for second in range(15)]
    times = {"picture_start_s": picture_start_s, "sound_s": 15, "sound_start_s": sound_start_s}
    write_film(reviewed_run.parent / "film-a.mp4", iter(pictures), fps=1, **times)
    page = open_page(title="film-a")
    wait_for_video(page)
    at(page, "00:00:03.0")
    assert video(page, "video.currentTime") == pytest.approx(3 + sound_start_s, abs=0.06)
    late_s = picture_start_s - sound_start_s
    shown = "(c => { c.drawImage(video, 0, 0, 4, 4); return c.getImageData(2, 2, 1, 1).data[0] })"
    level = 12 * int(3 - late_s)  # currentTime is there at once, its picture when it is decoded
    look = f"{shown}(document.createElement('canvas').getContext('2d'))"
    page.wait_for_function(
        f"() => {{ const video = document.querySelector('video'); return Math.abs({look} - {level}) <= 5 }}"
    )
