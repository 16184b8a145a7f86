"""Peak memory of extraction does not grow with the length of a video: 10 minutes against 2 hours."""

import json
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

from extract.pyav_writer import write_video

MEASURE = """
import json, resource, sys
from pathlib import Path
import torch
from extract.backbone import Backbone, Network
from extract.settings import ExtractSettings
from extract.title import ExtractJob, extract_titles

class Pooling(torch.nn.Module):
    def forward(self, pictures):
        return torch.nn.functional.adaptive_avg_pool2d(pictures, 16).flatten(1).repeat(1, 2)[:, :1280]

network = Network(Pooling(), "0" * 64, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), 64)
backbone = Backbone("pooling", network, torch.device("cpu"))
settings = ExtractSettings(device="cpu", decode_workers=1)
(outcome,) = extract_titles([ExtractJob("film", Path(sys.argv[1]), "film")], settings, backbone, Path(sys.argv[2]))
peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(json.dumps([outcome.status, outcome.coverage.samples, peaks]))
"""


def peak_kib(tmp_path, minutes):
    """Extract a generated film in a process of its own; return the sum of its peak memory and its decoder's."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 255, (32, 48, 64, 3), np.uint8)
    path = tmp_path / f"{minutes}.mp4"
    write_video(path, (pictures[n % 32] for n in range(2 * 60 * minutes)), fps=Fraction(2), options={"g": "20"})
    command = [sys.executable, "-c", MEASURE, str(path), str(tmp_path / f"features-{minutes}")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    status, samples, peaks = json.loads(done.stdout)
    assert (status, samples) == ("done", 60 * minutes)
    return sum(peaks)


@pytest.mark.slow
def test_two_hours_need_no_more_memory_than_ten_minutes(tmp_path):
    assert peak_kib(tmp_path, 120) < 1.1 * peak_kib(tmp_path, 10)
