"""Settings for all tests, and films with sound, which tests of several packages need."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import settings

# A busy machine takes long for an example now and then; no test asserts a time.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

TICK = Fraction(1, 90_000)
SOUND_HZ = 48_000


@pytest.fixture
def write_film():
    """``write_film(path, pictures, picture_start_s=3, sound_s=7, ...)``, see ``_write_film``."""
    return _write_film


@pytest.fixture(scope="session")
def film_writer():
    """``write_film`` for fixtures of a module."""
    return _write_film


def _write_film(path, pictures, *, picture_start_s, sound_s=None, sound_start_s=0, fps=10, container_options=None):
    """Write pictures from one time on, and a tone of ``sound_s`` seconds (None: no sound) from another.

    Broadcasts and cut films are like this. The streams are interleaved by time, as players expect.
    """
    import av

    with av.open(str(path), "w", container_options=dict(container_options or {})) as container:
        webm = path.suffix == ".webm"
        options = {"g": str(fps)} | ({"cpu-used": "8"} if webm else {"preset": "ultrafast", "crf": "20"})
        video = container.add_stream("libvpx-vp9" if webm else "libx264", rate=fps, options=options)
        video.pix_fmt, video.thread_count = "yuv420p", 1
        video.codec_context.time_base = TICK
        sound = None
        if sound_s is not None:
            sound = container.add_stream("libopus" if webm else "aac", rate=SOUND_HZ, layout="mono")
        packets = []
        for number, rgb in enumerate(pictures):
            if number == 0:
                video.height, video.width = rgb.shape[:2]
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.time_base = TICK
            frame.pts = round((Fraction(picture_start_s) + Fraction(number, fps)) / TICK)
            packets += video.encode(frame)
        packets += video.encode(None)
        if sound is not None:
            packets += _encoded_tone(sound, sound_s, sound_start_s)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            container.mux(packet)
    return path


def _encoded_tone(stream, seconds, start_s):
    import av

    size, packets = 960, []
    for first in range(0, round(seconds * SOUND_HZ), size):
        wave = (0.1 * np.sin(np.arange(first, first + size) * 0.05)).astype(np.float32)
        kind = stream.codec_context.format.name if stream.codec_context.format is not None else "fltp"
        samples = wave if kind.startswith("flt") else (wave * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples[None], format=kind, layout="mono")
        frame.sample_rate = SOUND_HZ
        frame.time_base = Fraction(1, SOUND_HZ)
        frame.pts = first + round(start_s * SOUND_HZ)
        packets += stream.encode(frame)
    return [*packets, *stream.encode(None)]
