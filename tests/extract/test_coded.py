"""Facts of packets, from bytes put together by hand after the standards."""

from __future__ import annotations

import pytest

from extract.coded import BROKEN, look_for, vp8_key_partitions, vp9_frames, vp9_key_size

AVCC = bytes([1, 100, 0, 31, 0xFF, 0xE1, 0])  # units have lengths of four bytes
HVCC = bytes([1, *[0] * 20, 0xFF, 0])


def prefixed(*units):
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)


def delimited(*units):
    return b"".join(b"\0\0\0\1" + unit for unit in units)


IDR, P_SLICE, B_SLICE = b"\x65\x88\x84\x21", b"\x41\x9a\x24\x6c", b"\x01\x9e\x41\x77"
SPS, PPS, SEI, AUD = b"\x67\x64\x1f", b"\x68\xeb", b"\x06\x05\x01\x80", b"\x09\x10"


@pytest.mark.parametrize(("pack", "extradata"), [(prefixed, AVCC), (delimited, None), (delimited, b"\0\0\0\1\x67")])
def test_h264(pack, extradata):
    look = look_for("h264", extradata)
    key = look(pack(AUD, SPS, PPS, SEI, IDR))
    assert (key.whole, key.fresh, key.disposable, key.parameters) == (True, True, False, SPS + PPS)
    reference = look(pack(P_SLICE, P_SLICE))
    assert (reference.whole, reference.fresh, reference.disposable, reference.parameters) == (True, False, False, b"")
    assert look(pack(SEI, B_SLICE, B_SLICE)).disposable
    assert not look(pack(B_SLICE, P_SLICE)).disposable  # cannot be: treated as needed
    assert look(pack(SEI)) == BROKEN  # no picture
    assert look(pack(b"\x81" + B_SLICE[1:])) == BROKEN  # forbidden_zero_bit
    assert look(pack(B_SLICE + b"\0\0\2\x55")) == BROKEN  # emulation prevention would have kept it out
    assert look(b"") == BROKEN


@pytest.mark.parametrize("length", [3, 5, 0, 2**31])
def test_h264_lengths_must_fill_the_packet(length):
    assert look_for("h264", AVCC)(length.to_bytes(4, "big") + B_SLICE) == BROKEN


def test_a_byte_stream_begins_with_a_start_code():
    assert look_for("h264", None)(b"\x55" + delimited(B_SLICE)) == BROKEN


@pytest.mark.parametrize(
    ("kind", "second", "third", "disposable", "fresh", "layer"),
    [
        (1, 1, 0x80, False, False, 0),  # TRAIL_R
        (0, 1, 0x80, True, False, 0),  # TRAIL_N
        (8, 3, 0x80, True, False, 2),  # RASL_N of the third layer
        (9, 1, 0x80, False, False, 0),  # RASL_R
        (19, 1, 0x80, False, True, 0),  # IDR_W_RADL
        (21, 1, 0x80, False, True, 0),  # CRA
        (21, 1, 0xC0, False, False, 0),  # with no_output_of_prior_pics_flag
    ],
)
def test_hevc(kind, second, third, disposable, fresh, layer):
    facts = look_for("hevc", HVCC)(prefixed(bytes([kind << 1, second, third, 0x55])))
    assert (facts.whole, facts.disposable, facts.fresh, facts.layer) == (True, disposable, fresh, layer)


def test_hevc_of_another_view_is_not_understood():
    assert look_for("hevc", HVCC)(prefixed(bytes([0, 1 | 1 << 3, 0x80, 0x55]))) == BROKEN
    assert look_for("hevc", HVCC)(prefixed(bytes([0, 0, 0x80, 0x55]))) == BROKEN  # temporal id -1


@pytest.mark.parametrize(("kind", "disposable", "fresh"), [(0, False, True), (1, False, False), (2, True, False)])
def test_mpeg_4(kind, disposable, fresh):
    plane = bytes([0, 0, 1, 0xB6, kind << 6 | 0x15, 0x55])
    facts = look_for("mpeg4", None)(plane)
    assert (facts.whole, facts.disposable, facts.fresh, facts.parameters) == (True, disposable, fresh, b"")
    assert look_for("mpeg4", None)(plane + plane) == BROKEN  # packed
    assert look_for("mpeg4", None)(b"\0\0\1\x20\x08" + plane).parameters != b""


def picture(kind, rows):
    header = bytes([0, 0, 1, 0, 0x00, kind << 3, 0xFF, 0xF8])
    return header + b"".join(bytes([0, 0, 1, row, 0x13, 0x37]) for row in rows)


