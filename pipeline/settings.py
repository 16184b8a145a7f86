"""The ``[run]`` section: how a nightly run treats titles that fail, and where features come from."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from data.section import Section


class RunSettings(Section):
    """How unattended runs behave.

    Args:
        import_name: the titles' paths name feature files (.npy, .npz, .pt) that this made, for example ``i3d-rgb``;
            by default they name videos.
        attempts: a title that failed so often with the same bytes is quarantined: not tried again until its file
            changes or ``coarse2fine quarantine release``.
        max_error_rate: a run ends (exit code 5) and records none of its failures when a larger share of the titles it
            worked on failed: that is a fault of the installation, not of the titles.
        abort_after: but not before so many titles failed.
    """

    import_name: str | None = None
    attempts: Annotated[int, Field(ge=1, le=100)] = 3
    max_error_rate: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    abort_after: Annotated[int, Field(ge=1)] = 10
