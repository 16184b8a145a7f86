"""The page of a review: the report's style and heat bars, with a player and everything that writes to the log.

It is the same for every title; titles come as JSON, and everything in them is set as text. The policy lets only this
page's own style and script run, named by their hashes, and lets it speak to this server alone.
"""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pipeline.report.page import MEANINGS, SYMBOLS, content_policy, drawn_limits, embedded, part
from pipeline.review.session import ReviewSession

SCRIPTS = ("dom.js", "heat_bars.js", "time_axis.js", "review_player.js", "review_keys.js", "review.js")


def render_review(session: ReviewSession) -> tuple[str, str]:
    """Return the page and the policy that it is to be sent with."""
    style = part("report.css") + part("review.css")
    script = "".join(map(part, SCRIPTS))
    environment = Environment(
        loader=PackageLoader("pipeline", "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    values: dict[str, Any] = {
        "run_id": session.run.run_id,
        "reviewer": session.reviewer,
        "labels": list(session.run.labels),
        "symbols": SYMBOLS,
        "meanings": MEANINGS,
        "thresholds": drawn_limits(session.run),
    }
    page = environment.get_template("review.html").render(
        style=Markup(style), script=Markup(script), values=embedded(values), problem=session.truth.problem, **values
    )
    own = "; connect-src 'self'; media-src 'self'; frame-ancestors 'none'"
    return page, content_policy(style, script) + own
