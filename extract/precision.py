"""Which arithmetic made a feature, as a word in its ``FeatureSpec``; no torch, since plans ask for it.

float32 gives the same features from every engine, and is not said which. int8 does not: its features depend on the
engine and on the pictures that it was calibrated with, so both are part of the word.
"""

from __future__ import annotations

from pathlib import Path

from data.counted import counted
from data.errors import ConfigError
from data.files import file_sha256, fingerprint
from extract.settings import FP32, ExtractSettings

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp"})
MIN_PICTURES, MAX_PICTURES = 32, 512


def recorded_precision(settings: ExtractSettings) -> str:
    """Return ``fp32``, or ``int8:<engine>:<16 hex digits of the calibration pictures>``.

    Raises:
        ConfigError: no calibration pictures.
    """
    if settings.precision == FP32 or settings.calibration is None:
        return FP32
    pictures = [file_sha256(path) for path in calibration_files(settings.calibration)]
    return f"{settings.precision}:{settings.engine}:{fingerprint(pictures)}"


def calibration_files(folder: Path) -> list[Path]:
    """Return the pictures of a folder, one level deep, by name.

    Raises:
        ConfigError: fewer than 32, or more than 512.
    """
    found = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
    if not MIN_PICTURES <= len(found) <= MAX_PICTURES:
        raise ConfigError(
            f"calibration = {folder}: holds {counted(len(found), 'picture')} ({', '.join(sorted(SUFFIXES))}), expected "
            f"{MIN_PICTURES} to {MAX_PICTURES}; put frames of your own titles there"
        )
    return found
