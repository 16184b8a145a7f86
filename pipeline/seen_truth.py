"""Labels as far as their films were read, and the warning where they reach beyond: one way for all that uses labels."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

from data.catalogue import read_catalogue
from data.errors import ModerationError
from data.labels import TitleLabels
from data.seen_labels import ReadSpan, all_seen_labels, beyond_words, left_out_words
from data.settings import DataSettings
from data.shards import ShardHeader
from infer.title_status import TitleRow

log = logging.getLogger(__name__)


def seen_truth(
    labels: Mapping[str, TitleLabels], spans: Mapping[str, ReadSpan], stage: str
) -> tuple[dict[str, TitleLabels], str]:
    """Return labels without what nobody could see, and what to say of that in the stage's summary; warn of it by name.

    Args:
        spans: what was read of each title; one without is left as it is.
    """
    kept, unseen = all_seen_labels(labels, spans)
    if unseen:
        log.warning("%s: %s", stage, beyond_words(unseen))
    return kept, left_out_words(unseen)


def header_spans(headers: Iterable[ShardHeader]) -> dict[str, ReadSpan]:
    """Return what was read of each title that has features."""
    return {header.title_id: ReadSpan.of(header) for header in headers}


def row_spans(rows: Iterable[TitleRow]) -> dict[str, ReadSpan]:
    """Return what was read of each title of a run that was scored."""
    return {row.title_id: ReadSpan(row.picture_start_s, row.read_until_s) for row in rows if row.decoded_s is not None}


def warn_of_labels_beyond(settings: DataSettings, headers: Mapping[str, ShardHeader], stage: str) -> None:
    """Compare labels with features that are there now; labels that cannot be read are told of by what needs them."""
    if settings.video_labels is None and settings.clip_labels is None:
        return
    try:
        labels = read_catalogue(settings).labels
    except ModerationError:
        return
    seen_truth(labels, header_spans(headers.values()), stage)
