"""Who is let in, and what every answer carries."""

import json

import pytest

from pipeline.review.guard import MAX_BODY_BYTES

TOKEN, HOST = "t0ken-of-the-test", "127.0.0.1:8765"  # what the client of conftest.py knows


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
