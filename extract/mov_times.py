"""Whether the tables of an MP4 agree on how many pictures its video has and how long they last.

A player dates every picture by one table, and one changed byte of it lets pictures share a moment, or pushes them
behind the end that the edit list names, where they are not displayed: without an error. But the file says the same in
other places, too. Not in the paper; ISO/IEC 14496-12, 8.2.2, 8.3.2, 8.4.2, 8.6.1 and 8.7.3.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from extract.mov_boxes import track_boxes

TOLERATED_S = 0.5
_EMPTY = b"\xff\xff\xff\xff"  # begins the media time of an edit that shows nothing
_MOST_BYTES = 1 << 24
_WANTED = {**dict.fromkeys((b"mvhd", b"tkhd", b"mdhd", b"elst", b"stts", b"mvex"), _MOST_BYTES), b"stsz": 12}


@dataclass
class _Track:
    """What a track says of its length; ticks of the movie (scale of ``mvhd``) or of the track (``mdhd``)."""

    number: int
    shown_ticks: int
    edited_ticks: int | None = None
    media_edits_ticks: int = 0
    scale: int = 0
    media_ticks: int = 0
    dated: int = 0
    dated_ticks: int = 0
    sized: int = 0

    def take(self, name: bytes, body: bytes) -> None:
        """Take in the content of a box."""
        wide = body[:1] == b"\1"
        if name == b"mdhd":
            self.scale = _number(body, 20 if wide else 12)
            self.media_ticks = _number(body, 24 if wide else 16, wide=wide)
        elif name == b"elst":
            step, field = (20, 8) if wide else (12, 4)
            entries = range(8, min(len(body), 8 + step * _number(body, 4)), step)
            lengths = [(_number(body, at, wide=wide), body[at + field : at + field + 4] == _EMPTY) for at in entries]
            self.edited_ticks = sum(ticks for ticks, _ in lengths)
            self.media_edits_ticks = sum(ticks for ticks, empty in lengths if not empty)
        elif name == b"stts":
            pairs = struct.iter_unpack(">II", body[8 : 8 + (len(body) - 8) // 8 * 8])
            for count, ticks in islice(pairs, _number(body, 4)):
                self.dated += count
                self.dated_ticks += count * ticks
        elif name == b"stsz":
            self.sized = _number(body, 8)

    def disagree(self, movie_scale: int) -> Iterator[str]:
        """Yield what the boxes of the track say otherwise than others."""
        if self.dated != self.sized:
            yield f"the file holds {self.sized} pictures, but dates {self.dated}"
        dated_s, media_s = self.dated_ticks / self.scale, self.media_ticks / self.scale
        if abs(dated_s - media_s) > TOLERATED_S:
            yield f"its pictures last {dated_s:.1f} s by their table, but the file says {media_s:.1f} s"
        if not movie_scale or not self.shown_ticks:
            return
        shown_s, edits_s = self.shown_ticks / movie_scale, self.media_edits_ticks / movie_scale
        edited_s = dated_s if self.edited_ticks is None else self.edited_ticks / movie_scale
        if abs(shown_s - edited_s) > TOLERATED_S:
            yield f"the file says both that its video is shown for {shown_s:.1f} s and for {edited_s:.1f} s"
        if edits_s > dated_s + TOLERATED_S:
            yield f"its edit list shows {edits_s:.1f} s of pictures that last {dated_s:.1f} s"


def contradiction(path: Path, track: int) -> str:
    """Say how the tables of a track contradict each other; empty if they agree, or the film is in fragments.

    Args:
        path: an MP4 file.
        track: its track_ID.
    """
    with path.open("rb") as handle:
        movie_scale, tracks, fragmented = _read(handle, path.stat().st_size)
    found = next((one for one in tracks if one.number == track), None)
    if found is None or fragmented or not (found.scale and found.dated and found.sized):
        return ""
    return next(found.disagree(movie_scale), "")


def _read(handle: BinaryIO, size: int) -> tuple[int, list[_Track], bool]:
    """Return (ticks of the movie a second, its tracks, whether it is in fragments)."""
    scale, tracks, fragmented = 0, list[_Track](), False
    for name, body in track_boxes(handle, size, _WANTED):
        wide = body[:1] == b"\1"
        if name == b"mvhd":
            scale = _number(body, 20 if wide else 12)
        elif name == b"mvex":
            fragmented = True
        elif name == b"tkhd":
            tracks.append(_Track(_number(body, 20 if wide else 12), _number(body, 28 if wide else 20, wide=wide)))
        elif tracks:
            tracks[-1].take(name, body)
    return scale, tracks, fragmented


def _number(body: bytes, at: int, *, wide: bool = False) -> int:
    """Return an unsigned number of 4 bytes, or 8; 0 if it is not there, or all of its bits are set (unknown)."""
    field = body[at : at + (8 if wide else 4)]
    value = int.from_bytes(field, "big")
    return 0 if field == b"\xff" * len(field) else value
