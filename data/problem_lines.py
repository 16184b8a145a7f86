"""Problems of label files as lines for a person: titles by name and id, and of each kind so many and a count.

Two problems are of one kind where they differ in nothing but titles, labels, numbers and places.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from data.errors import Problem
from data.titles import called

LISTED = 20
_TITLE = re.compile(r"title '([^']+)'")
_ABOUT = re.compile(r"^title '[^']+', .*?: ")
_VARYING = re.compile(r"'(?:[^'\\]|\\.)*'|\S*\d\S*")


def folded_problems(problems: Sequence[Problem], names: Mapping[str, str], *, most: int | None) -> Iterator[str]:
    """Yield a line a problem, in their order; where a kind has more than ``most``, a line that counts the others.

    Args:
        names: what people call the titles, by id.
        most: lines of each kind; None for all.
    """
    kinds = [(problem.path, problem.severity, _kind(problem.message)) for problem in problems]
    left, listed = Counter(kinds), Counter[tuple[object, ...]]()
    for problem, kind in zip(problems, kinds, strict=True):
        listed[kind] += 1
        left[kind] -= 1
        if most is None or listed[kind] <= most:
            yield str(replace(problem, message=_TITLE.sub(lambda found: _shown(found, names), problem.message)))
        if listed[kind] == most and left[kind]:
            yield f"{problem.path}: ... and {left[kind]} more {problem.severity}s like these; --all lists them"


def _kind(message: str) -> str:
    return _VARYING.sub("~", _ABOUT.sub("", message))


def _shown(found: re.Match[str], names: Mapping[str, str]) -> str:
    """Return how a title is called; as it is written where it has no name."""
    title_id = found[1]
    shown = called(title_id, names.get(title_id, ""))
    return found[0] if shown == title_id else f"title {shown}"
