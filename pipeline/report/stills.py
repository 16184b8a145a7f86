"""Small pictures for the report: what was on screen at the peak of a segment, or in a clip that was missed.

A reviewer decides by looking, so the picture is the very frame that was scored (``extract.stills``). The page shows it
blurred and grey until it is asked for. Films are opened in killable children, several at a time; a film that cannot be
opened any more costs its pictures, never the report.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from PIL import Image

from data.errors import ModerationError
from data.schemas import Segment
from data.titles import Title, media_path
from extract.preprocess import Picture
from extract.stills import read_stills
from pipeline.config import Config
from pipeline.progress import progress_bar
from pipeline.report.mistakes import Mistake
from pipeline.report.signals import shown_second

PER_TITLE = 8
SQUARE_PX = 224  # what the child sends; the longer side of a film of any shape
WIDTH_PX, MAX_HEIGHT_PX = 192, 192
JPEG_QUALITY = 55
TIMEOUT_S = 180.0


@dataclass(frozen=True)
class TitleStills:
    """Pictures of one title.

    Args:
        jpegs: by second, JPEG files.
        error: why some are missing, in words; empty when none is.
    """

    jpegs: Mapping[int, bytes]
    error: str = ""

    def as_data(self) -> dict[str, str]:
        """Return the pictures as JSON values: base64 by second."""
        return {str(second): base64.b64encode(jpeg).decode("ascii") for second, jpeg in self.jpegs.items()}


def wanted_seconds(
    segments: Mapping[str, Sequence[Segment]], mistakes: Iterable[Mistake], per_title: int = PER_TITLE
) -> dict[str, list[int]]:
    """Return the seconds to show of each title: peaks of its best segments, flagged ones first, and its mistakes."""
    seconds: dict[str, set[int]] = {}
    for title_id, found in segments.items():
        best = sorted(found, key=lambda segment: (segment.decision != "flag", -segment.score))[:per_title]
        seconds[title_id] = {shown_second(segment.peak_s) for segment in best}
    for mistake in mistakes:
        seconds.setdefault(mistake.title_id, set()).add(mistake.moment_s)
    return {title_id: sorted(found) for title_id, found in seconds.items() if found}


def make_stills(
    config: Config, titles: Mapping[str, Title], wanted: Mapping[str, Sequence[int]]
) -> dict[str, TitleStills]:
    """Decode and shrink the pictures of all titles.

    Args:
        titles: by id, for the paths of the videos.
        wanted: by title id, seconds in ascending order.
    """
    result: dict[str, TitleStills] = {}
    with ThreadPoolExecutor(config.extract.decode_workers) as pool, progress_bar("pictures") as advance:
        made = pool.map(lambda title_id: title_stills(config, titles.get(title_id), wanted[title_id]), wanted)
        for number, (title_id, stills) in enumerate(zip(wanted, made), 1):
            result[title_id] = stills
            advance(number, len(wanted), title_id)
    return result


def jpeg(picture: Picture, aspect: float) -> bytes:
    """Return a small JPEG of a (S, S, 3) picture that was squeezed to a square.

    Args:
        aspect: width / height as displayed.
    """
    width = min(WIDTH_PX, max(1, round(MAX_HEIGHT_PX * aspect)))
    height = min(MAX_HEIGHT_PX, max(1, round(width / aspect)))
    buffer = io.BytesIO()
    image = Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR)
    image.save(buffer, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return buffer.getvalue()


def title_stills(config: Config, title: Title | None, seconds: Sequence[int]) -> TitleStills:
    """Decode and shrink pictures of one title, at some seconds in ascending order."""
    if title is None or title.path is None:
        return TitleStills({}, "the manifest names no video")
    try:
        path = media_path(config.data.media_folder, title.path)
        stills = read_stills(
            path,
            seconds,
            input_px=SQUARE_PX,
            timeout_s=TIMEOUT_S,
            memory_mib=config.extract.decode_memory_mib,
        )
    except ModerationError as error:
        if error.systemic:
            raise
        return TitleStills({}, str(error))
    return TitleStills({s: jpeg(picture, stills.aspect) for s, picture in stills.pictures.items()}, stills.error)
