"""What a coded picture says of itself, without being decoded: may it be left out, and is it whole?

A planner that leaves pictures undecoded (extract.planner) rests on three facts, read from the few header bytes that
codecs put before their entropy-coded data. Whatever is not understood counts as not whole, and is decoded.

- *disposable*: no other picture is predicted from it.
- *fresh*: decoding may begin with it, whatever was decoded before. Containers mark more than that as key frames.
- *whole*: its headers and lengths agree to the last byte. It is all that can be checked of a picture that nobody
  decodes, and what most damage breaks; single flipped bits inside a picture do not show here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise

_START_CODE = re.compile(rb"\x00\x00\x01")
# Emulation prevention keeps these out of a unit; the first may stand between units of a byte stream.
_IMPOSSIBLE = re.compile(rb"\x00\x00[\x00-\x02]")
_IMPOSSIBLE_IN_STREAM = re.compile(rb"\x00\x00[\x00\x02]")


@dataclass(frozen=True)
class Facts:
    """Facts of one packet; the defaults are those of a packet that must be decoded.

    Args:
        whole, disposable, fresh: see the module's docstring.
        layer: temporal layer (HEVC): what is disposable within its own layer serves higher ones.
        parameters: headers in it that later pictures need (parameter sets); they must reach the decoder.
        rows: how many rows of macroblocks it brings, where that shows (MPEG-2); the same in all pictures of a title.
    """

    whole: bool = False
    disposable: bool = False
    fresh: bool = False
    layer: int = 0
    parameters: bytes = b""
    rows: int = 0


BROKEN = Facts()
Look = Callable[[bytes], Facts]


def look_for(codec: str, extradata: bytes | None) -> Look | None:
    """Return what reads the facts of this codec's packets; None for codecs that are always decoded whole.

    Args:
        codec: FFmpeg's canonical name.
        extradata: the codec's private data in the container; tells how units are delimited.
    """
    if codec == "h264":
        return lambda data: _h264(_units(data, _length_bytes(extradata, 4)))
    if codec == "hevc":
        return lambda data: _hevc(_units(data, _length_bytes(extradata, 21)))
    others: dict[str, Look] = {"mpeg4": _mpeg4, "mpeg2video": _mpeg2, "vp9": _vp9, "av1": _av1}
    return others.get(codec)


def _length_bytes(extradata: bytes | None, at: int) -> int:
    """Return the size of the length before each unit (MP4, Matroska); 0 where start codes part them."""
    return (extradata[at] & 3) + 1 if extradata and len(extradata) > at and extradata[0] == 1 else 0


def _units(data: bytes, length_bytes: int) -> list[bytes] | None:
    """Split a packet into NAL units; None if its lengths or start codes do not fit."""
    units = list(_prefixed(data, length_bytes) if length_bytes else _delimited(data))
    impossible = _IMPOSSIBLE if length_bytes else _IMPOSSIBLE_IN_STREAM
    if not units or any(not unit or unit[0] & 0x80 or impossible.search(unit) for unit in units):
        return None
    return units


def _prefixed(data: bytes, length_bytes: int) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        start = at + length_bytes
        at = start + int.from_bytes(data[at:start], "big")
        yield data[start:at].rstrip(b"\0") if at <= len(data) else b""


def _delimited(data: bytes) -> Iterator[bytes]:
    starts = [match.end() for match in _START_CODE.finditer(data)]
    if not starts or data[: starts[0] - 3].strip(b"\0"):
        yield b""
        return
    for start, following in zip(starts, [*(start - 3 for start in starts[1:]), len(data)], strict=True):
        yield data[start:following].rstrip(b"\0")


def _h264(units: list[bytes] | None) -> Facts:
    """ITU-T H.264, 7.4.1: nal_ref_idc is 0 in every slice of a picture that no other one refers to."""
    slices = [unit for unit in units or () if 1 <= unit[0] & 31 <= 5]
    if not units or not slices:
        return BROKEN
    return Facts(
        whole=True,
        disposable=all(unit[0] & 0x7F == 1 for unit in slices),
        fresh=all(unit[0] & 31 == 5 for unit in slices),
        parameters=b"".join(unit for unit in units if unit[0] & 31 in (7, 8, 13, 15)),
    )


def _hevc(units: list[bytes] | None) -> Facts:
    """ITU-T H.265, 7.4.2.2: even types below 16 are not referred to within their temporal layer; 16 to 21 are IRAP."""
    if not units or any(len(unit) < 3 or not unit[1] & 7 for unit in units if unit[0] >> 1 < 36):
        return BROKEN
    slices = [unit for unit in units if unit[0] >> 1 < 32]
    types = [unit[0] >> 1 for unit in slices]
    if not slices or any(unit[0] & 1 or unit[1] >> 3 for unit in slices):  # of another nuh_layer_id
        return BROKEN
    return Facts(
        whole=True,
        disposable=all(kind < 16 and kind % 2 == 0 for kind in types),
        # no_output_of_prior_pics_flag: the decoder would drop pictures that draining it brings out
        fresh=all(16 <= unit[0] >> 1 <= 21 and not unit[2] & 0x40 for unit in slices),
        layer=max(unit[1] & 7 for unit in slices) - 1,
        parameters=b"".join(unit for unit in units if 32 <= unit[0] >> 1 <= 34),
    )


def _start_codes(data: bytes) -> list[int]:
    """Return where the bytes after each start code are; nowhere if the packet does not begin with one."""
    codes = [match.end() for match in _START_CODE.finditer(data) if match.end() + 2 < len(data)]
    return codes if codes and codes[0] == 3 else []


def _mpeg4(data: bytes) -> Facts:
    """ISO/IEC 14496-2, 6.2: one video object plane (B6) in a packet; its type is 0 I, 1 P, 2 B, 3 sprite."""
    codes = _start_codes(data)
    planes = [data[at + 1] >> 6 for at in codes if data[at] == 0xB6]
    if len(planes) != 1:  # none, or B-frames packed together
        return BROKEN
    layers = any(0x20 <= data[at] < 0x30 for at in codes)
    return Facts(True, disposable=planes == [2], fresh=planes == [0], parameters=data[: codes[-1]] if layers else b"")


def _mpeg2(data: bytes) -> Facts:
    """ISO/IEC 13818-2, 6.2: sequence header (B3), picture (00; type 1 I, 2 P, 3 B), slices (01 to AF: the row)."""
    codes = _start_codes(data)
    pictures = [data[at + 2] >> 3 & 7 for at in codes if data[at] == 0]
    rows = [data[at] for at in codes if data[at] <= 0xAF]  # 0 begins a picture
    broken = any(after not in (0, before, before + 1) for before, after in pairwise(rows))
    if not pictures or broken or any(data[at] in (0xB0, 0xB1, 0xB4, 0xB6) or data[at] > 0xB8 for at in codes):
        return BROKEN
    sequence = any(data[at] == 0xB3 for at in codes)
    matrices = any(data[at] == 0xB5 and data[at + 1] >> 4 == 3 for at in codes)  # quantiser matrices stay in force
    first_slice = next((at for at in codes if 1 <= data[at] <= 0xAF), len(data))
    return Facts(
        whole=True,
        disposable=all(kind == 3 for kind in pictures),
        fresh=sequence and pictures[0] == 1,
        parameters=data[:first_slice] if matrices and not sequence else b"",
        rows=sum(before for before, after in pairwise([*rows, 0]) if not after),
    )


def _vp9(data: bytes) -> Facts:
    """VP9 bitstream, 6.2 and annex B. Every picture hands on its statistics, so none is disposable."""
    if not vp9_frames(data):
        return BROKEN
    if data[0] >> 6 != 2:
        return BROKEN
    profile = (data[0] >> 5 & 1) | (data[0] >> 4 & 1) << 1
    flags = data[0] << (5 if profile == 3 else 4) & 0xFF  # show_existing_frame, frame_type (0: key frame), ...
    key = flags & 0xC0 == 0
    whole = not key or b"\x49\x83\x42" in data[1:5]
    return Facts(whole, fresh=key)


def vp9_frames(data: bytes) -> list[bytes]:
    """Split a packet of VP9 into its frames, of which the last is shown (annex B); nothing if its index is broken."""
    marker = data[-1] if data else 0
    if marker & 0xE0 != 0xC0:
        return [data]
    count, width = (marker & 7) + 1, (marker >> 3 & 3) + 1
    index = data[-(2 + width * count) :]
    sizes = [int.from_bytes(index[1 + width * i : 1 + width * (i + 1)], "little") for i in range(count)]
    if index[0] != marker or sum(sizes) + len(index) != len(data):
        return []
    return [data[end - size : end] for size, end in zip(sizes, accumulate(sizes), strict=True) if size]


def vp8_key_partitions(data: bytes) -> list[range]:
    """Return where the partitions of coefficients of a VP8 key frame are (RFC 6386, 9.1 and 9.5); none of others.

    How many there are is said inside coded data. But what stands before them, their sizes of 3 bytes each, hardly ever
    makes sense as the sizes of more or fewer.
    """
    if len(data) < 10 or data[0] & 1 or data[3:6] != b"\x9d\x01\x2a":
        return []
    table = 10 + (int.from_bytes(data[:3], "little") >> 5)
    for count in (8, 4, 2, 1):
        start = table + 3 * (count - 1)
        sizes = [int.from_bytes(data[at : at + 3], "little") for at in range(table, start, 3)]
        bounds = [*accumulate(sizes, initial=start), len(data)]
        if start <= bounds[-2] <= len(data):
            return [range(a, b) for a, b in pairwise(bounds)]
    return []


def vp9_key_size(data: bytes) -> tuple[int, int] | None:
    """Return (width, height) in pixels of a key frame of VP9, profile 0 (6.2); None of other pictures."""
    if len(data) < 9 or data[0] & 0xFC != 0x80 or data[1:4] != b"\x49\x83\x42":
        return None
    # behind color_space (3 bits) and color_range (1): two sizes less one, of 16 bits each
    sizes = int.from_bytes(data[4:9], "big") >> 4 & 0xFFFFFFFF
    return (sizes >> 16) + 1, (sizes & 0xFFFF) + 1


def _av1(data: bytes) -> Facts:
    """AV1 bitstream, 5.3 to 5.9: open bitstream units fill the packet; a shown key frame forgets everything before."""
    at, fresh, sequence = 0, None, b""
    while at < len(data):
        header = data[at]
        kind, start = header >> 3 & 15, at + (2 if header & 4 else 1)
        size = len(data) - start
        if header & 2:
            size, start = _leb128(data, start)
        if header & 0x81 or size < 0 or start + size > len(data):
            return BROKEN
        if kind == 1:
            sequence += data[start : start + size]
        if kind in (3, 6) and fresh is None and size:
            fresh = data[start] >> 4 == 1  # show_existing_frame 0, frame_type 00 (key), show_frame 1
        at = start + size
    return BROKEN if fresh is None else Facts(True, fresh=fresh, parameters=sequence)


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    """Return (value, position behind it); a negative value if it does not end."""
    value = 0
    for i in range(8):
        if at + i >= len(data):
            break
        value |= (data[at + i] & 0x7F) << 7 * i
        if not data[at + i] & 0x80:
            return value, at + i + 1
    return -1, at
