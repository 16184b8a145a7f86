"""A catalogue that was run once."""

import pytest


@pytest.fixture
def settled(night):
    """Four titles, run once; what was done is in ``first``."""
    assert night.command("run") == 0
    night.first = night.work_done()
    return night
