import json
import multiprocessing

import pytest

from data.errors import ConfigError
from pipeline.review.log import Entry, ReviewedSegment, ReviewLog, new_id, read_log, reviewer_fault


def entry(number=0, **values):
    segment = ReviewedSegment(id="run1:0", label="violence", start_s=3, end_s=6.5, verdict="accepted")
    base = {"id": new_id(), "at": "2026-01-01T00:00:00+00:00", "reviewer": "ann", "run_id": "run1"}
    base |= {"title_id": f"t{number}", "action": "accept", "segments": (segment,)}
    return Entry(**{**base, **values})


def test_a_line_says_who_when_which_run_which_title_what_and_where(tmp_path):
    log = ReviewLog(tmp_path / "review.jsonl")
    log.append(lambda entries: entry(id="e1"))
    (line,) = (tmp_path / "review.jsonl").read_text().splitlines()
    assert json.loads(line) == {
        "version": 1,
        "id": "e1",
        "at": "2026-01-01T00:00:00+00:00",
        "reviewer": "ann",
        "run_id": "run1",
        "title_id": "t0",
        "action": "accept",
        "segments": [{"id": "run1:0", "label": "violence", "start_s": 3.0, "end_s": 6.5, "verdict": "accepted"}],
    }
    assert read_log(tmp_path / "review.jsonl").entries == log.content.entries == [entry(id="e1")]


def test_a_line_that_is_nested_without_end_is_a_problem_of_the_log(tmp_path):
    path = tmp_path / "review.jsonl"
    ReviewLog(path).append(lambda entries: entry())
    path.write_bytes(path.read_bytes() + b"[" * 100_000 + b"\n")
    assert [problem.line for problem in read_log(path).problems] == [2]


@pytest.mark.parametrize("content", [b"title_id,a\nt,1\n", b"\x00\xff\n\xfe", b"[" * 100_000, b'{"a":'])
def test_a_file_without_one_action_is_no_log_and_not_a_review_of_nothing(tmp_path, content):
    path = tmp_path / "labels.csv"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"labels\.csv: not one action of a review in it; name a log"):
        read_log(path)


def test_the_log_is_for_its_owner_only(tmp_path):
    ReviewLog(tmp_path / "review.jsonl").append(lambda entries: entry())
    assert (tmp_path / "review.jsonl").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("keep", [1, 40, -1])
def test_a_torn_last_line_is_reported_and_never_counts(tmp_path, keep):
    """Even if all but the newline reached the disk: nobody was told that the action is done."""
    path = tmp_path / "review.jsonl"
    log = ReviewLog(path)
    log.append(lambda entries: entry(0))
    whole = path.read_bytes()
    log.append(lambda entries: entry(1))
    path.write_bytes(whole + path.read_bytes()[len(whole) :][:keep])
    torn = path.read_bytes()
    content = read_log(path)
    assert [one.title_id for one in content.entries] == ["t0"]
    assert [(problem.line, problem.severity) for problem in content.problems] == [(2, "warning")]
    later = ReviewLog(path)
    later.append(lambda entries: entry(2))
    assert path.read_bytes().startswith(torn)  # nothing that was written is taken away
    content = read_log(path)
    assert [one.title_id for one in content.entries] == ["t0", "t2"]
    assert content.lines == [1, 3]
    assert [(problem.line, problem.severity) for problem in content.problems] == [(2, "warning")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"version": 2}', "version"),
        ('{"version": 1, "surprise": 1}', "Field required"),
        ("[1, 2]", "line"),
        (entry().model_dump_json().replace('"t0"', '"../x"'), "title_id '../x' is not allowed"),
        (entry().model_dump_json().replace('"ann"', '"a\\u0000b"'), "reviewer 'a\\x00b' is not allowed"),
        (entry().model_dump_json().replace("6.5", "1.5"), "3-1.5 s is no interval"),
        (entry().model_dump_json().replace("6.5", "1e999"), "finite"),
    ],
)
def test_a_line_that_is_not_ours_is_an_error_with_its_place(tmp_path, line, message):
    path = tmp_path / "review.jsonl"
    path.write_text(entry().model_dump_json() + "\n" + line + "\n")
    content = read_log(path)
    assert len(content.entries) == 1
    (problem,) = content.problems
    assert (problem.line, problem.severity) == (2, "error")
    assert message in problem.message


@pytest.mark.parametrize("line", [b"garbage", b'{"version": 1, "id": "a', b"\x00\x00\xff", b"<html>"])
def test_a_damaged_line_that_no_crash_tore_is_an_error_and_one_that_a_crash_tore_is_none(tmp_path, line):
    path = tmp_path / "review.jsonl"
    good = entry().model_dump_json().encode() + b"\n"
    path.write_bytes(good + line + b"\n\n" + good)
    (problem,) = read_log(path).problems
    assert (problem.line, problem.severity) == (2, "error")
    assert "what was decided in it is lost" in problem.message
    path.write_bytes(good + line + b" torn\n" + good)
    (problem,) = read_log(path).problems
    assert (problem.line, problem.severity) == (2, "warning")


@pytest.mark.parametrize("content", [b"hello\nworld\n", b"\x00\x01\n4\n[1]\n", b"a,b\n1,2\n"])
def test_another_file_is_no_log(tmp_path, content):
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="not one action of a review in it"):
        read_log(path)


def test_no_log_is_an_error_that_says_so(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_log(tmp_path / "no.jsonl")


def test_what_decide_raises_leaves_the_log_alone(tmp_path):
    log = ReviewLog(tmp_path / "review.jsonl")
    log.append(lambda entries: entry())
    before = (tmp_path / "review.jsonl").read_bytes()
    with pytest.raises(RuntimeError):
        log.append(lambda entries: (_ for _ in ()).throw(RuntimeError))
    assert (tmp_path / "review.jsonl").read_bytes() == before


def write_many(path, name, count):
    log = ReviewLog(path)
    for number in range(count):
        log.append(lambda entries, n=number: entry(n, reviewer=name, note=f"{len(entries)}" + "x" * 500))


def test_processes_append_to_one_log_without_losing_or_mixing_lines(tmp_path):
    path = tmp_path / "review.jsonl"
    spawn = multiprocessing.get_context("fork")
    workers = [spawn.Process(target=write_many, args=(path, name, 40)) for name in ("ann", "bob", "cid")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    content = read_log(path)
    assert content.problems == []
    for name in ("ann", "bob", "cid"):
        assert [one.title_id for one in content.entries if one.reviewer == name] == [f"t{n}" for n in range(40)]
    # each saw exactly the lines before its own when it decided
    assert [int(one.note.rstrip("x")) for one in content.entries] == list(range(120))


@pytest.mark.parametrize("name", ["ann", "Zoë Müller", "a.b@c-d", "x"])
def test_names_that_people_have(name):
    assert reviewer_fault(name) == ""


@pytest.mark.parametrize("name", ["", " ann", "a\nb", "<b>", "x" * 65, "../x", "a\u202eb"])
def test_names_that_would_confuse(name):
    assert "is not allowed" in reviewer_fault(name)
