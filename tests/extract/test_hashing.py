import hashlib
import os
import threading
from concurrent.futures import CancelledError

import pytest

from extract.hashing import hasher


def test_a_file_is_known_by_its_bytes(tmp_path):
    path = tmp_path / "film"
    path.write_bytes(b"x" * 3_000_000)
    with hasher() as hashes:
        assert hashes.submit(path).result() == hashlib.sha256(b"x" * 3_000_000).hexdigest()


def test_a_fifo_is_refused_instead_of_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with hasher() as hashes, pytest.raises(OSError, match="not a regular file"):
        hashes.submit(tmp_path / "pipe").result()


def test_stopping_gives_up_the_file_in_hand(tmp_path, monkeypatch):
    endless = tmp_path / "film"
    endless.write_bytes(b"x" * 10)
    started = threading.Event()

    class Endless:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def read(self, size):
            started.set()
            return b"x"

    monkeypatch.setattr(type(endless), "open", lambda *_: Endless())
    with hasher() as hashes:
        future = hashes.submit(endless)
        started.wait()
    with pytest.raises(CancelledError):
        future.result()
