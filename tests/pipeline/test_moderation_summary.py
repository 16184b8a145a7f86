"""What `moderate` prints names every file that somebody has to know of, with words that can be typed as they stand."""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from data.library import Film, Listing, find_films
from data.schemas import Segment
from infer.title_status import TitleRow
from pipeline.beside import CURRENT, KEPT, WRITTEN, BesideFile
from pipeline.moderate import Moderated
from pipeline.moderation_doubts import doubts
from pipeline.moderation_summary import _lines, _next
from pipeline.stage_result import StageResult

LIBRARY = Path("/Library")
OUT = Path("my results")
PAGE = "file:///my%20results/current/report.html"


def row(name: str, status: str = "flagged", flagged_s: float = 10.0) -> TitleRow:
    path = str(LIBRARY / f"{name}.mkv")
    return TitleRow(name, status, "violence", 1, flagged_s, 100.0, 100.0, 1.0, 100, 0, "", "", "", "f", f"{name}", path)


def segment(title_id: str, start_s: float, end_s: float, decision: str = "flag") -> Segment:
    return Segment(title_id, "violence", 0, start_s, end_s, 0.9, 0.8, None, None, 0.9, 0.1, 0.1, decision, start_s)


def film(name: str) -> Film:
    path = LIBRARY / f"{name}.mkv"
    return Film(path, path, name)


def file(name: str, form: str = "edl", outcome: str = WRITTEN, detail: str = "") -> BesideFile:
    return BesideFile(name, name, form, LIBRARY / f"{name}.{form}", outcome, detail)


def moderated(*files: BesideFile, names=("a", "b"), **changes) -> Moderated:
    result = StageResult("infer: done", Path("run"), 0)
    listing = Listing(films=[film(name) for name in names])
    made = Moderated(listing, "", result, result, files, (), 0, (), None, 0, False)
    return replace(made, **changes)


def said(call: Moderated, rows, segments=None) -> list[str]:
    found = segments if segments is not None else {one.title_id: [segment(one.title_id, 0, 10)] for one in rows}
    return [*_lines(call, OUT, rows, found), *_next(call, OUT, rows, found, PAGE)]


def test_a_film_that_is_hard_to_believe_says_that_its_files_were_written_and_how_to_be_without() -> None:
    rows = [row("Films/whole", flagged_s=100.0), row("Films/other")]
    segments = {"Films/whole": [segment("Films/whole", 0, 100)], "Films/other": [segment("Films/other", 0, 10)]}
    films = [film("Films/whole"), film("Films/other")]
    files = [file("Films/whole"), file("Films/other"), file("Films/whole", "mcf", CURRENT)]
    lines = list(doubts(rows, segments, files, films, lambda title_id: f"{PAGE}#title={title_id}"))
    assert lines == [
        "! Films/whole: the whole of it is one segment of violence; that is hardly so, look before you skip it",
        "  its .edl and .mcf were written all the same; to be without, remove them and leave the film out: --exclude "
        "whole.mkv",
        f"  see {PAGE}#title=Films/whole",
    ]
    assert list(doubts(rows, segments, [], films, lambda title_id: "")) == lines[:1]


def test_a_film_that_was_read_in_part_says_so_where_a_file_was_written() -> None:
    rows = [row("half", "partial"), row("other half", "partial")]
    segments = {one.title_id: [segment(one.title_id, 0, 10)] for one in rows}
    files = [file("half"), file("other half", outcome=KEPT)]
    assert list(doubts(rows, segments, files, [film("half"), film("other half")], lambda title_id: "")) == [
        "! half: read in part only; nothing is skipped in what was not read",
        "  its .edl was written all the same; to be without, remove it and leave the film out: --exclude half.mkv",
    ]


def test_of_many_the_first_are_named_and_the_rest_is_counted() -> None:
    rows = [row(f"t{number}", "partial") for number in range(10)]
    files = [file(one.title_id) for one in rows]
    lines = list(doubts(rows, {}, files, [film(one.title_id) for one in rows], lambda title_id: ""))
    assert len(lines) == 17
    assert lines[-1] == (
        "! and 2 more films of which more than half is flagged, or a part was read; "
        "2 of them with a file beside the film"
    )


@pytest.mark.parametrize("name", ["Films/a [x]*?", "Films/it's", "Series/A/S01E03", "Küss mich, Zoë!"])
def test_the_pattern_that_is_named_leaves_out_that_film_and_no_other(tmp_path: Path, name: str) -> None:
    for other in (name, "Series/B/S01E03", "Films/a x", "Films/its"):
        path = tmp_path / f"{other}.mkv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"video")
    films = find_films([tmp_path]).films
    [chosen] = [film for film in films if film.path == tmp_path / f"{name}.mkv"]
    doubtful = replace(row(name, "partial"), name=chosen.name, path=str(chosen.path))
    [_, line] = doubts([doubtful], {}, [file(name)], films, lambda title_id: "")
    words = shlex.split(line.partition("leave the film out: ")[2])
    assert words[0] == "--exclude"
    left = find_films([tmp_path], exclude=words[1:]).films
    assert set(films) - set(left) == {chosen}


def test_every_file_that_was_replaced_is_named() -> None:
    files = [file(f"t{n}", detail=f"replaced; what was there is kept as t{n}.edl.bak") for n in range(15)]
    lines = said(moderated(*files), [row("a")])
    assert [line for line in lines if "replaced" in line] == [
        f"! /Library/t{n}.edl: replaced; what was there is kept as t{n}.edl.bak" for n in range(15)
    ]


def test_files_of_films_that_are_left_out_now_are_counted_with_what_to_do() -> None:
    others = [LIBRARY / "Kids" / "x.edl", LIBRARY / "Kids" / "y.edl"]
    lines = said(moderated(of_others=others), [row("a")])
    assert (
        "2 files that an earlier call wrote beside films that are left out now stay, and players go by them (the first "
        "/Library/Kids/x.edl): remove what is not wanted, or take those films in"
    ) in lines


def test_the_last_lines_are_typed_as_they_stand_and_ask_only_where_there_is_an_answer() -> None:
    rows = [row("a", "clear"), row("b", "flagged")]
    assert said(moderated(), rows, {"b": [segment("b", 0, 10)]})[-3:] == [
        f"look at it:  {PAGE}",
        "correct it:  coarse2fine review 'my results'",
        "ask why:     coarse2fine explain 'my results' b",
    ]
    assert not any("explain" in line for line in said(moderated(), rows, {}))
    bad = [replace(row("c", "quarantined"), error="not a video"), row("it's half", "partial")]
    lines = said(moderated(names=("c", "it's half")), bad, {})
    assert [line for line in lines if "doctor" in line] == ["examine it:  coarse2fine doctor /Library/c.mkv"]
    assert shlex.split(said(moderated(names=("it's half",)), bad[1:], {})[-1])[-1] == "/Library/it's half.mkv"


def test_a_rollback_that_keeps_another_run_in_force_is_said() -> None:
    lines = said(moderated(held="abc"), [row("a")])
    assert (
        "! a rollback holds run abc in force, not this one (run); "
        "coarse2fine runs release --config 'my results' ends it"
    ) in lines


def test_a_report_that_was_not_drawn_says_what_draws_it_in_this_folder() -> None:
    late = StageResult("report: left out, 99999 segments; `coarse2fine report` draws it", Path("run"), 0)
    call = moderated(report=late)
    assert "! report: left out, 99999 segments; `coarse2fine report 'my results'` draws it" in list(
        _next(call, OUT, [row("a")], {}, "")
    )
