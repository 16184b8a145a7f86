"""The engine ``ray`` with everything on S3: machines that share no disk, only a store. Against a local run on disk."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("ray", reason="the extra ray is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ray"), pytest.mark.timeout(1200)]

PATIENCE_S = 400
"""For what takes seconds: a busy machine may take so long to import torch in a new process."""
COMMAND = [sys.executable, "-c", "from pipeline.cli import main; main()"]
CLUSTER = """
import sys
from ray.cluster_utils import Cluster

cluster = Cluster(shutdown_at_exit=True)
for _ in range(int(sys.argv[1])):
    cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20, include_dashboard=False)
print(cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""


@pytest.fixture(scope="module")
def start_cluster(s3_proxy):
    """``start_cluster(nodes, without=name)``: a real cluster in a process of its own, whose environment is the
    machines'; returns its address."""
    started = []

    def start(nodes: int, without: str | None = None) -> str:
        environment = {name: value for name, value in os.environ.items() if name != without}
        environment |= {"AWS_EC2_METADATA_DISABLED": "true", "RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
        for _ in range(3):  # Ray gives a node 30 s to start, which a busy machine may not manage
            child = subprocess.Popen(
                [sys.executable, "-c", CLUSTER, str(nodes)],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            started.append(child)
            address = child.stdout.readline().strip()
            if address:
                return address
        raise AssertionError("no cluster could be started")

    yield start
    for child in started:
        child.communicate(timeout=PATIENCE_S)


@pytest.fixture(scope="module")
def address(start_cluster):
    """Of a cluster of two machines that may use the store."""
    return start_cluster(2)


@pytest.fixture
def run(tmp_path):
    """Run with the engine ``ray``; return exit code and what was printed."""

    def start(config, address):
        log = tmp_path / "ray.log"
        sets = ["--set", "run.engine=ray", "--set", f"run.ray_address={address}"]
        with log.open("w") as output:
            done = subprocess.run(
                [*COMMAND, "run", "--config", config, *sets],
                stdout=output,
                stderr=output,
                timeout=PATIENCE_S,
                check=False,
            )
        return done.returncode, log.read_text()

    return start


def test_a_run_by_ray_on_s3_gives_the_bytes_of_a_local_run_on_disk(
    local, upload, proxy, address, run, tmp_path, tree, products, ledger, write_config
):
    config = write_config(tmp_path / "s3.toml", upload)
    proxy.reset()
    code, printed = run(config, address)
    assert code == 0, printed
    assert products(upload / "work") == products(local / "work")
    assert set(ledger().status) == {"done"}
    left = tree(upload / "work")
    assert not [name for name in left if ".tmp-" in name or name.endswith(".lock")]
    everything = printed + "".join(content.decode("utf-8", "replace") for content in left.values())
    assert "a-secret-that-nobody-may-log" not in everything

    proxy.reset()
    code, printed = run(config, address)
    assert (code, "nothing to do" in printed) == (0, True), printed
    assert not [request for request in proxy.seen if request.method == "GET" and "/films/" in request.path]


@pytest.mark.parametrize(("method", "part"), [("GET", "/films/"), ("PUT", "/scores/")], ids=["films", "scores"])
def test_other_machines_wait_for_a_store_as_long_as_the_run_says(
    method, part, upload, proxy, address, run, tmp_path, ledger, write_config
):
    config = write_config(tmp_path / "s3.toml", upload, timeout_s=1.5, patience_s=4)
    proxy.fault = lambda number, request: "throttle" if request.method == method and part in request.path else "ok"
    code, printed = run(config, address)
    assert code == 5, printed
    assert "given up after [storage] patience_s = 4: see to the store" in printed
    proxy.reset()
    if (upload / "work" / "ledger.parquet").exists():
        assert set(ledger().status) <= {"done"}


def test_a_machine_without_credentials_ends_the_run_and_no_title_is_blamed(
    upload, start_cluster, run, tmp_path, write_config
):
    address = start_cluster(1, without="AWS_SECRET_ACCESS_KEY")
    code, printed = run(write_config(tmp_path / "s3.toml", upload, patience_s=4), address)
    assert code == 5, printed
    assert "redentials" in printed
    assert "ip=" in printed  # which machine it was
    assert not (upload / "work" / "ledger.parquet").exists()
