"""What extraction would make of one file, and what was seen in it: for ``doctor FILE``.

The file is read exactly as an extraction reads it, confined, to its end, with the same limits; only its pictures are
thrown away. So what is said of it here is what a run would say. Not in the paper.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from data.errors import DecodeError
from extract.damage import TOLERATED_S
from extract.decode_pool import Limits, Sample, decode
from extract.decode_worker import READERS, WorkerConfig
from extract.frames import ReadReport, VideoInfo
from extract.settings import ExtractSettings

PICTURE_PX = 16  # nobody looks at them


@dataclass(frozen=True)
class Examination:
    """What a file is.

    Args:
        info: what it says of itself; None if it could not be opened.
        report: how it was read; None if it was refused.
        error: why it was refused.
    """

    path: Path
    info: VideoInfo | None
    report: ReadReport | None
    error: DecodeError | None

    @property
    def verdict(self) -> str:
        """What extraction would call it: complete, partial or refused."""
        if self.report is None:
            return "refused"
        return "complete" if self.report.complete else "partial"

    @property
    def is_short(self) -> bool:
        """Whether less could be decoded than the file declares for its video."""
        declared_s = None if self.info is None else self.info.declared_duration_s
        if self.report is None or declared_s is None or self.report.clock_changed:
            return False
        return self.report.decoded_s < declared_s - self.report.lead_s - TOLERATED_S


def examine_video(
    path: Path, settings: ExtractSettings, watch: Callable[[float, float | None], None] = lambda read_s, length_s: None
) -> Examination:
    """Read a file as extraction would.

    Args:
        settings: of extraction.
        watch: told how many seconds are read, and how many there are by the file (None if it does not say).

    Raises:
        ConfigError, StoreError: faults that are not the file's.
    """
    config = WorkerConfig(
        READERS[settings.reader],
        settings.framing,
        False,
        PICTURE_PX,
        settings.decode_memory_mib,
        arguments=(settings.decode,) if settings.reader == "pyav" else (),
        sandbox=settings.sandbox,
    )
    limits = Limits(1, settings.no_progress_timeout_s, settings.title_timeout_s)
    samples = 0
    with closing(decode([path], config, limits)) as news:
        for item in news:
            if isinstance(item, Sample):
                samples += item.count
                watch(float(samples), item.length_s)
            else:
                return Examination(path, item.info, item.report, item.error)
    raise AssertionError("decode() ends every title")
