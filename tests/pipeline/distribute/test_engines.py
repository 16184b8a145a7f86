"""One contract for all engines, on a real cluster of two nodes: the same bytes, ledger, exit codes and words."""

import re

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ray"), pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def address(start_cluster):
    return start_cluster(nodes=2).address


@pytest.fixture(params=["local", "ray", "ray with backbone actors"])
def engine(request):
    """The [run] section that chooses an engine. Local ones need no cluster."""
    if request.param == "local":
        return {"engine": "local"}
    settings = {"engine": "ray", "ray_address": request.getfixturevalue("address")}
    return settings if request.param == "ray" else settings | {"ray_backbones": 2}


@pytest.fixture
def work(request):
    """A name for the work folder of a test."""
    return re.sub(r"\W+", "-", request.node.name)


@pytest.fixture(scope="module")
def reference(films):
    """What a run with the default engine leaves."""
    assert films.run("run", films.config("reference"))[0] == 1
    return films.products("reference")


def test_a_run_gives_the_bytes_of_the_default_engine_and_bad_titles_cost_themselves(films, engine, work, reference):
    config = films.config(work, **engine)
    code, printed = films.run("run", config)
    assert code == 1, printed
    assert films.products(work) == reference
    assert films.blamed(work) == {"bad", "cut"}
    assert films.leftovers(work) == []
    code, printed = films.run("run", config)
    assert (code, "infer: nothing to do" in printed) == (1, True), printed
    # only what is not kept is scored, and in the order of the titles
    score = next(films.work(work).glob("scores/*/f2@*.parquet"))
    kept = score.read_bytes()
    score.unlink()
    code, printed = films.run("infer", config, "--set", "infer.review_fraction=0.25")
    assert (code, "8 titles" in printed, ", 1 scored" in printed) == (1, True, True), printed
    assert score.read_bytes() == kept


def test_a_file_that_cannot_be_written_ends_the_run_and_no_title_is_blamed(films, engine, work):
    films.write_titles(work, ["f0", "f1", "f2"])
    (films.work(work) / "features" / "f1.parquet").mkdir(parents=True)
    code, printed = films.run("extract", films.config(work, work, **engine))
    assert code == 2, printed  # a folder in its place is no fault of the disk: somebody has to move it
    assert "f1.parquet: a folder is where a file is needed" in printed
    assert films.blamed(work) == set()
    assert films.leftovers(work) == []


def test_missing_weights_end_the_run(films, engine, work):
    (films.folder / "weights.pth").write_bytes(b"no weights")
    config = films.config(work, **engine)
    code, printed = films.run("extract", config, "--set", f"extract.weights={films.folder / 'weights.pth'}")
    assert (code, "weights.pth" in printed) == (2, True), printed
    assert not (films.work(work) / "ledger.parquet").exists()


def test_too_many_failures_end_in_5_and_give_up_no_title(films, engine, work):
    films.write_titles(work, ["f0", "bad", "bad2", "bad3", "f1", "f2"])
    for name in ("bad2", "bad3"):
        (films.folder / f"{name}.mp4").write_bytes(b"no film either")
    config = films.config(work, work, max_error_rate=0.2, abort_after=2, attempts=1, **engine)
    code, printed = films.run("extract", config)
    assert (code, "3 of 6 new titles failed, more than [run] max_error_rate" in printed) == (5, True), printed
    status = films.ledger(work).status
    assert status.value_counts().to_dict() == {"done": 3, "quarantined": 3}
