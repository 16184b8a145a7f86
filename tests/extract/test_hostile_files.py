"""Files made to lead a decoder elsewhere, or to exhaust it: refused or bounded, and nobody is called."""

from __future__ import annotations

import os
import socket
import struct
from fractions import Fraction
from io import BytesIO

import av
import numpy as np
import pytest

from data.errors import DecodeError
from data.titles import media_path
from extract.decode_pool import Limits, TitleEnd, decode
from extract.decode_worker import WorkerConfig
from extract.media import open_container, open_stream
from extract.pyav_writer import write_video

TEXT = (
    "text or a playlist, no video; name the video file itself, or copy it again if it was one; "
    "`coarse2fine doctor FILE` shows what is in it"
)

PYAV = WorkerConfig("extract.pyav_reader:PyAvReader", "full", True, 32, 1024, ("planned",))
PATIENT = Limits(workers=1, no_progress_timeout_s=120, title_timeout_s=240)
UNREADABLE = {"no_frames", "no_video_stream", "unreadable", "refused_codec", "unsupported_codec"}
REFUSED = {"refused_format", "unreadable", "not_a_file"}


@pytest.fixture(autouse=True, scope="module")
def _quiet():
    av.logging.set_level(av.logging.PANIC)


@pytest.fixture
def server():
    """A listening loopback server; at the end of the test nobody must have called."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        listening.setblocking(False)
        with pytest.raises(BlockingIOError):
            listening.accept()


def lists(address, victim):
    """Files that name other files, by kind."""
    url = f"http://{address}/film.ts"
    return {
        "hls over http": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{url}\n#EXT-X-ENDLIST\n",
        "hls of a file": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{victim}\n#EXT-X-ENDLIST\n",
        "hls with a key": f'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{url}"\n#EXTINF:10,\n{victim}\n#EXT-X-ENDLIST\n',
        "hls behind a mark": f"\ufeff#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{url}\n#EXT-X-ENDLIST\n",
        "m3u": f"{url}\n",
        "pls": f"[playlist]\nFile1={url}\nNumberOfEntries=1\nVersion=2\n",
        "dash": f'<?xml version="1.0"?><MPD><Period><BaseURL>{url}</BaseURL></Period></MPD>',
        "smil": f'<smil><body><video src="{url}"/></body></smil>',
        "concat": f"ffconcat version 1.0\nfile '{victim}'\n",
        "concat over http": f"ffconcat version 1.0\nfile '{url}'\n",
        "sdp": f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {address[10:]} RTP/AVP 96\n",
        "rtsp": f"[Reference]\nRef1={url}\n",
        "srt": "1\n00:00:01,000 --> 00:00:02,000\nHello\n",
        "webvtt": "WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n",
        "ass": "[Script Info]\nTitle: x\n",
        "vobsub": f"# VobSub index file, v7\nid: en, index: 0\ntimestamp: 00:00:00:000, filepos: {victim}\n",
        "script": "#!/bin/sh\ntouch /tmp/evil\n",
    }


KINDS = list(lists("127.0.0.1:1", "x"))


@pytest.mark.parametrize("zeros", [b"", b"\0" * 4000], ids=["text", "text and zeros"])
@pytest.mark.parametrize("kind", KINDS)
def test_lists_of_other_files_are_refused_by_path_and_by_file_object(tmp_path, clip, server, kind, zeros):
    victim = clip("victim.ts", [Fraction(i, 25) for i in range(30)])
    path = tmp_path / "film.mp4"
    path.write_bytes(lists(server, victim)[kind].encode() + zeros)
    for file in (None, BytesIO(path.read_bytes())):
        with pytest.raises(DecodeError) as caught:
            open_container(path, file)
        assert (caught.value.code, str(caught.value)) == (
            "refused_format",
            f"film.mp4: {TEXT}",
        )


@pytest.mark.parametrize("kind", ["hls over http", "hls of a file", "concat", "dash", "sdp"])
def test_ffmpeg_itself_refuses_lists_that_do_not_look_like_text(tmp_path, clip, server, monkeypatch, kind):
    """The second wall: as if the look at the first bytes had been fooled."""
    monkeypatch.setattr("extract.media._refuse_text", lambda name, head: None)
    path = tmp_path / "film.mp4"
    path.write_text(lists(server, clip("victim.ts", [Fraction(i, 25) for i in range(30)]))[kind])
    for file in (None, BytesIO(path.read_bytes())):
        with pytest.raises(DecodeError) as caught:
            open_container(path, file)
        assert caught.value.code in REFUSED


def test_a_film_can_be_read_from_a_file_object(clip):
    path = clip("film.mp4", [Fraction(i, 25) for i in range(30)])
    with path.open("rb") as file, open_container(path, file) as container:
        assert sum(1 for _ in container.decode(video=0)) == 30


def test_utf_16_is_text(tmp_path, server):
    path = tmp_path / "film.mp4"
    path.write_bytes(lists(server, "x")["hls over http"].encode("utf-16"))
    with pytest.raises(DecodeError, match="text or a playlist"):
        open_container(path)


@pytest.mark.parametrize("codec", ["png", "mjpeg", "bmp"])
def test_pictures_and_patterns_of_pictures_are_no_video(tmp_path, codec):
    with av.open(str(tmp_path / "%03d.mp4"), "w", format="image2") as images:
        stream = images.add_stream(codec, rate=1)
        stream.width = stream.height = 64
        stream.pix_fmt = {"mjpeg": "yuvj420p", "bmp": "bgr24"}.get(codec, "rgb24")
        for _ in range(2):
            picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8)).reformat(format=stream.pix_fmt)
            images.mux(stream.encode(picture))
        images.mux(stream.encode(None))
    for name in ("001.mp4", "%03d.mp4", "*.mp4", "00[12].mp4"):
        with pytest.raises(DecodeError) as caught:
            open_stream(tmp_path / name, 1)
        assert caught.value.code in REFUSED


@pytest.mark.parametrize(
    "name", ["pipe:0", "http://127.0.0.1/x", "concat:a|b", "subfile,,start,0,end,0,,:a", "data:,x"]
)
def test_protocols_are_names_of_files_that_are_not_there(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DecodeError) as caught:
        open_container(tmp_path / name)
    assert caught.value.code == "not_a_file"


@pytest.mark.parametrize("kind", ["fifo", "folder", "device", "socket", "link to a device", "missing"])
def test_what_is_no_regular_file_never_reaches_a_decoder(tmp_path, kind):
    path = tmp_path / "film.mp4"
    with socket.socket(socket.AF_UNIX) as unix:
        match kind:
            case "fifo":
                os.mkfifo(path)
            case "folder":
                path.mkdir()
            case "device":
                path = type(path)("/dev/zero")
            case "socket":
                unix.bind(str(path))
            case "link to a device":
                path.symlink_to("/dev/zero")
        (end,) = decode([path], PYAV, PATIENT)
    assert end.error.code == "not_a_file"


def test_paths_that_leave_the_media_root(tmp_path):
    root = tmp_path / "media"
    root.mkdir()
    (tmp_path / "film.mp4").touch()
    (root / "out.mp4").symlink_to(tmp_path / "film.mp4")
    (root / "up").symlink_to(tmp_path)
    (root / "loop.mp4").symlink_to(root / "loop.mp4")
    names = ["../film.mp4", "out.mp4", "up/film.mp4", "/dev/zero", "loop.mp4", "a\0b.mp4", ".", "x" * 300]
    for name in [*names, "a/" * 3000]:
        with pytest.raises(DecodeError) as caught:
            media_path(root, name)
        assert caught.value.code == "path"


# Exhaustion


def only_end(path, config=PYAV):
    *_, end = decode([path], config, PATIENT)
    assert isinstance(end, TitleEnd)
    return end


def boxes(data, name):
    """Where the contents of MP4 boxes of a name begin."""
    at = data.find(name)
    while at >= 0:
        yield at + 4
        at = data.find(name, at + 4)


def test_a_picture_of_gigapixels_is_refused_before_memory_is_spent(tmp_path):
    path = tmp_path / "bomb.mkv"
    write_video(path, [np.zeros((320, 320, 3), np.uint8)] * 3, codec="ffv1")
    data = path.read_bytes()
    sides = b"\xb0\x82\x01\x40\xba\x82\x01\x40"  # PixelWidth, PixelHeight
    assert data.count(sides) == 1
    path.write_bytes(data.replace(sides, b"\xb0\x82\xff\xf0\xba\x82\xff\xf0"))
    assert only_end(path).error.code == "refused_codec"


def test_a_header_that_promises_gigapixels_is_bounded(tmp_path):
    """The pictures themselves are small: whichever the decoder believes, it stays within its memory."""
    path = tmp_path / "bomb.mp4"
    write_video(path, [np.zeros((64, 64, 3), np.uint8)] * 2, codec="mpeg4")
    data = bytearray(path.read_bytes())
    for at in boxes(data, b"mp4v"):
        data[at + 24 : at + 28] = struct.pack(">HH", 65_000, 65_000)
    path.write_bytes(data)
    end = only_end(path)
    assert end.error is None or end.error.code in {*UNREADABLE, "memory"}


@pytest.mark.parametrize("box", [b"stts", b"stsc", b"stsz", b"stco", b"ctts", b"stss", b"elst", b"dref"])
@pytest.mark.parametrize("count", [0xFFFFFFFF, 0x7FFFFFFF, 0x10000000])
def test_absurd_counts_in_headers_are_bounded(tmp_path, clip, box, count):
    options = {"crf": "30", "preset": "veryfast", "bf": "2"}
    path = clip("film.mp4", [Fraction(i, 25) for i in range(50)], options=options)
    data = bytearray(path.read_bytes())
    found = list(boxes(data, box))
    for at in found:
        data[at + 4 : at + 8] = struct.pack(">I", count)
    path.write_bytes(data)
    assert found
    end = only_end(path)
    assert end.error is not None or end.report.samples <= 3


def test_sixty_four_streams_are_one_film(tmp_path):
    path = tmp_path / "many.mkv"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("mpeg4", rate=25) for _ in range(64)]
        for number, stream in enumerate(streams):
            stream.width = stream.height = 96 if number == 40 else 64
            stream.pix_fmt = "yuv420p"
        for _ in range(26):
            for stream in streams:
                picture = av.VideoFrame.from_ndarray(np.full((stream.height, stream.width, 3), 99, np.uint8))
                container.mux(stream.encode(picture))
        for stream in streams:
            container.mux(stream.encode(None))
    end = only_end(path)
    assert (end.error, end.report.samples) == (None, 2)


def test_more_streams_than_any_film_has_are_bounded(tmp_path):
    """A transport stream of thousands of streams, a packet each."""
    start = b"\x10\0\0\x01\xe0\0\0\x80\0\0".ljust(185, b"\xff")  # of a picture, nobody says of which codec
    path = tmp_path / "many.ts"
    path.write_bytes(b"".join(b"\x47" + struct.pack(">H", 0x4000 | pid) + start for pid in range(32, 8000, 2)))
    end = only_end(path)
    assert end.error is not None and end.error.code in UNREADABLE
