"""Everything on S3: films, shards, scores, runs, checkpoint. Against the same catalogue on disk, byte by byte."""

import csv
import json
import time
from collections import Counter

import pytest

from pipeline import cli
from pipeline.config import load_config
from pipeline.store_check import check_stores, store_uses

pytestmark = pytest.mark.slow


def worked_on(bucket, stage: str) -> list[str]:
    log = bucket / "work" / "events.jsonl"
    logs = [log] if log.exists() else [run / "events.jsonl" for run in (bucket / "work" / "runs").iterdir()]
    lines = [json.loads(line) for path in logs for line in path.read_text().splitlines()]
    return sorted(line["title_id"] for line in lines if line["stage"] == stage)


def test_a_run_on_s3_gives_the_bytes_of_a_run_on_disk_and_the_next_does_nothing(
    local, upload, proxy, command, tmp_path, capfd, tree, products, write_config
):
    config = write_config(tmp_path / "s3.toml", upload)
    proxy.reset()
    assert command(config, "run") == 0
    print("first run:", Counter(request.method for request in proxy.seen if "/films/" not in request.path))
    assert products(upload / "work") == products(local / "work")
    current = (upload / "work" / "current").read_text()
    assert current == f"runs/{(local / 'work' / 'current').readlink().name}\n"
    first = tree(upload / "work")
    assert not [name for name in first if ".tmp-" in name or name.endswith(".lock")]

    proxy.reset()
    assert command(config, "run") == 0
    print("second run:", Counter(request.method for request in proxy.seen))
    volatile = ("extract.run.json", "metrics.prom", "last_success.json")
    after = {name: content for name, content in tree(upload / "work").items() if name not in volatile}
    assert after == {name: content for name, content in first.items() if name not in volatile}
    assert not [request for request in proxy.seen if request.method == "GET" and "/films/" in request.path]
    said = capfd.readouterr()
    assert "extract: 4 titles, nothing to do" in said.out
    everything = said.out + said.err + "".join(content.decode("utf-8", "replace") for content in first.values())
    assert "a-secret-that-nobody-may-log" not in everything


def test_another_byte_redoes_that_title_and_touching_redoes_nothing(
    upload, proxy, command, tmp_path, write_config, write_film
):
    config = write_config(tmp_path / "s3.toml", upload)
    assert command(config, "run") == 0
    changed = upload / "films" / "film.ts"
    write_film(tmp_path / "film.ts", seed=99, seconds=6)
    changed.write_bytes((tmp_path / "film.ts").read_bytes())
    touched = upload / "films" / "end.mp4"
    time.sleep(1.1)  # S3 counts in seconds, and the ETag stays
    touched.write_bytes(touched.read_bytes())
    before = {path.name: path.read_bytes() for path in (upload / "work" / "features").iterdir()}
    assert command(config, "plan") == 0
    assert command(config, "extract") == 0
    assert worked_on(upload, "extract") == ["film-ts"]
    assert worked_on(upload, "compare") == ["end-mp4"]
    after = {path.name: path.read_bytes() for path in (upload / "work" / "features").iterdir()}
    assert [name for name in before if before[name] != after[name]] == ["film-ts.parquet"]
    proxy.reset()
    assert command(config, "extract") == 0
    assert not [request for request in proxy.seen if request.method == "GET" and "/films/" in request.path]


def test_equal_size_within_a_second_is_noticed_by_the_etag(upload):
    path = upload / "films" / "film.mkv"
    content = bytearray(path.read_bytes())
    path.write_bytes(content)
    before = path.stat()
    content[-100] ^= 255
    path.write_bytes(content)
    assert path.stat().st_size == before.st_size
    assert path.stat().st_mtime_ns != before.st_mtime_ns


def test_a_missing_object_costs_its_title_only(upload, command, tmp_path, write_config, ledger):
    (upload / "films" / "start.mp4").unlink()
    config = write_config(tmp_path / "s3.toml", upload)
    assert command(config, "run") == 1
    assert ledger().status.to_dict() == {
        "end-mp4": "done",
        "film-mkv": "done",
        "film-ts": "done",
        "start-mp4": "missing",
    }


def test_runs_are_listed_compared_rolled_back_and_collected(upload, command, tmp_path, capsys, write_config):
    config = write_config(tmp_path / "s3.toml", upload)
    assert command(config, "run") == 0
    assert command(config, "infer", "--set", "infer.thresholds.checks.frame=0.9") == 0
    capsys.readouterr()
    assert command(config, "rollback") == 0
    assert command(config, "runs", "list") == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "model" in line]
    assert lines[0].startswith("*") and lines[0].endswith("(held by rollback)")
    assert command(config, "runs", "release") == 0
    assert command(config, "diff", "previous") == 0
    assert command(config, "report") == 0
    assert command(config, "gc", "--keep", "1") == 0
    assert len(list((upload / "work" / "runs").iterdir())) == 1


def test_requests_of_a_film_are_few_and_the_film_comes_once(upload, proxy, command, tmp_path, write_config, film_names):
    config = write_config(tmp_path / "s3.toml", upload)
    sizes = {name: (upload / "films" / name).stat().st_size for name in film_names}
    proxy.reset()
    assert command(config, "extract") == 0
    for name, size in sizes.items():
        requests = [request for request in proxy.seen if request.key.endswith(f"/films/{name}")]
        fetched = 0
        for request in requests:
            if request.span:
                first, _, last = request.span.removeprefix("bytes=").partition("-")
                fetched += int(last) - int(first) + 1
        heads = sum(request.method == "HEAD" for request in requests)
        print(f"{name}: {size} bytes, {fetched} fetched, {heads} HEAD, {len(requests) - heads} GET")
        assert size <= fetched <= 1.5 * size
        assert heads <= 4
        assert len(requests) - heads <= 1 + size / 2**20


def test_moderate_takes_films_of_a_bucket(local, upload, tmp_path, capsys):
    arguments = ["--checkpoint", f"{upload}/checkpoint", "--out", f"{upload}/adhoc"]
    with pytest.raises(SystemExit) as ended:
        cli.main(["moderate", f"{upload}/films/film.mkv", f"{upload}/films/start.mp4", *arguments])
    assert ended.value.code == 0
    run = next((upload / "adhoc" / "runs").iterdir())
    found = next(csv.DictReader((run / "titles.csv").read_text().splitlines()))
    expected = csv.DictReader((local / "work" / "current" / "titles.csv").read_text().splitlines())
    same = next(row for row in expected if row["title_id"] == "film-mkv")
    assert found.pop("path") == f"{upload}/films/film.mkv"
    assert {**found, "title_id": "film-mkv", "path": same["path"]} == same
    with pytest.raises(SystemExit) as ended:
        cli.main(["moderate", f"{upload}/films/film.mkv", str(local / "films" / "film.ts"), *arguments])
    assert ended.value.code == 2
    assert "moderate those of one place at a time" in capsys.readouterr().err


def test_the_doctor_tries_the_store_out(upload, tmp_path, write_config, proxy):
    config = load_config(write_config(tmp_path / "s3.toml", upload))
    found = list(check_stores(store_uses(config)))
    assert [state for state, _ in found] == ["ok"] * 5
    assert "writing on condition works" in found[-1][1]
    assert list((upload / "work").glob("*")) == []
    proxy.fault = lambda number, request: "deny" if request.method == "PUT" else "ok"
    found = list(check_stores(store_uses(config)))
    assert [state for state, _ in found] == ["ok"] * 3 + ["failure"]
    assert "Access Denied" in found[-1][1]
