"""The browser of the tests: a page that is stuck ends its own test and no other."""

import os
import signal
from contextlib import suppress

import pytest


@pytest.mark.parametrize("culprit", ["page", "driver"])
def test_a_test_that_is_stuck_fails_and_the_next_one_has_a_browser(chromium, culprit):
    with pytest.raises(Exception, match="has been closed"), chromium.lend(limit_s=3) as browser:
        page = browser.new_page()
        if culprit == "driver":
            os.kill(chromium.driver_pid, signal.SIGSTOP)
        page.evaluate("() => { while (true); }")
    with chromium.lend() as browser:
        assert browser.new_page().evaluate("1 + 1") == 2
    assert browser.contexts == []


def test_a_test_that_swallows_the_error_fails_too(chromium):
    with pytest.raises(AssertionError, match="stuck for 1 s"), chromium.lend(limit_s=1) as browser, suppress(Exception):
        browser.new_page().evaluate("new Promise(() => {})")
