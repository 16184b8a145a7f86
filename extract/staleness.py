"""Whether a title's features still stand for its video. No torch here: a plan of a whole catalogue must be quick.

Only content counts, never modification times.
"""

from __future__ import annotations

from data.schemas import Coverage

MANIFEST_SLACK_S, MANIFEST_SLACK_SHARE = 2.0, 0.01
MANIFEST_REASON = "the manifest promises"


def judged_alike(coverage: Coverage, declared_duration_s: float | None) -> bool:
    """Say whether a manifest of this duration would call the title complete, or partial, as its shard does.

    A partial shard of a damaged video is judged alike by any manifest: the same bytes give the same again.
    """
    if coverage.complete or coverage.reason.startswith(MANIFEST_REASON):
        seen_until_s = coverage.picture_start_s + coverage.decoded_s
        return coverage.reason == manifest_shortfall(seen_until_s, declared_duration_s)
    return True


def manifest_shortfall(seen_until_s: float, declared_s: float | None) -> str:
    """Return why the manifest's duration is not met, empty when it is: within 2 s or 1 %, whichever is more.

    A file may be whole and still not the film that the manifest means (a trailer, one part of two), so the manifest's
    word counts even where the container is content. A longer video than promised is no shortfall.
    """
    if declared_s is None or seen_until_s >= declared_s - max(MANIFEST_SLACK_S, MANIFEST_SLACK_SHARE * declared_s):
        return ""
    return f"{MANIFEST_REASON} {declared_s:.1f} s, the video has {seen_until_s:.1f} s"
