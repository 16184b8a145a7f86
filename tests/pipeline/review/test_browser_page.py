"""What the page of a review shows and asks for, whatever comes: refusals, hostile errors, late answers, phones."""

import os

import pytest

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 320, "height": 640}
SHOTS = os.environ.get("COARSE2FINE_SCREENSHOTS")


def said(page, text):
    page.wait_for_function("text => document.getElementById('said').textContent.includes(text)", arg=text)


def wait_for_video(page):
    page.wait_for_function("() => document.querySelector('video').readyState >= 2")


def shot(page, name):
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


@pytest.mark.parametrize("title", ["film-a", "film-b", "film-c", "film-d"])
def test_an_open_title_asks_the_server_for_nothing_more(open_page, reviewed_run, title):
    """Whatever its video is: whole, in a container that no browser plays, none, or one that breaks off."""
    whole = (reviewed_run.parent / "film-a.mp4").read_bytes()
    (reviewed_run.parent / "film-d.mp4").write_bytes(whole[: len(whole) // 2])
    page, asked = open_page(), []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2].partition("?")[0]))
    page.get_by_role("link", name=title, exact=True).press("Enter")
    page.wait_for_selector("#desk h1")
    expected = {"film-a": [title] * 2, "film-c": [title]}.get(title, [title, title, "pictures"])
    if title == "film-a":
        wait_for_video(page)
    elif title != "film-c":
        page.wait_for_selector(".pictures > *")
    page.wait_for_timeout(3000)
    assert asked == expected


def test_a_refusal_is_said_and_a_server_that_is_gone_too(open_page):
    page = open_page(title="film-a")
    page.keyboard.press("c")
    page.wait_for_function("() => !document.getElementById('alert').hidden")
    assert "2 segments are not decided" in page.get_by_role("alert").text_content()
    page.route("**/actions", lambda route: route.abort())
    page.keyboard.press("a")
    page.wait_for_function("() => document.getElementById('alert').textContent.startsWith('Not recorded')")
    assert page.locator(".found button").first.text_content().startswith("○ to decide")


def test_a_hostile_error_is_text(open_page):
    page = open_page(title="film-d")
    assert page.title().startswith("film-d")
    assert "<img src=x onerror=alert(1)>" in page.locator("#desk .note").first.text_content()
    assert "Nothing is known of this title: it could not be read." in page.locator(".found").text_content()


def test_a_title_that_answers_late_does_not_take_the_place_of_the_next_one(open_page):
    page, held = open_page(), []

    def hold(route):
        held.append(route)

    page.route("**/api/titles/film-a", hold)
    page.get_by_role("link", name="film-a", exact=True).press("Enter")
    page.get_by_role("link", name="film-c", exact=True).press("Enter")
    page.wait_for_selector("#desk h1")
    held[0].continue_()
    page.wait_for_timeout(500)
    assert page.locator("#desk h1").text_content() == "film-c"
    assert page.get_by_role("heading", level=1).count() == 1


@pytest.mark.parametrize(
    ("viewport", "scheme", "title"),
    [
        (DESKTOP, "light", None),
        (DESKTOP, "light", "film-a"),
        (DESKTOP, "dark", "film-a"),
        (PHONE, "light", None),
        (PHONE, "light", "film-a"),
    ],
)
def test_nobody_is_shut_out(open_page, shut_out, viewport, scheme, title):
    page = open_page(viewport, scheme, title)
    if title:
        wait_for_video(page)
        page.keyboard.press("a")
        said(page, "accepted")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    shot(page, f"{'phone' if viewport is PHONE else 'desktop'}-{scheme}-{title or 'queue'}")
    for shown in ("page", "help"):
        if shown == "help":
            page.keyboard.press("?")
        assert shut_out(page) == []
