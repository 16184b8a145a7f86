from __future__ import annotations

import struct

import pytest

from extract.structure import TransportCounter, avi_chunk_missing, breaks_off, holds_zeroed_block, zeroed_between

MOV, MATROSKA = "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"


def box(name, length):
    return struct.pack(">I4s", length, name) + bytes(length - 8)


def segment(size_field, content):
    return b"\x1a\x45\xdf\xa3\x84" + bytes(4) + b"\x18\x53\x80\x67" + size_field + content


PACKET = b"\x47" + b"\xff" * 187
PES = b"\0\0\1\xe0" + (10).to_bytes(2, "big") + b"\xff" * 10
PACK = b"\0\0\1\xba\x44" + bytes(8) + b"\xf8"

# container and whole file
WHOLE = {
    "fragmented": (MOV, box(b"ftyp", 16) + box(b"moov", 40) + box(b"moof", 24) + box(b"mdat", 100)),
    "matroska": (MATROSKA, segment(b"\x01" + (50).to_bytes(7, "big"), bytes(50))),
    "avi": ("avi", b"RIFF" + struct.pack("<I", 100) + bytes(100)),
    "transport": ("mpegts", PACKET * 12),
    "transport 192": ("mpegts", (bytes(4) + PACKET) * 12),
    "program": ("mpeg", PACK + PES + PES),
    "program with end code": ("mpeg", PACK + PES + b"\0\0\1\xb9"),
}


@pytest.mark.parametrize("name", WHOLE)
def test_whole_files_do_not_break_off(tmp_path, name):
    container, content = WHOLE[name]
    path = tmp_path / "file"
    path.write_bytes(content)
    assert not breaks_off(path, container)


@pytest.mark.parametrize("cut", [1, 3, 7])
@pytest.mark.parametrize("name", WHOLE)
def test_cut_files_break_off(tmp_path, name, cut):
    container, content = WHOLE[name]
    path = tmp_path / "file"
    path.write_bytes(content[:-cut] if cut != 7 or "end code" not in name else content[:-1])
    assert breaks_off(path, container)


@pytest.mark.parametrize(
    ("container", "content"),
    [
        (MATROSKA, segment(b"\x01" + b"\xff" * 7, bytes(50))),  # a live recording: size unknown
        ("avi", b"RIFF" + bytes(4) + bytes(100)),  # a live recording: size 0
        (MOV, box(b"ftyp", 16) + box(b"moov", 40) + box(b"mdat", 100)[:-5]),  # not fragmented: the duration tells
        ("ogg", b"anything"),
    ],
)
def test_files_that_do_not_tell_are_not_accused(tmp_path, container, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    assert not breaks_off(path, container)


def test_zeros_that_a_codec_cannot_write():
    hole = b"\x01" + bytes(64) + b"\x01"
    assert holds_zeroed_block(hole, "h264")
    assert holds_zeroed_block(hole, "vp9")
    assert not holds_zeroed_block(b"\x01" + bytes(63) + b"\x01", "vp9")
    assert not holds_zeroed_block(b"\x01" + bytes(500), "h264")  # padding at the end
    assert holds_zeroed_block(b"\x01" + bytes(500), "vp9")
    assert not holds_zeroed_block(hole, "rawvideo")


def test_zeroed_stretches_of_a_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"\x01" * 100 + bytes(188) + b"\x01" * 100)
    assert zeroed_between(path, 50, 350)
    assert not zeroed_between(path, 150, 350)
    assert not zeroed_between(path, 350, 50)


@pytest.mark.parametrize(
    ("head", "missing"), [(b"JUNK", False), (b"\0LIST", False), (b"ix00", False), (bytes(4), True)]
)
def test_what_may_follow_a_chunk_in_avi(tmp_path, head, missing):
    path = tmp_path / "file"
    path.write_bytes(b"12345678" + head + bytes(20))
    assert avi_chunk_missing(path, 8) is missing


def transport(*packets):
    """Packets of (pid, counter, flags): payload 0x10, adaptation field 0x20 (here one that announces a new counter)."""
    body = b"\x07\x80" + bytes(182)
    return b"".join(bytes([0x47, pid >> 8, pid & 255, flags | counter]) + body for pid, counter, flags in packets)


@pytest.mark.parametrize(
    ("counters", "jumps"),
    [
        ([(256, 14, 0x10), (257, 3, 0x10), (256, 15, 0x10), (256, 0, 0x10)], False),
        ([(256, 1, 0x10), (256, 1, 0x10), (256, 2, 0x10)], False),  # a packet may be sent twice
        ([(256, 1, 0x10), (256, 1, 0x20), (256, 2, 0x10)], False),  # no payload: not counted
        ([(256, 1, 0x10), (256, 9, 0x30), (256, 10, 0x10)], False),  # announced
        ([(256, 1, 0x10), (256, 3, 0x10), (256, 4, 0x10)], True),
        ([(256, 1, 0x10), (256, 0, 0x10), (256, 1, 0x10)], True),
    ],
)
def test_a_transport_stream_counts_its_packets(tmp_path, counters, jumps):
    path = tmp_path / "film.ts"
    data = transport(*counters, (256, counters[-1][1] + 1, 0x10))
    path.write_bytes(data)
    counter = TransportCounter(path, 256)
    halves = [counter.jumps(0, 2 * 188), counter.jumps(2 * 188, len(data))]  # goes on where it stopped
    assert any(halves) == jumps


def test_nothing_is_counted_in_other_files(tmp_path):
    path = tmp_path / "film.mkv"
    path.write_bytes(b"\x1a\x45\xdf\xa3" + bytes(2000))
    assert not TransportCounter(path, 0).jumps(0, 2000)
