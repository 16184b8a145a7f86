"""What a decode process says of a title, read as what it is: the words of a process that may have been hijacked.

Every value must be of its type and within its range before it reaches a table, a terminal or a file: no control
characters, no numbers that are none, no text without end. A message that breaks this fails its title.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from data.errors import DecodeError
from extract.damage import MAX_SPOTS, Spot
from extract.frames import TOLD_STREAMS, ReadReport, StreamInfo, VideoInfo

MAX_LETTERS = 2000
SPOTS = ("damage", "stepped_over")
WORDS = ("reason", "remark")
_UNPRINTABLE = re.compile(r"[^ -~\u00a0-\u2027\u202f-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=2**31)]
Word = Annotated[str, StringConstraints(max_length=100, pattern=r"\A[A-Za-z0-9_,.+ -]*\z")]


class _Words(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class _Stream(_Words):
    kind: Literal["video", "audio", "subtitle", "data", "attachment", "cover"]
    codec: Word
    width_px: Count
    height_px: Count
    default: bool
    chosen: bool


class _Spot(_Words):
    start_s: Seconds
    lost_s: Seconds
    damaged: Count


Spots = Annotated[list[_Spot], Field(max_length=MAX_SPOTS)]


class _Info(_Words):
    container: Word
    codec: Word
    width_px: Count
    height_px: Count
    rotation_deg: Literal[0, 90, 180, 270]
    declared_duration_s: Seconds | None
    container_s: Seconds | None = None
    streams: Annotated[list[_Stream], Field(max_length=TOLD_STREAMS)] = []


class _Report(_Words):
    decoded_s: Seconds
    samples: Count
    corrupt_packets: Count
    complete: bool
    reason: str
    cut_off: bool = False
    pictures: Count = 0
    longest_s: Seconds = 0.0
    damage: Spots = []
    damage_count: Count = 0
    stepped_over: Spots = []
    stepped_over_count: Count = 0
    picture_start_s: Seconds = 0.0
    declared_start_s: Seconds | None = None
    clock_changed: bool = False
    lead_s: Seconds = 0.0
    remark: str = ""
    unseen: bool = False


class _Failure(_Words):
    code: Annotated[str, StringConstraints(pattern=r"\A[a-z_]{1,40}\z")]
    error: str


def read_info(body: bytes) -> VideoInfo:
    """Return what an ``o`` message says; ValueError if it is none."""
    said = _Info.model_validate_json(body)
    streams = tuple(StreamInfo(**stream.model_dump()) for stream in said.streams)
    return VideoInfo(**said.model_dump(exclude={"streams"}), streams=streams)


def read_report(body: bytes) -> ReadReport:
    """Return what a ``d`` message says; ValueError if it is none."""
    said = _Report.model_validate_json(body)
    lists: dict[str, Any] = {name: tuple(Spot(**spot.model_dump()) for spot in getattr(said, name)) for name in SPOTS}
    words: dict[str, Any] = {name: printable(getattr(said, name)) for name in WORDS}
    return ReadReport(**said.model_dump(exclude={*SPOTS, *WORDS}), **words, **lists)


def read_failure(body: bytes) -> DecodeError:
    """Return the error that an ``f`` message reports; ValueError if it is none."""
    said = _Failure.model_validate_json(body)
    return DecodeError(printable(said.error), code=said.code)


def printable(text: str) -> str:
    """Return text without control characters (a terminal obeys them), bounded in length."""
    return _UNPRINTABLE.sub("?", text[:MAX_LETTERS])
