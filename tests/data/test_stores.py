"""Requests to a store that fails: a file system of the test's own, registered with fsspec."""

import time

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from data import stores
from data.errors import StoreError
from data.locations import locate
from data.parquet_file import open_parquet, open_parquet_footer, open_whole_parquet, read_parquet
from data.stores import configure, give_up, without_secrets


class Flaky(MemoryFileSystem):
    protocol = "flaky"
    faults: list = []  # noqa: RUF012  one list for the file system that fsspec makes

    def cat_file(self, path, start=None, end=None, **options):
        if Flaky.faults:
            raise Flaky.faults.pop(0)
        return b"content"


@pytest.fixture
def place():
    fsspec.register_implementation("flaky", Flaky, clobber=True)
    stores._filesystem.cache_clear()
    Flaky.faults = []
    configure(timeout_s=5, patience_s=30)
    place = locate("flaky://bucket/key")
    place.write_bytes(b"content")
    yield place
    Flaky.faults = []
    place.unlink()
    configure(timeout_s=30, patience_s=180)
    stores._filesystem.cache_clear()


@pytest.fixture
def impatient(place):
    configure(timeout_s=5, patience_s=0.2)
    return place


def test_what_fails_is_asked_again_until_it_answers(place, caplog):
    Flaky.faults = [
        OSError(16, "SlowDown"),
        TimeoutError(),
        ConnectionResetError("cut"),
        RuntimeError("a library's own"),
    ]
    assert place.read_bytes() == b"content"
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 4
    assert "flaky://bucket/key: the store said OSError: [Errno 16] SlowDown" in caplog.text


def test_patience_ends(impatient):
    Flaky.faults = [OSError(16, "SlowDown")] * 100
    with pytest.raises(StoreError, match=r"SlowDown; given up after \[storage\] patience_s = 0.2: see to the store"):
        impatient.read_bytes()


@pytest.mark.parametrize("answer", [FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError])
def test_answers_are_given_at_once_with_the_name_of_the_object(place, answer):
    Flaky.faults = [answer("bucket/key")]
    with pytest.raises(answer) as caught:
        place.read_bytes()
    assert caught.value.filename == "flaky://bucket/key" and caught.value.errno
    assert not Flaky.faults


class NoCredentialsError(Exception):
    """Called as botocore calls it."""


@pytest.mark.parametrize(
    "fault", [OSError(22, "The specified bucket is not valid."), ValueError("no"), NoCredentialsError("none found")]
)
def test_what_makes_no_sense_is_not_repeated(place, fault):
    Flaky.faults = [fault]
    with pytest.raises(StoreError, match="correct the URL, the credentials or the store's settings"):
        place.read_bytes()
    assert not Flaky.faults


def test_nothing_is_repeated_once_the_process_is_about_to_end(place):
    give_up()
    Flaky.faults = [OSError(16, "SlowDown")] * 2
    started_s = time.monotonic()
    with pytest.raises(StoreError):
        place.read_bytes()
    assert len(Flaky.faults) == 1
    assert time.monotonic() - started_s < 20


def test_a_store_error_is_no_oserror():
    """Damage of files is told by OSError: a store that fails must never look like it."""
    assert not issubclass(StoreError, OSError)
    assert StoreError.systemic


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("GET https://me:pw@host/b/k?X-Amz-Signature=abc failed", "GET https://host/b/k failed"),
        ("'s3://key:secret@bucket/x' is wrong", "'s3://bucket/x' is wrong"),
        ("plain user@host words? yes", "plain user@host words? yes"),
    ],
)
def test_messages_hold_no_secrets(text, left):
    assert without_secrets(text) == left


def test_a_store_that_fails_below_pyarrow_is_not_taken_for_a_damaged_file(impatient, tmp_path):
    whole = tmp_path / "whole.parquet"
    pq.write_table(pa.table({"x": list(range(100))}), whole)
    impatient.write_bytes(whole.read_bytes())
    for opener in (open_parquet, open_whole_parquet, open_parquet_footer, read_parquet):
        Flaky.faults = [OSError(16, "SlowDown")] * 1000
        with pytest.raises(StoreError, match="SlowDown"):
            opener(impatient)
