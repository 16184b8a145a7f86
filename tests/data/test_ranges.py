import hashlib
import random
import tracemalloc
from itertools import pairwise

import pytest

from data.locations import locate
from data.ranges import BLOCK_BYTES, KEPT_BLOCKS, LARGEST_BLOCKS, ObjectChangedError, RangeReader

SIZE = 11 * BLOCK_BYTES + 12_345


@pytest.fixture
def content():
    return random.Random(0).randbytes(SIZE)


@pytest.fixture
def path(content):
    place = locate("memory://ranges/film")
    place.write_bytes(content)
    yield place
    place.unlink()


@pytest.fixture
def asked(monkeypatch, path):
    """The ranges that the store is asked for, in blocks."""
    spans = []

    def read(self, start, stop=None):
        spans.append((start / BLOCK_BYTES, stop / BLOCK_BYTES))
        return original(self, start, stop)

    original = type(path).read_range
    monkeypatch.setattr(type(path), "read_range", read)
    return spans


def test_any_order_of_reading_gives_the_bytes_and_their_hash(path, content):
    reader = RangeReader(path, hashed=True)
    draw = random.Random(1)
    for _ in range(60):
        start, length = draw.randrange(SIZE + 10), draw.randrange(3 * BLOCK_BYTES)
        assert reader.read(start, length) == content[start : start + length]
    assert reader.finish_sha256() == hashlib.sha256(content).hexdigest()


def test_what_is_read_in_order_is_fetched_once_in_growing_pieces(path, content, asked):
    reader = RangeReader(path, hashed=True)
    for start in range(0, SIZE, 1 << 15):
        assert reader.read(start, 1 << 15) == content[start : start + (1 << 15)]
    assert [stop - start for start, stop in asked][:2] == [2, 4]
    assert max(stop - start for start, stop in asked) <= LARGEST_BLOCKS
    assert all(before[1] == after[0] for before, after in pairwise(asked))
    assert reader.finish_sha256() == hashlib.sha256(content).hexdigest()
    assert sum(stop - start for start, stop in asked) * BLOCK_BYTES == SIZE


def test_a_jump_costs_one_block(path, asked):
    reader = RangeReader(path)
    reader.read(SIZE - 10, 10)
    reader.read(5 * BLOCK_BYTES + 1, 100)
    assert asked == [(11, SIZE / BLOCK_BYTES), (5, 6)]


def test_memory_does_not_grow_with_the_object(path):
    path.write_bytes(bytes(3 * KEPT_BLOCKS * BLOCK_BYTES))
    reader = RangeReader(path, hashed=True)
    tracemalloc.start()
    for start in range(0, reader.size, BLOCK_BYTES):
        reader.read(start, BLOCK_BYTES)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < (KEPT_BLOCKS + 3 * LARGEST_BLOCKS) * BLOCK_BYTES


def test_another_object_of_that_name_is_noticed(path):
    reader = RangeReader(path)
    reader.require_same()
    path.write_bytes(b"short")
    with pytest.raises(ObjectChangedError, match="was replaced"):
        reader.require_same()
    with pytest.raises(ObjectChangedError):
        reader.read(5 * BLOCK_BYTES, 10)


def test_an_opened_object_is_a_file(path, content):
    with path.open("rb") as file:
        assert file.seek(-5, 2) == SIZE - 5
        assert file.read() == content[-5:]
        assert file.seek(7) == file.tell() == 7
        assert file.read(100_000) == content[7:100_007]


def test_an_empty_object_is_empty(path):
    path.write_bytes(b"")
    reader = RangeReader(path, hashed=True)
    assert reader.read(0, 10) == b""
    assert reader.finish_sha256() == hashlib.sha256(b"").hexdigest()


@pytest.mark.parametrize("size", [0, 1, 8 * BLOCK_BYTES - 1, 8 * BLOCK_BYTES, 9 * BLOCK_BYTES + 7])
def test_a_whole_object_is_read_by_one_request_or_in_pieces(path, asked, size):
    content = random.Random(2).randbytes(size)
    path.write_bytes(content)
    assert path.read_bytes() == content
    assert (len(asked) == 1) == (size < 8 * BLOCK_BYTES)
