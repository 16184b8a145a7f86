import json
import os
import sys
from dataclasses import replace

import pytest

from pipeline.config import load_config
from pipeline.review.guard import MAX_BODY_BYTES, Guard
from pipeline.review.log import read_log
from pipeline.review.stage import open_session

pytest.importorskip("fastapi", reason="the extra `review` is not installed")
testclient = pytest.importorskip("starlette.testclient", reason="starlette's test client needs httpx")

TOKEN = "t0ken-of-the-test"
HOST = "127.0.0.1:8765"


@pytest.fixture
def session(reviewed_run):
    return open_session(load_config(reviewed_run), None, "ann", None)


@pytest.fixture
def make_client(session):
    from pipeline.review.server import make_app

    def make(**options):
        app = Guard(make_app(session), 8765, TOKEN)
        return testclient.TestClient(app, base_url=f"http://{HOST}", **options)

    return make


@pytest.fixture
def stranger(make_client):
    """Return a client without the token."""
    return make_client()


@pytest.fixture
def client(make_client):
    return make_client(headers={"authorization": f"Bearer {TOKEN}"})


def act(client, action, title_id="film-a", **values):
    return client.post(f"/api/titles/{title_id}/actions", json={"action": action, **values})


# Who is let in.


@pytest.mark.parametrize("path", ["/", "/api/queue", "/api/titles/film-a", "/media/film-a", "/nothing", "/docs"])
def test_nothing_answers_without_the_token(stranger, path):
    response = stranger.get(path)
    assert response.status_code == 401
    assert "film" not in response.text


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x", TOKEN[:-1], "é" * 17])
def test_a_wrong_token_is_refused_everywhere(stranger, token):
    assert stranger.get("/", params={"token": token}).status_code == 401
    assert stranger.get("/api/queue", headers={"authorization": f"Bearer {token}".encode()}).status_code == 401
    assert (
        stranger.get("/api/queue", headers={"cookie": f"coarse2fine_review_8765={token}".encode()}).status_code == 401
    )


def test_the_token_of_the_query_becomes_a_cookie_once(stranger):
    response = stranger.get("/", params={"token": TOKEN})
    assert response.status_code == 200
    assert response.headers["set-cookie"] == f"coarse2fine_review_8765={TOKEN}; HttpOnly; SameSite=Strict; Path=/"
    assert TOKEN not in response.text and "url=/" in response.text
    assert stranger.get("/").status_code == stranger.get("/api/queue").status_code == 200
    assert TOKEN not in stranger.get("/").text


def test_the_query_counts_for_the_first_page_only(stranger):
    assert stranger.get("/api/queue", params={"token": TOKEN}).status_code == 401
    assert stranger.get("/media/film-a", params={"token": TOKEN}).status_code == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:80", "localhost:8765.evil.example", "", "[::1]:8765"]
)
def test_another_host_is_refused_even_with_the_token(client, host):
    assert client.get("/api/queue", headers={"host": host}).status_code == 421
    assert (
        client.post("/api/titles/film-a/actions", json={"action": "complete"}, headers={"host": host}).status_code
        == 421
    )


def test_localhost_is_this_machine_too(client):
    assert client.get("/api/queue", headers={"host": "localhost:8765"}).status_code == 200


def test_two_host_headers_are_refused(client):
    response = client.get("/", headers=[("host", HOST), ("host", "evil.example"), ("authorization", f"Bearer {TOKEN}")])
    assert response.status_code == 421


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE"])
def test_other_methods_are_refused(client, method):
    for path in ("/", "/api/titles/film-a/actions", "/media/film-a"):
        assert client.request(method, path).status_code == 405


def test_reading_paths_cannot_be_written_and_writing_paths_not_read(client):
    assert client.post("/api/queue", json={}).status_code == 405
    assert client.get("/api/titles/film-a/actions").status_code == 405


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost:8765"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-length": "-1"}, 413),
    ],
)
def test_another_site_cannot_act(client, session, headers, status):
    base = {"content-type": "application/json"}
    response = client.post("/api/titles/film-a/actions", content=b'{"action": "complete"}', headers=base | headers)
    assert response.status_code == status
    assert not session.log.content.path.exists()


def test_the_page_of_this_server_can_act(client):
    response = client.post(
        "/api/titles/film-a/actions",
        json={"action": "accept", "segment": "run1:0"},
        headers={"origin": f"http://{HOST}", "sec-fetch-site": "same-origin"},
    )
    assert response.status_code == 200


def test_a_body_that_is_too_large_is_refused_whatever_it_claims(client, session):
    text = json.dumps({"action": "note", "text": "x" * MAX_BODY_BYTES}).encode()
    path, headers = "/api/titles/film-a/actions", {"content-type": "application/json"}
    assert client.post(path, content=text, headers=headers).status_code == 413
    pieces = (text[i : i + 1000] for i in range(0, len(text), 1000))
    assert client.post(path, content=pieces, headers=headers).status_code == 413  # chunked: no length is claimed
    assert not session.log.content.path.exists()


