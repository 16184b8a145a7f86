"""The ``[run]`` section: how a nightly run treats titles that fail, and where features come from; and ``[storage]``."""

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
        report: end a run by drawing its ``report.html``.
        report_pictures: with pictures of what was found, which decodes a part of every such title again.
    """

    import_name: str | None = None
    attempts: Annotated[int, Field(ge=1, le=100)] = 3
    max_error_rate: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    abort_after: Annotated[int, Field(ge=1)] = 10
    report: bool = True
    report_pictures: bool = False


class StoreSettings(Section):
    """How long an object store may take (docs/storage.md).

    Args:
        timeout_s: a request that takes longer has failed; beside what its bytes take at 250 kB/s.
        patience_s: a request that keeps failing is repeated for so long, then the run ends with exit code 5.
    """

    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 30.0
    patience_s: Annotated[float, Field(gt=0, le=86_400)] = 180.0
