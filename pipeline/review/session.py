"""One reviewer at one run: what the page is told of titles, and what becomes of its actions. Knows nothing of HTTP.

The run's tables are read once. The log is read again before every answer, so that two windows of one reviewer, or a log
that several share, never show what is no longer true.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from data.titles import Title
from infer.title_scores import TitleScores
from infer.title_status import TitleRow
from pipeline.config import Config
from pipeline.report.run import Run, Truth
from pipeline.report.signals import title_data
from pipeline.review.actions import ActionRequest, OpenTitle, make_entry
from pipeline.review.log import Entry, ReviewedSegment, ReviewLog
from pipeline.review.media import MediaFile, Pictures, media_file, spread_seconds
from pipeline.review.queue import closeness, order, queue_row, score_closeness
from pipeline.review.state import TitleReview, model_segments, replay_title, undecided

UNKNOWN_LENGTH_S = 86_400.0
UNREAD = ("partial", "quarantined")


@dataclass(frozen=True)
class SessionTitle:
    """A title of the run.

    Args:
        data: ``report_signals.title_data``.
        of_model: its segments by id.
        uncertainty: by id of a segment.
        otherwise: how near the model came to finding anything; 1 for what it could not read.
        length_s: no segment reaches beyond.
    """

    data: Mapping[str, Any]
    of_model: Mapping[str, ReviewedSegment]
    uncertainty: Mapping[str, float]
    otherwise: float
    length_s: float


@dataclass
class ReviewSession:
    """What one reviewer works on."""

    config: Config
    run: Run
    truth: Truth
    reviewer: str
    log: ReviewLog
    titles: dict[str, SessionTitle] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.pictures_made = Pictures(self.config)
        rows = {row.title_id: row for row in self.run.titles}
        known = (scores for scores in self.run.scores() if scores.title_id in rows)
        found = {scores.title_id: self._read(rows[scores.title_id], scores) for scores in known}
        self.titles = {title_id: found.get(title_id) or self._read(row, None) for title_id, row in rows.items()}

    def queue(self) -> dict[str, Any]:
        """Return all titles, those to look at first in front."""
        reviews = self._reviews()
        rows = [
            queue_row(title_id, reviews.get(title_id, TitleReview()), one.of_model, one.uncertainty, one.otherwise)
            for title_id, one in self.titles.items()
        ]
        shown = [{**asdict(row), **_shown(self.titles[row.title_id].data)} for row in sorted(rows, key=order)]
        return {"titles": shown, "problems": [str(problem) for problem in self.log.content.problems]}

    def title(self, title_id: str) -> dict[str, Any]:
        """Return a title as the page draws it: scores, segments as they are now, and what may be undone."""
        one = self.titles[title_id]
        review = self._review(title_id)
        waiting = undecided(review, one.of_model)
        shown = {**review.segments, **{id_: segment for id_, segment in waiting.items() if id_ not in review.segments}}
        numbers = {id_: number for number, id_ in enumerate(one.of_model)}
        segments = [
            {**segment.model_dump(), "evidence": one.data["segments"][numbers[id_]] if id_ in numbers else None}
            for id_, segment in shown.items()
        ]
        return {
            "title": one.data,
            "length_s": one.length_s if one.length_s < UNKNOWN_LENGTH_S else None,
            "segments": sorted(segments, key=lambda s: (s["start_s"], s["end_s"], s["label"])),
            "waiting": len(waiting),
            "complete": review.complete,
            "note": review.note,
            "undo": review.done[-1].action if review.done else None,
            "video": self._has_video(title_id),
        }

    def act(self, title_id: str, request: ActionRequest) -> dict[str, Any]:
        """Do an action, and return the title after it.

        Raises:
            ActionError: it cannot be done; nothing is recorded.
        """
        one = self.titles[title_id]

        def decide(entries: list[Entry]) -> Entry:
            mine = [entry for entry in entries if (entry.reviewer, entry.title_id) == (self.reviewer, title_id)]
            title = OpenTitle(title_id, one.length_s, self.run.labels, replay_title(mine), one.of_model)
            return make_entry(request, title, reviewer=self.reviewer, run_id=self.run.run_id)

        entry = self.log.append(decide)
        chosen = entry.segments[:1] if entry.action == "split" else entry.segments[-1:]
        return {**self.title(title_id), "touched": chosen[0].id if chosen else None}

    def media(self, title_id: str) -> MediaFile:
        """Return a title's video; DecodeError if the browser cannot have it."""
        return media_file(self.config, self._manifest_title(title_id))

    def pictures(self, title_id: str, start_s: float, end_s: float, count: int) -> dict[str, Any]:
        """Return pictures spread over an interval, base64 by second, and why some are missing."""
        seconds = spread_seconds(start_s, end_s, count, self.titles[title_id].length_s)
        made = self.pictures_made.get(self._manifest_title(title_id), seconds)
        return {"pictures": made.as_data(), "error": made.error}

    def _manifest_title(self, title_id: str) -> Title | None:
        return self.truth.titles.get(title_id)

    def _has_video(self, title_id: str) -> bool:
        title = self._manifest_title(title_id)
        return title is not None and title.path is not None

    def _entries(self) -> list[Entry]:
        if self.log.content.path.exists():
            self.log.refresh()
        return [entry for entry in self.log.content.entries if entry.reviewer == self.reviewer]

    def _review(self, title_id: str) -> TitleReview:
        return replay_title([entry for entry in self._entries() if entry.title_id == title_id])

    def _reviews(self) -> dict[str, TitleReview]:
        by_title: dict[str, list[Entry]] = {}
        for entry in self._entries():
            by_title.setdefault(entry.title_id, []).append(entry)
        return {title_id: replay_title(entries) for title_id, entries in by_title.items()}

    def _read(self, row: TitleRow, scores: TitleScores | None) -> SessionTitle:
        title_id = row.title_id
        found = self.run.segments.get(title_id, ())
        known, run = self.truth.labels.get(title_id), self.run
        data = title_data(row, scores, found, known, run.labels, asked=run.asked, segment_score=run.segment_score)
        of_model = model_segments(self.run.run_id, found)
        uncertainty = {id_: score_closeness(one, self.run.thresholds) for id_, one in zip(of_model, found)}
        manifest = self._manifest_title(title_id)
        promised_s = manifest.duration_s if manifest is not None else None
        length_s = max(data["length_s"], promised_s or 0.0) or UNKNOWN_LENGTH_S
        return SessionTitle(data, of_model, uncertainty, self._nearest(data["status"], scores), length_s)

    def _nearest(self, status: str, scores: TitleScores | None) -> float:
        if status in UNREAD or scores is None:
            return 1.0
        highest_C = scores.action_TC.max(axis=0, initial=0.0)
        limits = self.run.thresholds.values()
        near = (closeness(float(one), max(limit.flag, limit.frame)) for one, limit in zip(highest_C, limits))
        return max(near, default=0.0)


def _shown(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the queue shows of a title beside its place: status, length, and the labels found, flagged first."""
    found = sorted(data["segments"], key=lambda segment: segment["decision"] != "flag")
    labels = list(dict.fromkeys(segment["label"] for segment in found))
    return {"name": data["name"], "status": data["status"], "length_s": data["length_s"], "found": labels}
