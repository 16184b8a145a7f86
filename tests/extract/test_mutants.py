"""Damaged films of every container: a typed error or valid rows, a parent that lives, and no loss that goes unsaid.

*Lost* is what a viewer no longer sees. Every picture of the film carries its own number as a bar code, so a test can
tell: a picture is lost if no displayed picture shows its number any more. Two claims are made of whatever is called
complete:

- decoding everything (``decode = "full"``), at most a second of pictures is lost;
- as decoded by default, the samples are those of decoding everything, but for one at most. Where decoding everything
  says *partial*, at most one second of the film has no sample that shows it.

The second is weaker on purpose: bytes that flip inside a picture which stands for no sample, and which nothing sampled
is predicted from, are not looked at (docs/decoding.md). No sampled second can be lost that way.

One damage may break the first claim, because it cannot always be seen (docs/decoding.md): bytes that change in place
inside pictures of VP8 that are predicted from others, and of VP9 where the changed data happen to be used up exactly.
``UNSEEN`` bounds how many mutants that may be; each is checked to be of that kind. Bytes that are lost, zeroed, added
or moved, and damaged key frames of VP8, are never among them.
"""

from __future__ import annotations

import json
import random
from contextlib import suppress
from itertools import zip_longest

import av
import numpy as np
import pytest

from extract.decode_pool import Limits, TitleEnd, decode
from extract.decode_worker import WorkerConfig
from extract.pyav_writer import write_video

FPS, FRAMES = 25, 100
SIDE = 176
FEW, MANY = 20, 500
PATIENCE = Limits(workers=2, no_progress_timeout_s=120, title_timeout_s=300)
PLANNED = WorkerConfig("extract.pyav_reader:PyAvReader", "full", False, SIDE, 2048, ("planned",))
WITNESS = WorkerConfig("number_reader:NumberReader", "full", False, SIDE, 2048)