# What is answered.


def test_every_answer_carries_the_headers_of_safety(client, stranger):
    for response in (client.get("/"), client.get("/api/queue"), client.get("/media/film-a"), stranger.get("/")):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["cross-origin-resource-policy"] == "same-origin"
        assert response.headers["x-frame-options"] == "DENY"
        assert response.headers["cache-control"] == "no-store"
        policy = response.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'") and "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy and "*" not in policy
        assert not [name for name in response.headers if name.startswith("access-control")]
    assert "server" not in client.get("/").headers


def test_what_a_run_says_never_becomes_markup(client, reviewed_run):
    page = client.get("/").text
    assert "<img" not in page and page.count("<script>") == 1
    assert client.get("/api/titles/film-d").json()["title"]["why"].startswith("</script>")
    assert client.get("/api/titles/film-d").headers["content-type"] == "application/json"


TRAVERSALS = [
    "..%2ftitles.csv",
    "%2e%2e%2ftitles.csv",
    "%2e%2e",
    "../titles.csv",
    "film-a.mp4",
    "%00",
    "film-a%00.mp4",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "film-a/../../titles.csv",
    "..%5ctitles.csv",
    "FILM-A",
    "x" * 5000,
]


@pytest.mark.parametrize("name", TRAVERSALS)
def test_only_ids_of_the_run_name_anything(client, name):
    for path in (f"/media/{name}", f"/api/titles/{name}", f"/api/titles/{name}/pictures?start_s=0&end_s=1"):
        response = client.get(path)
        assert response.status_code == 404
        assert "title_id" not in response.text and "root:" not in response.text
    assert client.post(f"/api/titles/{name}/actions", json={"action": "complete"}).status_code in (404, 405)


def test_a_video_is_sent_in_ranges(client, reviewed_run):
    content = (reviewed_run.parent / "film-a.mp4").read_bytes()
    whole = client.get("/media/film-a")
    assert (whole.status_code, whole.headers["content-type"], whole.content) == (200, "video/mp4", content)
    assert whole.headers["accept-ranges"] == "bytes"
    part = client.get("/media/film-a", headers={"range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(content)}"
    tail = client.get("/media/film-a", headers={"range": "bytes=-7"})
    assert (tail.status_code, tail.content) == (206, content[-7:])
    assert client.get("/media/film-a", headers={"range": f"bytes={len(content)}-"}).status_code == 416
    assert client.get("/media/film-a", headers={"range": "bytes=9-2"}).status_code in (400, 416)


@pytest.mark.parametrize(
    ("title_id", "reason"),
    [("film-b", "browsers do not play"), ("film-c", "names no video"), ("film-d", "text or a playlist")],
)
def test_other_files_are_not_sent(client, title_id, reason):
    response = client.get(f"/media/{title_id}")
    assert response.status_code == 404
    assert reason in response.json()["error"]


def test_what_a_path_became_since_the_manifest_was_read_is_looked_at_again(client, session, reviewed_run, tmp_path):
    folder = reviewed_run.parent
    outside = folder.parent / f"{folder.name}-outside.mp4"
    (folder / "film-a.mp4").rename(outside)
    (folder / "film-a.mp4").symlink_to(outside)
    response = client.get("/media/film-a")
    assert response.status_code == 404 and "not inside the media root" in response.json()["error"]
    (folder / "film-a.mp4").unlink()
    os.mkfifo(folder / "film-a.mp4")
    assert "not a regular file" in client.get("/media/film-a").json()["error"]
    object.__setattr__(session.truth, "titles", {"film-a": replace(session.truth.titles["film-a"], path="../x")})
    assert "not inside the media root" in client.get("/media/film-a").json()["error"]


def test_pictures_are_decoded_where_a_browser_cannot_play(client):
    answer = client.get("/api/titles/film-b/pictures", params={"start_s": 0, "end_s": 11, "count": 3}).json()
    assert (answer["error"], list(answer["pictures"])) == ("", ["0", "6", "11"])
    assert client.get("/api/titles/film-c/pictures?start_s=0&end_s=1").json() == {
        "pictures": {},
        "error": "the manifest names no video",
    }
    refused = client.get("/api/titles/film-d/pictures?start_s=0&end_s=1").json()
    assert refused["pictures"] == {} and "playlist" in refused["error"]


@pytest.mark.parametrize("query", ["", "start_s=-1&end_s=2", "start_s=nan&end_s=2", "start_s=0&end_s=1&count=1000"])
def test_pictures_of_nonsense_are_refused(client, query):
    assert client.get(f"/api/titles/film-b/pictures?{query}").status_code == 422


# What an action does.


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
