"""What a cluster may lose in the middle of a title, and what is lost then: nothing."""

import os
import shutil
import signal

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ray"), pytest.mark.timeout(900)]
LONG_S = 90
TITLES = ["long0", "long1", "long2"]


@pytest.fixture(scope="module")
def long_films(films):
    """Films that take seconds to extract, and what the default engine makes of them."""
    for number, title_id in enumerate(TITLES):
        films.write_film(title_id, 100 + number, LONG_S)
    films.write_titles("long", TITLES)
    code, printed = films.run("extract", films.config("local", "long"))
    assert code == 0, printed
    films.expected = films.products("local")
    return films


@pytest.fixture(scope="module")
def cluster(start_cluster):
    return start_cluster(nodes=2)


def start(films, work, cluster):
    """Start an extraction on a cluster; return its process and its configuration."""
    config = films.config(work, "long", engine="ray", ray_address=cluster.address)
    films.work(work).mkdir()  # what the features are is known from an earlier run
    shutil.copy(films.work("local") / "features.json", films.work(work))
    return films.start("extract", config), config


def at_work(machine, node):
    """Wait for a process on a node that has a decoder at work, and return both."""

    def look():
        return next(((pid, decoders) for pid in machine.of(node) if (decoders := machine.decoders_of(pid))), None)

    return machine.wait_until(look)


def test_a_process_killed_in_mid_title_is_replaced_and_the_title_done(long_films, cluster, machine):
    run, config = start(long_films, "killed", cluster)
    pid, decoders = at_work(machine, cluster.list_all_nodes()[0])
    os.kill(pid, signal.SIGKILL)
    machine.wait_until(lambda: not any(map(machine.exists, decoders)))
    assert run.wait(400) == 0, config.with_suffix(".log").read_text()
    assert long_films.products("killed") == long_films.expected


def test_sigterm_leaves_whole_files_and_nobody_at_work(long_films, cluster, machine):
    run, config = start(long_films, "stopped", cluster)
    working = [at_work(machine, node) for node in cluster.list_all_nodes()]
    run.terminate()
    assert run.wait(120) == 130, config.with_suffix(".log").read_text()
    assert "interrupted" in config.with_suffix(".log").read_text()
    machine.wait_until(lambda: not any(machine.of(node) for node in cluster.list_all_nodes()))
    machine.wait_until(lambda: not any(machine.exists(decoder) for _, decoders in working for decoder in decoders))
    assert long_films.leftovers("stopped") == []
    code, printed = long_films.run("extract", config)
    assert code == 0, printed
    assert long_films.products("stopped") == long_films.expected


def test_the_titles_of_a_lost_node_are_done_by_another(long_films, cluster, machine):
    run, config = start(long_films, "node", cluster)
    lost = cluster.list_all_nodes()[1]
    pid, _ = at_work(machine, lost)
    cluster.remove_node(lost, allow_graceful=False)
    machine.wait_until(lambda: not machine.exists(pid))
    assert run.wait(400) == 0, config.with_suffix(".log").read_text()
    assert long_films.products("node") == long_films.expected