X264 = {"crf": "28", "preset": "veryfast", "g": "25", "bf": "2"}
VPX = {"cpu-used": "-8", "deadline": "realtime", "b": "300k", "g": "25"}  # negative: whatever the machine's speed
FILMS = {
    "film.mp4": {"options": X264},
    "film.mkv": {"options": X264},
    "film.ts": {"options": X264},
    "film.webm": {"codec": "libvpx", "options": VPX},
    "long.webm": {"codec": "libvpx", "options": {**VPX, "g": "100"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {**VPX, "cpu-used": "8"}},
    "long-vp9.webm": {"codec": "libvpx-vp9", "options": {**VPX, "cpu-used": "8", "g": "100"}},
    "film.avi": {"codec": "mpeg4", "options": {"g": "25"}},
}
# How many of MANY may be called complete although more than a second is lost.
UNSEEN = {"film.webm": 3, "long.webm": 5, "vp9.webm": 1, "long-vp9.webm": 2}
VP8 = ("film.webm", "long.webm")
# What a title of damaged bytes may fail with; "timeout", "memory" or "decoder_crashed" would be bounded, but new.
CODES = {
    "unreadable",
    "refused_format",
    "refused_codec",
    "no_frames",
    "no_video_stream",
    "unsupported_codec",
    "encrypted",
}
EXTREMES = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\x01")


def mutate(intact, seed):
    """Return one damaged copy and what was done to it."""
    choice = random.Random(seed)
    size = len(intact)
    length = max(1, int(size * choice.choice((0.001, 0.01, 0.05, 0.2))))
    at = choice.randrange(size - length)
    rest = intact[at + length :]
    match kind := choice.choice(("cut", "zeros", "noise", "gap", "twice", "inserted", "flips", "header", "number")):
        case "cut":
            return intact[: choice.randrange(1, size)], kind
        case "zeros":
            return intact[:at] + bytes(length) + rest, kind
        case "noise":
            return intact[:at] + choice.randbytes(length) + rest, kind
        case "gap":
            return intact[:at] + rest, kind
        case "twice":
            return intact[: at + length] + intact[at : at + length] + rest, kind
        case "inserted":
            return intact[:at] + choice.randbytes(length) + intact[at:], kind
        case "number":
            return intact[:at:] + choice.choice(EXTREMES) + intact[at + 4 :], kind
    mutant = bytearray(intact)
    for _ in range(choice.randint(1, 16)):
        mutant[choice.randrange(min(size, 2048) if kind == "header" else size)] = choice.randrange(256)
    return bytes(mutant), kind


def pictures(clip):
    noise = np.random.default_rng(1)
    for number in range(FRAMES):
        rgb = clip.coded_frame(number)
        rgb[50:, :150] = noise.integers(0, 255, (14, 150, 3))
        yield rgb


def shown(clip, pixels):
    """The number in a sample, squeezed as it is; None if it cannot be made out."""
    with suppress(AssertionError):
        return clip.read_number(pixels[np.arange(64) * SIDE // 64])
    return None


def watch(clip, paths, config):
    """Decode films in processes that may die; return per film its end and the numbers that its samples show."""
    ends, numbers = {}, {}
    for news in decode(paths, config, PATIENCE):
        if isinstance(news, TitleEnd):
            ends[news.job] = news
        else:
            samples = numbers.setdefault(news.job, [])
            samples.append(samples[-1] if news.pixels is None else shown(clip, news.pixels))
    return [(ends[job], numbers.get(job, [])) for job in range(len(paths))]


def lost_seconds(numbers):
    """How many of the film's seconds have no sample that shows a picture of that second."""
    seen = {number // FPS for number in numbers if number is not None}
    return FRAMES // FPS - len(seen)


def changed_in_place(path, mutant, *, key_frames):
    """Whether bytes changed in place, and, unless ``key_frames``, none of them inside a key frame."""
    intact, damaged = (np.frombuffer(file.read_bytes(), np.uint8) for file in (path, mutant))
    if len(intact) != len(damaged):
        return False
    if key_frames:
        return True
    changed = np.flatnonzero(intact != damaged)
    with av.open(str(path)) as container:
        keys = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.is_keyframe]
    return not any(((start <= changed) & (changed < start + size + 8)).any() for start, size in keys)


def check(clip, tmp_path, monkeypatch, name, seeds):
    monkeypatch.syspath_prepend(__file__.rpartition("/")[0])
    path = tmp_path / name
    write_video(path, pictures(clip), fps=FPS, **FILMS[name])
    intact = path.read_bytes()
    ((end, numbers),) = watch(clip, [path], PLANNED)
    assert (end.report.complete, numbers) == (True, [0, 25, 50, 75])
    mutants, kinds = [], []
    for seed in seeds:
        mutant, kind = mutate(intact, seed)
        mutants.append(tmp_path / f"{seed}-{name}")
        mutants[-1].write_bytes(mutant)
        kinds.append((seed, kind))
    complete = []
    for mutant, kind, (end, numbers) in zip(mutants, kinds, watch(clip, mutants, PLANNED), strict=True):
        if end.error is not None:
            assert end.error.code in CODES, f"{kind}: {end.error}"
            continue
        assert end.report.samples == len(numbers) >= 1
        assert end.report.complete == (not end.report.reason)
        if end.report.complete:
            complete.append((mutant, kind, numbers))
    assert len(complete) < len(mutants)
    assert complete or name == "long-vp9.webm"  # of which hardly any damage leaves a picture whole
    witnessed = watch(clip, [path for path, _, _ in complete], WITNESS)
    unseen = []
    for (mutant, kind, numbers), (end, in_full) in zip(complete, witnessed, strict=True):
        assert end.error is None, f"{kind}: {end.error}"
        lost_s = (FRAMES - len(json.loads(end.report.reason))) / FPS
        if end.report.complete:
            different = sum(ours != theirs for ours, theirs in zip_longest(numbers, in_full))
            assert different <= 1, f"{kind}: samples show {numbers}, but {in_full} when all is decoded"
            if lost_s > 1:
                said = f"{kind}: complete, but {lost_s} s are lost"
                assert changed_in_place(path, mutant, key_frames=name not in VP8), said
                unseen.append((kind, lost_s))
        else:
            assert lost_seconds(numbers) <= 1, f"{kind}: complete, but its samples show {numbers}"
    assert len(unseen) <= UNSEEN.get(name, 0), unseen


@pytest.mark.parametrize("name", FILMS)
def test_damage_is_an_error_or_counted(clip, tmp_path, monkeypatch, name):
    check(clip, tmp_path, monkeypatch, name, range(FEW))


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", FILMS)
def test_500_mutants_are_an_error_or_counted(clip, tmp_path, monkeypatch, name):
    check(clip, tmp_path, monkeypatch, name, range(MANY))
