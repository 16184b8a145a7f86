"""Thirty nights with seeded faults: what must hold of every title on each of them, whatever happens."""

import random
import resource
from contextlib import contextmanager, nullcontext

import pytest

TRIES = 3
NIGHTS = 30


class Library:
    """Feature files that come, go, break and heal; what is known of each title is when it last changed."""

    def __init__(self, night, seed):
        self.night, self.rng = night, random.Random(seed)
        self.good: dict[str, bool] = {}
        self.since: dict[str, int] = {}
        self._written = 100

    def write(self, title_id, today, *, good):
        """Put another file where a title's is; its size and time change with it."""
        self._written += 1
        path = self.night.write_features(title_id, self._written)
        if not good:
            path.write_bytes(b"not an array" + bytes(self._written))
        self.good[title_id], self.since[title_id] = good, today

    def add(self, today, count, *, bad_share):
        for _ in range(count):
            self.write(f"n{self._written:03d}", today, good=self.rng.random() >= bad_share)

    def replace(self, today, title_ids, *, good):
        for title_id in title_ids:
            self.write(title_id, today, good=good)

    def remove(self, title_ids):
        for title_id in title_ids:
            del self.good[title_id], self.since[title_id]

    def sample(self, count, *, good):
        among = sorted(title_id for title_id, is_good in self.good.items() if is_good == good)
        return self.rng.sample(among, min(count, len(among)))

    def change(self, today):
        """Let a day pass."""
        rng = self.rng
        self.add(today, rng.randrange(4), bad_share=0.3)
        if rng.random() < 0.25:  # a broken delivery
            self.add(today, 12, bad_share=0.9)
        self.replace(today, self.sample(rng.randrange(2), good=True), good=True)
        self.replace(today, self.sample(rng.randrange(2), good=True), good=False)
        self.replace(today, self.sample(rng.randrange(3), good=False), good=True)
        self.remove(self.sample(rng.randrange(2), good=rng.random() < 0.5))
        listed = sorted(self.good)
        rng.shuffle(listed)
        self.night.write_titles(listed)


@contextmanager
def full_disk():
    """Let no file grow beyond what the ledger and shards need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2, 3))])
def test_thirty_nights(make_night, tmp_path, seed):
    """Every good title is scored the night it comes or the next, every bad one given up after its tries; and back."""
    night = make_night(tmp_path / "night", titles=12, extra="report = false\n")
    library = Library(night, seed)
    for number in range(12):
        library.good[f"t{number}"], library.since[f"t{number}"] = True, 0
    whole = []  # the nights on which the disk was not full
    for today in range(NIGHTS):
        if today:
            library.change(today)
        is_full = today % 7 == 3
        with full_disk() if is_full else nullcontext():
            code = night.command("run")
        if is_full:
            assert code == 5, today
            continue
        whole.append(today)
        check(library, code, today, whole)
    assert {"done", "quarantined", "removed"} <= set(night.table("ledger.parquet").status)


def check(library, code, today, whole):
    ledger = library.night.table("ledger.parquet")
    tried = {title_id: sum(night >= since for night in whole) for title_id, since in library.since.items()}
    new_and_bad = [title_id for title_id, good in library.good.items() if not good and tried[title_id] == 1]
    assert code in (0, 1, 5), (today, code)
    if len(new_and_bad) < 10:
        assert code != 5, today  # a night of retries, whatever their number
    for title_id, good in library.good.items():
        row = ledger.loc[title_id]
        if good and tried[title_id] >= 2:
            assert (row.status, row.attempts) == ("done", 0), (today, title_id)
        elif not good:
            assert row.attempts >= min(TRIES, tried[title_id]), (today, title_id)
            assert row.given_up or tried[title_id] <= TRIES, (today, title_id)
    if code != 5:
        titles = library.night.table("current/titles.parquet")
        assert set(titles.index) == set(library.good)
        assert set(titles.index[titles.status != "quarantined"]) == {
            title_id for title_id, good in library.good.items() if good
        }
