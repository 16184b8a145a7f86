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
from data.titles import Title
from infer.title_status import TitleRow

log = logging.getLogger(__name__)


def seen_truth(
    labels: Mapping[str, TitleLabels], spans: Mapping[str, ReadSpan], titles: Mapping[str, Title], stage: str | None
) -> tuple[dict[str, TitleLabels], str]:
    """Return labels without what nobody could see, and what to say of that in the stage's summary; warn of it by name.

    Args:
        spans: what was read of each title; one without is left as it is.
        titles: by id, for their names.
        stage: who warns; None where an earlier stage of the same run did.
    """
    kept, unseen = all_seen_labels(labels, spans)
    if unseen and stage is not None:
        log.warning("%s: %s", stage, beyond_words(unseen, {name: title.name for name, title in titles.items()}))
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
        catalogue = read_catalogue(settings)
    except ModerationError:
        return
    seen_truth(catalogue.labels, header_spans(headers.values()), catalogue.titles, stage)
