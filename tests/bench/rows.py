"""Every row that is measured: who works on what, who is compared with whom, and what is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import material
from pairs import Rounds, ratio, take_turns

Job = dict[str, Any]


@dataclass(frozen=True)
class Bench:
    """How to measure: where files go, rounds, seconds of video, and the user's own videos by name, if any."""

    folder: Path
    rounds: int
    seconds: int
    videos: tuple[Path, ...] = ()


@dataclass
class Row:
    """One comparison.

    Args:
        ours: the name of our rival in ``rounds``; every other one is a peer.
        what: ``cpu_s``, ``wall_s`` or ``peak_mib``.
        target: the largest ratio ours / peer that was asked for, by peer; 1.0 where nothing else was said.
        unit: what one round was.
    """

    title: str
    ours: str
    rounds: dict[str, Rounds]
    unit: str
    what: str = "cpu_s"
    target: dict[str, float] = field(default_factory=dict)
    note: str = ""


def decode(bench: Bench) -> list[Row]:
    made = {
        "H.264 1080p": lambda: material.clip(bench.folder, "h264-1080p", "1080p", bench.seconds),
        "H.264 480p": lambda: material.clip(bench.folder, "h264-480p", "480p", 2 * bench.seconds),
        "HEVC 1080p": lambda: material.clip(bench.folder, "hevc-1080p", "1080p", bench.seconds, codec="libx265"),
        "H.264 1080p VFR": lambda: material.clip(bench.folder, "vfr-1080p", "1080p", bench.seconds, vfr=True),
    }
    named: dict[str, Callable[[], Path]] = {path.name: lambda path=path: path for path in bench.videos} or made
    libraries = material.ffmpeg_libraries(bench.folder / "libraries")
    rows = []
    for name, make in named.items():
        job = {"video": str(make())}
        rivals = {"planned": job, "naive-pyav": job, "torchcodec": job, "decord": job}
        rivals |= {"ffmpeg#fps=1": {**job, "sampled": True}, "ffmpeg#to null": {**job, "sampled": False}}
        rounds = take_turns(rivals, bench.rounds, libraries=libraries)
        rows.append(Row(f"Decode to RGB at 1 FPS: {name}", "planned", rounds, "clip"))
    return rows


def end_to_end(bench: Bench) -> list[Row]:
    """Clips long enough that what a title costs whatever its length (a process, the search for bars) is small."""
    rows = []
    for size in ("1080p", "480p"):
        video = material.clip(bench.folder, f"h264-{size}", size, 3 * bench.seconds)
        for backbone in ("resnet50", "efficientnet-lite0"):
            job = {"videos": [str(video)], "folder": str(bench.folder), "backbone": backbone}
            rivals = {"ours": job, "ours#torch": {**job, "engine": "torch"}}
            rivals |= {"ours#onnxruntime": {**job, "engine": "onnxruntime"}, "naive": job}
            rounds = take_turns(rivals, min(5, bench.rounds))
            title = f"Decode, resize, {backbone}: H.264 {size}"
            rows.append(Row(title, "ours", rounds, "clip", target={"naive": 0.55}, note=engines_note(rounds)))
    return rows


def engines_note(rounds: dict[str, Rounds]) -> str:
    """Say what each engine takes of the naive pipeline's time; the table's ratios are the default's."""
    able = [name for name, took in rounds.items() if name.startswith("ours#") and not took.error]
    shares = [f"{name.partition('#')[2]} {ratio(rounds[name], rounds['naive']).median:.2f}" for name in able]
    default = "`ours` is engine = auto: OpenVINO where it is installed, as here; torch where nothing else is."
    return f"{default} Others over naive: {', '.join(shares)}." if shares else ""


def backbone(bench: Bench) -> list[Row]:
    rows = []
    for name in ("resnet50", "efficientnet-lite0"):
        job = {"folder": str(bench.folder), "pictures": 32, "backbone": name}
        rivals = {"network#torch": {**job, "engine": "torch"}, "eager": job}
        rivals |= {f"network#{engine}": {**job, "engine": engine} for engine in ("onnxruntime", "openvino")}
        rows.append(Row(f"Backbone alone: {name}", "network#torch", take_turns(rivals, bench.rounds), "32 pictures"))
    return rows


