"""Make the pictures of docs/gallery from a catalogue that is drawn for it: ``make gallery``, some ten minutes.

Runs the commands that a user runs (``run``, ``report``, ``review``, ``figures``, ``explain``, ``benchmark``) on the
videos of ``scenes.py`` and photographs the pages with a headless Chromium. What is there already is not made again:
remove the work folder to begin anew.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from scenes import LABELS, make_catalogue

HERE = Path(__file__).resolve().parent
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
DESKTOP, PHONE = {"width": 1280, "height": 1000}, {"width": 390, "height": 800}
TALL = {"width": 1280, "height": 1320}  # the review down to its first bars
SHOWN = "test-14"  # the title with all three labels
CONFIG = f"""
work_dir = "work"
preset = "tuned"
[data]
titles = "titles.csv"
video_labels = "video_labels.csv"
clip_labels = "clip_labels.csv"
labels = {list(LABELS)}
[train]
epochs = 30
patience = 30
[benchmark]
methods = ["fo", "fo-vl", "coarse2fine"]
seeds = [0, 1]
"""


def run(*arguments: str | Path, allowed: tuple[int, ...] = (0,)) -> None:
    """Run a command of the project; 1 is what it says of a catalogue with broken files."""
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", *map(str, arguments)]
    print("coarse2fine", *arguments, flush=True)
    done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    if done.returncode not in allowed:
        sys.exit(f"coarse2fine {arguments[0]}: exit code {done.returncode}")


@contextmanager
def reviewing(config: Path) -> Iterator[str]:
    """Serve the review, and give its address."""
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", "review", "--config", str(config)]
    with subprocess.Popen([*command, "--reviewer", "ann"], stdout=subprocess.PIPE, text=True) as server:
        try:
            line = next((line for line in server.stdout or () if "token=" in line), "")
            found = re.search(r"http://\S+", line)
            if found is None:
                sys.exit("the review did not start")
            yield found[0]
        finally:
            server.terminate()


def photograph(
    browser: Browser, address: str, name: str, *, size: dict[str, int], dark: bool, act: Callable[[Page], None]
) -> None:
    """Open a page, do something with it, and write what is on the screen."""
    scheme = "dark" if dark else "light"
    context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")
    page = context.new_page()
    page.goto(address)
    act(page)
    page.screenshot(path=HERE / f"{name}.png")
    context.close()
    shrink(HERE / f"{name}.png")


def shrink(path: Path, width: int = 1280) -> None:
    """Write a picture with no more than ``width`` pixels and without what programs add to it."""
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    if image.width > width:
        image = image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
    image.save(path, optimize=True)


def look_at_title(page: Page) -> None:
    """Move the cursor into the first thing that was found."""
    page.locator(".card .go").first.click()
    page.evaluate("window.scrollTo(0, 0)")


def look_at_segments(page: Page) -> None:
    """Show the segments, one picture of them revealed."""
    page.locator(".still").nth(1).click()
    page.evaluate("document.querySelector('.cards').scrollIntoView({ block: 'center' })")


def judge(page: Page) -> None:
    """Accept one segment of a title in the review, and look at the next one."""
    page.wait_for_selector("#queue-table tbody tr")
    page.get_by_role("link", name=SHOWN, exact=True).click()
    page.wait_for_function("() => document.querySelector('video') && document.querySelector('video').readyState >= 2")
    page.keyboard.press("a")
    page.wait_for_function("() => document.querySelector('.is-accepted')")
    for key in ("n", "ArrowRight", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
        page.wait_for_timeout(500)


def make_run(work: Path, config: Path) -> None:
    """Make the catalogue, a run over it, and a small benchmark."""
    if not (work / "titles.csv").is_file():
        make_catalogue(work)
    config.write_text(CONFIG)
    run("run", "--config", config, allowed=(0, 1))
    run("benchmark", "--config", config)
    run("report", "--config", config)


def draw(work: Path, config: Path, current: Path) -> None:
    """Draw the figures that the README shows."""
    run("figures", "--config", config, "--title", SHOWN, "--out", work / "figures", "--reveal")
    run("explain", SHOWN, "--run", current, "--plot", work / "explain.png")
    tables = work / "work" / "benchmark" / "tables"
    for name, source in (
        ("explain", work / "explain.png"),
        ("heat-bars", work / "figures" / f"heat-bars-{SHOWN}-fireworks.png"),
        ("benchmark", tables / "table3.png"),
    ):
        shutil.copy(source, HERE / f"{name}.png")
        shrink(HERE / f"{name}.png")


def main() -> None:
    """Make what is missing of the catalogue and the run, and all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path, help="folder for the catalogue and the run")
    parser.add_argument("--pages-only", action="store_true", help="only photograph the pages of a run that is there")
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    config, current = work / "run.toml", work / "work" / "current"
    if not arguments.pages_only:
        make_run(work, config)
        draw(work, config, current)
    report = (current / "report.html").resolve().as_uri()
    with sync_playwright() as driver:
        path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        photograph(browser, report, "report", size=DESKTOP, dark=False, act=lambda _: None)
        address = f"{report}#title={SHOWN}"
        photograph(browser, address, "report-title", size=DESKTOP, dark=False, act=look_at_title)
        photograph(browser, address, "report-segments", size=DESKTOP, dark=False, act=look_at_segments)
        photograph(browser, address, "report-phone", size=PHONE, dark=True, act=look_at_title)
        with reviewing(config) as served:
            photograph(browser, served, "review", size=TALL, dark=True, act=judge)
        browser.close()


if __name__ == "__main__":
    main()
