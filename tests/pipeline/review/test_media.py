"""What is sent of a title's video, and of what else a name might mean."""

import os
from dataclasses import replace

import pytest

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