def shards(bench: Bench) -> list[Row]:
    job = {"folder": str(bench.folder), "seconds": 3600}
    write = take_turns({"shard-write": job, "defaults-write": job}, bench.rounds)
    read = take_turns({"shard-read": job, "defaults-read": job}, bench.rounds)
    return [
        Row("Write one hour of features", "shard-write", write, "3600 x 2048 float16"),
        Row("Read one hour of features", "shard-read", read, "3600 x 2048 float16"),
    ]


def training(bench: Bench) -> list[Row]:
    job = {"titles": 16, "frames": 3600, "width": 2048, "channels": 512}
    rivals = {"packed": job, "packed#bfloat16": {**job, "precision": "bfloat16"}, "padded": job}
    rounds = take_turns(rivals, min(3, bench.rounds))
    return [Row("Training step", "packed", rounds, "16 x 3600 x 2048, H = 512", target={"padded": 0.65})]


def evaluation(bench: Bench) -> list[Row]:
    rounds = take_turns({"evaluator": {"predictions": 5000}, "official": {"predictions": 5000}}, min(3, bench.rounds))
    return [Row("Evaluation", "evaluator", rounds, "5,000 predictions, ten tIoUs")]


def two_titles(bench: Bench) -> list[Row]:
    """Two titles with two cores against the same with one: wall time, so a quiet machine is needed."""
    videos = [str(material.clip(bench.folder, f"h264-480p-{n}", "480p", 2 * bench.seconds)) for n in range(2)]
    job = {"videos": videos, "folder": str(bench.folder), "workers": 2}
    rivals = {"ours#two cores": {**job, "cores": 2, "threads": 2}, "ours#one core": {**job, "cores": 1, "threads": 1}}
    rounds = take_turns(rivals, bench.rounds)
    target = {"ours#one core": 1 / 1.8}
    return [Row("Two titles", "ours#two cores", rounds, "two clips", "wall_s", target)]


def memory(bench: Bench) -> list[Row]:
    source = material.clip(bench.folder, "h264-1080p", "1080p", bench.seconds)
    films = {f"tiny#{minutes} min": material.repeated(bench.folder, source, minutes) for minutes in (120, 10)}
    rivals = {name: {"video": str(film), "folder": str(bench.folder)} for name, film in films.items()}
    rounds = take_turns(rivals, 1, warm_up=False)
    return [Row("Memory of a long film", "tiny#120 min", rounds, "film", "peak_mib", {"tiny#10 min": 1.1})]


def commands(bench: Bench) -> list[Row]:
    """--help, and plan over a catalogue of 1,000 titles without any file."""
    titles = "".join(f"t{n},t{n}.mp4,,train\n" for n in range(1000))
    (bench.folder / "titles.csv").write_text("title_id,path,duration_s,split\n" + titles)
    (bench.folder / "run.toml").write_text(
        'work_dir = "work"\n[data]\ntitles = "titles.csv"\nmedia_root = "."\nlabels = ["a"]\n'
    )
    folder = str(bench.folder)
    help_job = {"arguments": ["--help"], "folder": folder}
    plan_job = {"arguments": ["plan", "--config", "run.toml"], "folder": folder}
    rounds = take_turns({"command#--help": help_job, "command#plan": plan_job}, bench.rounds)
    note = "Below one second each is asked for. `plan` is of 1,000 titles; the interpreter's start is counted."
    return [Row("Start of commands", "command#--help", rounds, "call", note=note)]


ROWS: dict[str, Callable[[Bench], list[Row]]] = {
    "commands": commands,
    "backbone": backbone,
    "decode": decode,
    "end-to-end": end_to_end,
    "shards": shards,
    "training": training,
    "evaluation": evaluation,
    "two-titles": two_titles,
    "memory": memory,
}
