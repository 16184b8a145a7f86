"""What the demo says at its end: what was made, what was found, whether that is right, and where to look."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from data.catalogue import Catalogue, read_catalogue
from data.counted import brief_clock, counted, written_score
from data.labels import Clip
from data.schemas import Segment
from infer.evaluation import JUDGED, MEAN, MODEL, Evaluation
from infer.title_status import TitleRow
from infer.write import read_segments, read_titles_table
from pipeline.config import load_config
from pipeline.demo.stage import CONFIG, DEMO_SPLIT

NAME = "coarse2fine"
WHOLE = ("flagged", "clear", "review")
MOST_EXAMPLES = 3


@dataclass(frozen=True)
class Verdicts:
    """Flags of a title beside its truth: ``right`` lie on a clip of their label, ``wrong`` do not, ``missed`` has none.

    Args:
        right: (flag, the clip that it overlaps most).
    """

    right: tuple[tuple[Segment, Clip], ...]
    wrong: tuple[Segment, ...]
    missed: tuple[Clip, ...]


def judge(flags: Sequence[Segment], clips: Sequence[Clip]) -> Verdicts:
    """Compare the flags of one title with all its clips: any overlap of the same label counts, as in ``evaluate``."""
    right, wrong = [], []
    for flag in flags:
        met = [clip for clip in clips if _overlap_s(flag, clip) > 0]
        if met:
            right.append((flag, max(met, key=lambda clip: _overlap_s(flag, clip))))
        else:
            wrong.append(flag)
    missed = [clip for clip in clips if not any(_overlap_s(flag, clip) > 0 for flag in flags)]
    return Verdicts(tuple(right), tuple(wrong), tuple(missed))


def story(out: Path, evaluation: Evaluation) -> Iterator[str]:
    """Yield the lines of the story, from a demo folder that is done and the evaluation of its run."""
    config = load_config(out / CONFIG)
    run_dir = out / "work" / "current"
    catalogue = read_catalogue(config.data)
    rows = read_titles_table(run_dir / "titles.parquet")
    flags: dict[str, list[Segment]] = {}
    for segment in read_segments(run_dir / "segments.parquet"):
        if segment.decision == "flag":
            flags.setdefault(segment.title_id, []).append(segment)
    yield from ("", "What was made", *_made(out, catalogue))
    yield from ("", "What was found, in titles that training never saw", *_found(rows, flags, catalogue, evaluation))
    yield from ("", "What could not be read, and is therefore not called clear", *_unread(rows))
    yield from ("", "Where to look", *_next(out, run_dir))


def _made(out: Path, catalogue: Catalogue) -> Iterator[str]:
    hours = sum(title.duration_s or 0.0 for title in catalogue.titles.values()) / 3600
    taught = [catalogue.labels[title.title_id] for split in ("train", "val") for title in catalogue.in_split(split)]
    firsts = sum(len(title.first) for title in taught)
    things = sorted({label for title in taught for label in title.first})
    yield f"  {counted(len(catalogue.titles), 'short title')}, {hours:.1f} h, cut from photographs: {out / 'catalogue'}"
    yield (
        f"  {counted(len(taught), 'title')} to learn from. All that is told of them: yes or no for {_listed(things)}, "
        f"and when each is seen first ({counted(firsts, 'moment')})"
    )


def _found(
    rows: Sequence[TitleRow],
    flags: Mapping[str, Sequence[Segment]],
    catalogue: Catalogue,
    evaluation: Evaluation,
) -> Iterator[str]:
    yield from _counts(evaluation)
    right: list[tuple[float, str]] = []
    wrong: list[tuple[float, str]] = []
    missed: list[str] = []
    flagged_s = seen_s = 0.0
    for row in rows:
        known = catalogue.labels[row.title_id].occurrences or ()
        clips = [clip for clip in known if clip.start_s < row.read_until_s]  # what nobody could see is not missed
        verdicts = judge(flags.get(row.title_id, ()), clips)
        flagged_s += sum(flag.end_s - flag.start_s for flag in flags.get(row.title_id, ()))
        seen_s += sum(max(0.0, _overlap_s(flag, clip)) for flag in flags.get(row.title_id, ()) for clip in clips)
        right += [(flag.score, f"{_told(row, flag)} (it is there {_span(clip)})") for flag, clip in verdicts.right]
        wrong += [(flag.score, f"{_told(row, flag)} (there is none)") for flag in verdicts.wrong]
        missed += [f"{row.shown}  {clip.label} {_span(clip)}" for clip in verdicts.missed]
    if flagged_s:
        yield (
            f"  by the second: {flagged_s:.0f} s are flagged, and in {seen_s:.0f} s of them it is there "
            f"({seen_s / flagged_s:.0%})"
        )
    yield from _examples("right ", [line for _, line in sorted(right, reverse=True)])
    yield from _examples("wrong ", [line for _, line in sorted(wrong, reverse=True)])
    yield from _examples("missed", missed)


def _counts(evaluation: Evaluation) -> Iterator[str]:
    if evaluation.operator is not None:
        measured = [row.segments for row in evaluation.operator.rows if row.protocol == evaluation.protocol]
        found, clips = sum(row.found for row in measured), sum(row.clips for row in measured)
        flagged, false = sum(row.flagged for row in measured), sum(row.false for row in measured)
        yield (
            f"  {found} of {counted(clips, 'clip')} found; of {counted(flagged, 'flag')} {flagged - false} "
            f"{'is' if flagged - false == 1 else 'are'} right, {false} wrong"
        )
    means = [
        row
        for row in evaluation.results
        if (row.protocol, row.rule, row.label) == (evaluation.protocol, JUDGED, MEAN) and row.average is not None
    ]
    ours = ", ".join(f"{100 * (row.average or 0):.1f} %" for row in means if row.method == MODEL)
    trivial = ", ".join(
        f"{100 * (row.average or 0):.1f} % ({row.method.removeprefix('trivial (').removesuffix(')')})"
        for row in means
        if row.method != MODEL
    )
    yield f"  mean average precision (mAP) {ours or '-'}; who looks at nothing reaches {trivial or '-'}"


def _examples(verdict: str, lines: Sequence[str]) -> Iterator[str]:
    """Yield a few lines, and how many more there are."""
    yield from (f"  {verdict}  {line}" for line in lines[:MOST_EXAMPLES])
    if len(lines) > MOST_EXAMPLES:
        yield f"  {verdict}  and {len(lines) - MOST_EXAMPLES} more"


def _unread(rows: Sequence[TitleRow]) -> Iterator[str]:
    """Yield the titles that the catalogue breaks on purpose, to show what that looks like."""
    unread = [row for row in rows if row.status not in WHOLE]
    yield from (f"  {row.shown}: {row.status}; {row.reason or row.error}" for row in unread)
    yield "  (broken on purpose)" if unread else "  nothing: every title was read to its end"


def _next(out: Path, run_dir: Path) -> Iterator[str]:
    config = shlex.quote(str(out / CONFIG))
    # `make` runs the program of an environment that the user's shell does not look into.
    program = NAME if shutil.which(NAME) or Path(sys.argv[0]).name != NAME else shlex.quote(sys.argv[0])
    yield f"  open in a browser   {(run_dir / 'report.html').absolute().as_uri()}"
    yield f"  in a spreadsheet    {run_dir / 'segments.csv'}, {run_dir / 'titles.csv'}"
    yield f"  watch and correct   {program} review --config {config}"
    yield f"  label by label      {program} evaluate --config {config} --split {DEMO_SPLIT}"
    yield f"  your own films      {program} moderate FOLDER"


def _overlap_s(flag: Segment, clip: Clip) -> float:
    return min(flag.end_s, clip.end_s) - max(flag.start_s, clip.start_s) if flag.label == clip.label else 0.0


def _told(row: TitleRow, flag: Segment) -> str:
    return f"{row.shown}  {flag.label} {_span(flag)}, score {written_score(flag.score)}"


def _span(piece: Segment | Clip) -> str:
    return f"{brief_clock(piece.start_s)} to {brief_clock(piece.end_s)}"


def _listed(words: Sequence[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last
