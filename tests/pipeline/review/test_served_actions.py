"""The queue, and what an action does that a page sends."""

import sys

import pytest

from pipeline.config import load_config
from pipeline.review.log import read_log
from pipeline.review.stage import open_session


def act(client, action, title_id="film-a", **values):
    return client.post(f"/api/titles/{title_id}/actions", json={"action": action, **values})


def test_the_queue_begins_with_the_least_certain_title(client):
    """0.31 against a threshold of 0.3 is less certain than 0.9; a title that was not read comes before a clear one."""
    rows = client.get("/api/queue").json()["titles"]
    assert [row["title_id"] for row in rows] == ["film-a", "film-b", "film-d", "film-c"]
    assert [row["waiting"] for row in rows] == [2, 1, 0, 0]
    assert rows[0]["uncertainty"] == pytest.approx(0.3 / 0.31, abs=1e-4)
    assert [(row["status"], row["found"]) for row in rows[:2]] == [
        ("flagged", ["violence", "smoking"]),
        ("flagged", ["violence"]),
    ]
    assert rows[0]["length_s"] == 20


def test_actions_change_the_title_and_are_in_the_log_when_they_are_answered(client, session):
    answer = act(client, "adjust", segment="run1:0", start_s=2.5).json()
    assert answer["waiting"] == 1 and answer["touched"] == "run1:0" and answer["undo"] == "adjust"
    (found,) = [one for one in answer["segments"] if one["id"] == "run1:0"]
    assert (found["start_s"], found["end_s"], found["verdict"]) == (2.5, 6.0, "accepted")
    assert found["evidence"]["score"] == pytest.approx(0.81)
    (entry,) = read_log(session.log.content.path).entries
    assert (entry.reviewer, entry.run_id, entry.title_id, entry.action) == ("ann", "run1", "film-a", "adjust")
    assert act(client, "undo").json()["waiting"] == 2


@pytest.mark.parametrize(
    ("values", "status", "reason"),
    [
        ({"action": "accept", "segment": "run1:99"}, 409, "no segment 'run1:99'"),
        ({"action": "accept", "segment": "../../x"}, 422, "segment"),
        ({"action": "accept"}, 409, "no segment None"),
        (
            {"action": "add", "label": "sex", "start_s": 1, "end_s": 2},
            409,
            "label 'sex' is not one of smoking, violence",
        ),
        ({"action": "add", "label": "violence", "start_s": 25, "end_s": 30}, 409, "within the title's 20 s"),
        ({"action": "add", "label": "violence", "start_s": "x", "end_s": 30}, 422, "start_s"),
        ({"action": "add", "label": "violence", "start_s": -1, "end_s": 3}, 422, "start_s"),
        ({"action": "note", "text": "x" * 2001}, 422, "text"),
        ({"action": "complete"}, 409, "2 segments are not decided"),
        ({"action": "undo"}, 409, "nothing to undo"),
        ({"action": "delete"}, 422, "action"),
        ({"action": "accept", "segment": "run1:0", "reviewer": "bob"}, 422, "reviewer"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_reason_and_not_logged(client, session, values, status, reason):
    response = client.post("/api/titles/film-a/actions", json=values)
    assert (response.status_code, reason in response.json()["error"]) == (status, True), response.text
    log = session.log.content.path
    assert not log.exists() or log.read_bytes() == b""


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"action": NaN}', b"\xff"])
def test_a_body_that_is_no_action_is_refused(client, text):
    response = client.post("/api/titles/film-a/actions", content=text, headers={"content-type": "application/json"})
    assert response.status_code in (400, 422)
    assert response.json()["error"]


def test_a_full_disk_is_told_to_the_reviewer(client, session, monkeypatch):
    def full(descriptor, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pipeline.review.log.os.write", full)
    response = act(client, "accept", segment="run1:0")
    assert response.status_code == 507
    assert "not recorded: No space left on device" in response.json()["error"]
    monkeypatch.undo()
    assert act(client, "accept", segment="run1:0").status_code == 200


def test_another_session_of_the_same_reviewer_is_seen_at_once_and_another_reviewer_never(reviewed_run, client):
    mine = open_session(load_config(reviewed_run), None, "ann", None)
    other = open_session(load_config(reviewed_run), None, "bob", None)
    act(client, "accept", segment="run1:0")
    assert mine.title("film-a")["waiting"] == 1
    assert other.title("film-a")["waiting"] == 2


def test_a_missing_extra_is_an_error_with_the_install_line(reviewed_run, monkeypatch, capsys):
    from pipeline import cli

    for name in [name for name in sys.modules if name.startswith(("uvicorn", "pipeline.review.server"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)

    def absent(name, *_):
        if name == "uvicorn":
            raise ModuleNotFoundError("No module named 'uvicorn'", name="uvicorn")

    finder = type("Absent", (), {"find_spec": staticmethod(absent)})
    monkeypatch.delitem(sys.modules, "uvicorn")
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    with pytest.raises(SystemExit) as caught:
        cli.main(["review", "--config", str(reviewed_run)])
    assert caught.value.code == 2
    assert "pip install -c constraints.txt '.[review]'" in capsys.readouterr().err
