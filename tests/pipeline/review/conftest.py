"""Reviews made of the very actions that the page sends."""

import pytest

from pipeline.review_actions import ActionRequest, OpenTitle, make_entry
from pipeline.review_log import ReviewedSegment
from pipeline.review_state import TitleReview, replay_title

LABELS = ("smoking", "violence")
RUN = "run1"


class Desk:
    """One reviewer at one title; the model found violence at 3-6 and 20-25 s, and smoking at 8-10 s."""

    def __init__(self, reviewer="ann", title_id="film-a", length_s=60.0, run_id=RUN, spans=None):
        self.entries = []
        self.reviewer, self.title_id, self.length_s, self.run_id = reviewer, title_id, length_s, run_id
        spans = spans or [("violence", 3, 6), ("smoking", 8, 10), ("violence", 20, 25)]
        self.of_model = {
            f"{run_id}:{n}": ReviewedSegment(id=f"{run_id}:{n}", label=label, start_s=start, end_s=end)
            for n, (label, start, end) in enumerate(spans)
        }

    @property
    def review(self) -> TitleReview:
        return replay_title(self.entries)

    def do(self, action, segment=None, **values):
        """Do an action; a number names a segment of the model. Return the entry."""
        if isinstance(segment, int):
            segment = f"{self.run_id}:{segment}"
        if isinstance(values.get("other"), int):
            values["other"] = f"{self.run_id}:{values['other']}"
        title = OpenTitle(self.title_id, self.length_s, LABELS, self.review, self.of_model)
        request = ActionRequest(action=action, segment=segment, **values)
        self.entries.append(make_entry(request, title, reviewer=self.reviewer, run_id=self.run_id))
        return self.entries[-1]

    def spans(self, verdict="accepted"):
        found = self.review.segments.values()
        return sorted((s.label, s.start_s, s.end_s) for s in found if s.verdict == verdict)


@pytest.fixture
def make_desk():
    return Desk


@pytest.fixture
def desk(make_desk):
    return make_desk()