@pytest.mark.parametrize(("kind", "disposable"), [(1, False), (2, False), (3, True)])
def test_mpeg_2(kind, disposable):
    look = look_for("mpeg2video", None)
    facts = look(picture(kind, [1, 2, 2, 3]))
    assert (facts.whole, facts.disposable, facts.fresh, facts.rows) == (True, disposable, False, 3)
    sequence = b"\0\0\1\xb3\x16\x01\x20\x13"
    assert look(sequence + picture(kind, [1])).fresh == (kind == 1)
    assert look(picture(kind, [1, 2]) + picture(kind, [1, 2])).rows == 4  # two fields
    assert look(picture(kind, [1, 3])) == BROKEN
    assert look(picture(kind, [2, 3])) == BROKEN
    assert look(picture(kind, [1]) + b"\0\0\1\xe0\x07\xec") == BROKEN  # not of a video
    assert look(picture(kind, [1]) + b"\0\0\1\xb5\x35\x55").parameters != b""  # quantiser matrices


def test_vp9():
    look = look_for("vp9", None)
    key, inter, shown_again = b"\x82\x49\x83\x42\x00\x11", b"\x86\x00\x40\x92", b"\x88"
    assert (look(key).whole, look(key).fresh) == (True, True)
    assert (look(inter).whole, look(inter).fresh) == (True, False)
    assert (look(shown_again).whole, look(shown_again).fresh) == (True, False)
    assert not look(b"\x82\x49\x83\x43\x00\x11").whole  # sync code
    assert look(b"\x42\x49\x83\x42\x00\x11") == BROKEN  # frame marker
    index = bytes([0xC1, len(inter), len(inter), 0xC1])
    assert look(inter + inter + index).whole
    assert look(inter + inter[1:] + index) == BROKEN
    assert not any(look(data).disposable for data in (key, inter, shown_again))


def test_av1():
    look = look_for("av1", None)
    delimiter, sequence = b"\x12\x00", b"\x0a\x03\x00\x00\x10"
    key, inter, shown_again = b"\x32\x02\x10\x55", b"\x32\x02\x30\x55", b"\x1a\x01\x80"
    assert look(delimiter + sequence + key) == look(sequence + key)
    assert (look(sequence + key).fresh, look(sequence + key).parameters) == (True, b"\x00\x00\x10")
    for frame in (inter, shown_again, b"\x32\x02\x00\x55"):  # the last: a key frame that is not shown
        assert (look(frame).whole, look(frame).fresh, look(frame).disposable) == (True, False, False)
    assert look(b"\x32\x05\x30\x55") == BROKEN  # longer than the packet
    assert look(b"\x32\xff\xff") == BROKEN  # a size without end
    assert look(b"\xb2\x02\x30\x55") == BROKEN  # forbidden bit
    assert look(delimiter) == BROKEN


def test_other_codecs_are_decoded_whole():
    assert look_for("vp8", None) is None
    assert look_for("prores", None) is None


def test_partitions_of_a_vp8_key_frame():
    def frame(first, table, *partitions):
        tag = (len(first) << 5 | 0x10).to_bytes(3, "little")
        return tag + b"\x9d\x01\x2a\xb0\x00\x40\x00" + first + table + b"".join(partitions)

    assert vp8_key_partitions(frame(bytes(20), b"", b"\xaa" * 100)) == [range(30, 130)]
    sizes = (70).to_bytes(3, "little")
    assert vp8_key_partitions(frame(bytes(20), sizes, b"\xaa" * 70, b"\xaa" * 90)) == [range(33, 103), range(103, 193)]
    assert vp8_key_partitions(b"\x11" + frame(bytes(20), b"", b"\xaa" * 100)[1:]) == []  # not a key frame
    assert vp8_key_partitions(frame(bytes(20), b"", b"\xaa" * 100)[:25]) == []  # cut
    assert vp8_key_partitions(b"") == []


def test_size_of_a_vp9_key_frame():
    data = b"\x82\x49\x83\x42" + ((0 << 36) | (175 << 20) | (63 << 4)).to_bytes(5, "big")
    assert vp9_key_size(data) == (176, 64)
    assert vp9_key_size(b"\x86" + data[1:]) is None
    assert vp9_key_size(data[:8]) is None


def test_frames_of_a_vp9_packet():
    hidden, shown = b"\x84" + bytes(299), b"\x86" + bytes(40)
    index = b"\xc9" + (300).to_bytes(2, "little") + (41).to_bytes(2, "little") + b"\xc9"
    assert vp9_frames(hidden + shown + index) == [hidden, shown]
    assert vp9_frames(shown) == [shown]
    assert vp9_frames(hidden + shown[:-1] + index) == []
    assert vp9_frames(b"") == [b""]
