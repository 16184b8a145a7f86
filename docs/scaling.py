"""What a catalogue costs, from measured rates: prints the tables of docs/scaling.md.

    python docs/scaling.py                          # 41,234 titles and 10 million
    python docs/scaling.py --titles 2000 --hours 1.5

Change RATES to your own: `make bench` measures decode, backbone, shards, training and evaluation.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

SECONDS = 3600.0
TITLE_HOURS = 38 / 60
"""Mean length in the paper's catalogue (Sec. 4.1)."""
BYTES_A_FRAME_BESIDE_FEATURES = 41
"""Measured: title, index and two times of a row in a shard."""


@dataclass(frozen=True)
class Backbone:
    """Seconds of one core a frame, by engine; GFLOP a frame; width of its features."""

    core_s: dict[str, float]
    gflop: float
    width: int


@dataclass(frozen=True)
class Preset:
    """Core seconds a frame of one network: training (forward and backward, bfloat16 and float32), scoring (float32)."""

    train_bf16_core_s: float
    train_fp32_core_s: float
    score_core_s: float
    train_gflop: float
    epochs: int


# Measured on one core (2.6 GHz, AVX-512 BF16), CPU seconds.
DECODE_CORE_S_PER_VIDEO_HOUR = {"1080p": 391.0, "480p": 52.7}
VIDEO_BYTES_PER_HOUR = {"1080p": 5e6 / 8 * SECONDS, "480p": 1.5e6 / 8 * SECONDS}  # assumed: 5 and 1.5 Mbit/s
BACKBONES = {
    "efficientnet-lite0": Backbone({"torch": 0.0185, "openvino": 0.0100}, 0.8, 1280),
    "resnet50": Backbone({"torch": 0.118, "openvino": 0.084}, 8.2, 2048),
}
PRESETS = {
    "tuned, efficientnet-lite0": Preset(25e-6, 35e-6, 20e-6, 0.0021, 8),
    "paper, resnet50": Preset(494e-6, 902e-6, 423e-6, 0.066, 50),
}
READ_BYTES_PER_CORE_S = 3600 * 2048 * 2 / 0.023
EVALUATE_CORE_S_PER_PREDICTION = 0.168 / 200_000
PREDICTIONS_A_TITLE = 20  # assumed
# Assumed: a datacentre GPU of 65 TFLOPS in half precision (NVIDIA T4, data sheet), of which 15 % are reached.
GPU_FLOP_PER_S = 65e12 * 0.15


def table(titles: int, hours: float) -> list[str]:
    """Return the rows of one catalogue's table."""
    video_hours = titles * hours
    frames = video_hours * SECONDS
    rows = ["| stage | bytes | core-hours | GPU-hours instead |", "|---|---|---|---|"]

    def add(stage: str, size: float | None, core_s: float, gflop: float | None = None) -> None:
        gpu = "" if gflop is None else digits(gflop * 1e9 / GPU_FLOP_PER_S / SECONDS)
        rows.append(f"| {stage} | {'' if size is None else human(size)} | {digits(core_s / SECONDS)} | {gpu} |")

    for size, core_s in DECODE_CORE_S_PER_VIDEO_HOUR.items():
        add(f"decode {size}", video_hours * VIDEO_BYTES_PER_HOUR[size], video_hours * core_s)
    for name, backbone in BACKBONES.items():
        for engine, core_s in backbone.core_s.items():
            add(f"{name}, {engine}", None, frames * core_s, frames * backbone.gflop)
    for name, backbone in BACKBONES.items():
        shards = frames * (backbone.width * 2 + BYTES_A_FRAME_BESIDE_FEATURES)
        add(f"read features, {name}", shards, shards / READ_BYTES_PER_CORE_S)
    for name, preset in PRESETS.items():
        work = frames * preset.train_gflop
        add(f"train an epoch ({name}), bfloat16", None, frames * preset.train_bf16_core_s, work)
        add(f"the same, float32, all {preset.epochs} epochs", None, frames * preset.train_fp32_core_s * preset.epochs,
            work * preset.epochs)  # fmt: skip
        add(f"score ({name})", None, frames * preset.score_core_s, work / 3)
    predictions = titles * PREDICTIONS_A_TITLE
    add(f"evaluate {predictions:,} segments", None, predictions * EVALUATE_CORE_S_PER_PREDICTION)
    return rows


def digits(hours: float) -> str:
    """Return hours with as many digits as they deserve."""
    return f"{hours:,.0f}" if hours >= 100 else f"{hours:.2g}"


def human(size: float) -> str:
    """Return bytes with three digits and a decimal unit."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} PB"


def main() -> None:
    """Print the tables that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--titles", type=int, nargs="*", default=[41_234, 10_000_000])
    parser.add_argument("--hours", type=float, default=TITLE_HOURS, help="mean length of a title")
    arguments = parser.parse_args()
    for titles in arguments.titles:
        video_hours = titles * arguments.hours
        print(f"### {titles:,} titles: {video_hours:,.0f} hours, {video_hours * SECONDS / 1e6:,.0f} million frames\n")
        print("\n".join(table(titles, arguments.hours)) + "\n")


if __name__ == "__main__":
    main()
