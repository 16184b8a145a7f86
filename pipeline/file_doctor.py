"""What ``doctor FILE`` says of a file: what is in it, how it was read, what is wrong, and what to do about it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from data.byte_names import as_text
from data.counted import brief_clock, counted
from extract.damage import Spot
from extract.examine import Examination
from extract.frames import ReadReport, StreamInfo, VideoInfo
from pipeline.progress import printable

WIDTH = 14
NOTABLE_S = 1.0
"""Sound that lasts so much longer than the video is told: it may be another video that is meant."""
CONVERT = "ffmpeg -i {source} -map 0:v:0 -map '0:a?' -c:v libx264 -crf 18 -c:a copy {target}"
REMUX = "ffmpeg -fflags +genpts -i {source} -map 0:v -map '0:a?' -c copy {target}"
BY_CODE = {
    "missing": "correct the path",
    "not_a_file": "give a regular file that may be read; of a folder, the files in it",
    "no_video_stream": "give the file that holds the video",
    "unsupported_codec": f"convert it: {CONVERT}",
    "refused_codec": f"convert it: {CONVERT}",
    "refused_format": f"if it is a video, convert it: {CONVERT}",
    "unreadable": "copy, download or export it again: what tells where its pictures are is missing or damaged",
    "encrypted": "export it without protection",
    "no_frames": "copy, download or export it again; join a film that is in segments",
    "timeout": "raise no_progress_timeout_s or title_timeout_s in [extract] if the storage is slow; else convert it: "
    + CONVERT,
    "memory": f"raise decode_memory_mib in [extract] if you trust the file; else convert it: {CONVERT}",
    "too_long": "export it again: the times of its pictures are damaged; or cut it into parts",
    "killed": "look at `dmesg`: if the system ran out of memory, give it more, and try again",
    "decode": f"convert it: {CONVERT}",
    "decoder_crashed": f"convert it: {CONVERT}",
    "decord_refused": 'read it with reader = "pyav" in [extract]',
    "sandbox": "run `coarse2fine doctor`: this system does not confine the decode process",
}


def as_json(seen: Examination) -> dict[str, Any]:
    """Return everything that was found, as JSON values."""
    return {
        "file": as_text(seen.path),
        "verdict": seen.verdict,
        "reason": reason(seen),
        "error_code": seen.error.code if seen.error is not None else "",
        "info": None if seen.info is None else asdict(seen.info),
        "report": None if seen.report is None else asdict(seen.report),
        "advice": advice(seen),
    }


def reason(seen: Examination) -> str:
    """Say why a file is not complete; empty if it is."""
    if seen.error is not None:
        return (
            str(seen.error)
            .removeprefix(f"{seen.path}: ")
            .removeprefix(f"{seen.path.name}: ")
            .partition("; `coarse2fine doctor")[0]
        )
    return seen.report.reason if seen.report is not None else ""


def describe(seen: Examination) -> Iterator[str]:
    """Yield the lines that a person reads."""
    yield printable(str(seen.path))
    why = reason(seen)
    yield _line("verdict", f"{seen.verdict}: {why}" if why else seen.verdict)
    if seen.info is not None:
        yield from _described(seen.info)
    if seen.report is not None:
        yield from _read(seen.report, seen.info)
    for number, words in enumerate(advice(seen)):
        yield _line("" if number else "what to do", words)


def _described(info: VideoInfo) -> Iterator[str]:
    in_all = "" if info.container_s is None else f", {brief_clock(info.container_s)} in all by its own account"
    yield _line("container", f"{info.container}{in_all}")
    for number, stream in enumerate(info.streams):
        yield _line("" if number else "streams", f"{number}: {_stream(stream)}")
    turned = f", shown turned by {info.rotation_deg} degrees clockwise" if info.rotation_deg else ""
    yield _line("picture", f"{info.codec}, {info.width_px} x {info.height_px} pixels{turned}")


def _stream(stream: StreamInfo) -> str:
    size = f" {stream.width_px} x {stream.height_px}" if stream.width_px else ""
    words = (
        f"{'cover picture' if stream.kind == 'cover' else stream.kind} {stream.codec or 'of an unknown codec'}{size}"
    )
    marks = [*(["default"] if stream.default else []), *(["this one is read"] if stream.chosen else [])]
    marks += ["not read"] if stream.kind in ("video", "cover") and not stream.chosen else []
    return f"{words} ({', '.join(marks)})" if marks else words


def _read(report: ReadReport, info: VideoInfo | None) -> Iterator[str]:
    declared_s = None if info is None else info.declared_duration_s
    promised = "nothing is declared for the video alone" if declared_s is None else f"{declared_s:.2f} s declared"
    yield _line("length", f"{promised}, {report.decoded_s:.2f} s decoded, {counted(report.samples, 'sample')}")
    if report.pictures and report.decoded_s > 0:
        rate = report.pictures / report.decoded_s
        yield _line(
            "timing",
            f"{counted(report.pictures, 'picture')}, {rate:.4g} a second on average, one is shown for "
            f"{report.longest_s:.3g} s at most",
        )
    if report.picture_start_s:
        yield _line("", f"the first picture is displayed {report.picture_start_s:.2f} s after a player starts")
    damage = _spots(report.damage, report.damage_count) or "none seen"
    if report.corrupt_packets and not report.damage_count:
        damage = counted(report.corrupt_packets, "fault") + " of no length"
    yield _line("damage", damage)
    if info is not None:
        yield from _shorter(report, info)
    if report.remark:
        yield _line("remark", report.remark + ("; never called clear" if report.unseen else ""))
    if report.stepped_over_count:
        yield _line("stepped over", f"bytes that belong to no picture, {_moments(report)}")


def _shorter(report: ReadReport, info: VideoInfo) -> Iterator[str]:
    """Say that the file lasts longer than its video, which may be well: sound may last longer, or begin before it."""
    more_s = (info.container_s or 0.0) - report.picture_start_s - report.decoded_s
    if info.container_s is None or more_s < NOTABLE_S:
        return
    others = [f"{number}" for number, stream in enumerate(info.streams) if stream.kind == "video" and not stream.chosen]
    why = f"perhaps another video is meant: {', '.join(others)}" if others else "the rest may be sound alone"
    yield _line("mind", f"the file lasts {info.container_s:.2f} s, {more_s:.2f} s more; {why}")


def _spots(spots: Sequence[Spot], count: int) -> str:
    words = []
    for spot in spots:
        packets = f"{counted(spot.damaged, 'packet')} damaged, " if spot.damaged else ""
        words.append(f"{brief_clock(spot.start_s)} ({packets}{spot.lost_s:.2f} s lost)")
    more = f", and {counted(count - len(spots), 'more place', 'more places')}" if count > len(spots) else ""
    return ", ".join(words) + more


def _moments(report: ReadReport) -> str:
    words = ", ".join(f"before {brief_clock(spot.start_s)}" for spot in report.stepped_over)
    more = report.stepped_over_count - len(report.stepped_over)
    return words + (f", and {more} more times" if more else "")


def advice(seen: Examination) -> list[str]:
    """Say what to do about a file, most useful first; empty for one that is complete."""
    if seen.verdict == "complete":
        return []
    source = shlex.quote(printable(str(seen.path)))
    target = shlex.quote(printable(f"{seen.path.stem}.mended.mkv"))
    if seen.error is not None:
        return [BY_CODE.get(seen.error.code, "copy or export it again").format(source=source, target=target)]
    assert seen.report is not None
    found = ["copy or download it again, or accept it: what could be read is scored, and it is never called clear"]
    if seen.is_short and not seen.report.cut_off:
        remux = REMUX.format(source=source, target=target)
        found.append(f"if it plays to its end all the same, its times are wrong, which remuxing may mend: {remux}")
    elif not seen.report.cut_off:
        convert = CONVERT.format(source=source, target=target)
        kept = "the damage stays in the pictures, and is told no more"
        found.append(f"if no better copy exists, let FFmpeg patch it up ({kept}): {convert}")
    return found


def _line(subject: str, words: str) -> str:
    return f"  {subject:{WIDTH}}{printable(words)}"
