"""Measured rows as a page and a plot. Rows are kept in a JSON file, so that they may be measured one at a time."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from pairs import Rounds, ratio
from rows import Row

PACKAGES = (
    "torch",
    "torchvision",
    "av",
    "onnxruntime",
    "openvino",
    "pyarrow",
    "decord",
    "torchcodec",
    "imageio-ffmpeg",
)


def load(path: Path) -> dict[str, list[Row]]:
    if not path.is_file():
        return {}
    stored = json.loads(path.read_text(encoding="utf-8"))
    return {
        name: [Row(**{**row, "rounds": {who: Rounds(**took) for who, took in row["rounds"].items()}}) for row in rows]
        for name, rows in stored.items()
    }


def save(path: Path, rows: dict[str, list[Row]]) -> None:
    path.write_text(json.dumps({name: [asdict(row) for row in some] for name, some in rows.items()}), encoding="utf-8")


def machine() -> str:
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    flags = Path("/proc/cpuinfo").read_text()
    known = [name for name in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16") if name in flags]
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    versions = []
    for name in PACKAGES:
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            versions.append(f"{name} not installed")
    return (
        f"{cpu}, {len(os.sched_getaffinity(0))} cores ({', '.join(known)}), {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}; {', '.join(versions)}. Load average when the page was written: {load}."
    )


def page(rows: dict[str, list[Row]], plot: str, notes: str) -> str:
    parts = [
        "# Benchmarks",
        "",
        "`make bench` measures this page anew. Rivals take turns (A B A B ...), each in a process of its own with one",
        "thread; what counts is CPU time of the process and all its descendants after imports, unless a table says",
        "otherwise. *Ratio* is ours over theirs, the median over rounds and its quartiles: below 1 we are faster.",
        "Names that begin alike are one program under other settings.",
        "",
        machine(),
        "",
        f"![Ratio of CPU time, ours over theirs]({plot})",
        "",
    ]
    for row in [row for some in rows.values() for row in some]:
        parts += [f"## {row.title}", "", *table(row), ""]
        if row.note:
            parts += [row.note, ""]
    return "\n".join([*parts, notes])


def table(row: Row) -> list[str]:
    label = {"cpu_s": "CPU s", "wall_s": "wall s", "peak_mib": "peak MiB"}[row.what]
    lines = [f"| who | {label} a {row.unit} | ours / theirs | asked for |", "|---|---|---|---|"]
    ours = row.rounds[row.ours]
    for name, took in row.rounds.items():
        if took.error:
            lines.append(f"| {name} | cannot run here: {took.error[:120]} | | |")
            continue
        value = took.peak_mib if row.what == "peak_mib" else took.median(row.what)
        shares, asked = "", ""
        if name == row.ours:
            shares = "**ours**"
        elif not ours.error:
            target = row.target.get(name)
            asked = "" if target is None else f"<= {target:.2f}"
            shares = _share(row, took)
        lines.append(f"| {name} | {value:.4g} | {shares} | {asked} |")
    return lines


def _share(row: Row, took: Rounds) -> str:
    if row.what == "peak_mib":
        return f"{row.rounds[row.ours].peak_mib / took.peak_mib:.2f}"
    share = ratio(row.rounds[row.ours], took, row.what)
    return f"{share.median:.2g} ({share.low:.2g} to {share.high:.2g})"


def draw(rows: dict[str, list[Row]], path: Path) -> None:
    """One bar per peer: ratio of time, ours over theirs, on a logarithmic axis, with its quartiles.

    Our own program under other settings is no peer, unless something was asked of the two.
    """
    bars = []
    for row in [
        row for some in rows.values() for row in some if row.what != "peak_mib" and row.title != "Start of commands"
    ]:
        for name, took in row.rounds.items():
            own = name.partition("#")[0] == row.ours.partition("#")[0] and name not in row.target
            if not own and not took.error and not row.rounds[row.ours].error:
                bars.append((f"{row.title}: {name}", ratio(row.rounds[row.ours], took, row.what)))
    figure, axes = plt.subplots(figsize=(9, 0.28 * len(bars) + 1.2), layout="constrained")
    middles = [share.median for _, share in bars]
    spread = [[share.median - share.low for _, share in bars], [share.high - share.median for _, share in bars]]
    axes.barh([name for name, _ in bars], middles, xerr=spread, color=["#2a7" if m <= 1 else "#c63" for m in middles])
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xlabel("time, ours / theirs (below 1: we are faster)")
    axes.invert_yaxis()
    axes.margins(y=0.01)
    axes.tick_params(axis="y", labelsize=7)
    figure.savefig(path)
    plt.close(figure)
