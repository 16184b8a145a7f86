"""The folder of `moderate` as a work folder like any other: a list of its films and a configuration lie in it.

So every other command works on it: ``coarse2fine review moderation``. Both files are written anew by each call.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data.byte_names import as_text
from data.errors import CheckpointError, ConfigError
from data.files import write_text
from data.identity import film_ids
from data.library import Film
from data.store_path import StorePath
from data.titles import whole_root
from extract.settings import FP32
from infer.csv_export import FORMULA_STARTS
from infer.export import mcf
from infer.export.settings import Format
from model.sidecar import Checkpoint
from pipeline.config import CONFIG_NAME, DEFAULT_PRESET, Config, load_config, merged, preset_values, validate

_WRITTEN_BY = "# Written by `coarse2fine moderate`"
HEADER = f"""\
{_WRITTEN_BY}: each call writes this file anew, and what somebody changed here is lost.
# Change a setting by an option of the call, each time: coarse2fine moderate ... --set section.key=value
"""
TITLES = "titles.csv"
SEVERITY = "high"
"""Of MovieContentFilter, unless set: nobody judged how bad a scene is, so whoever filters a category skips it."""
_FIXED = ("work_dir", "checkpoint", "preset", "features", "data")
_SPEC_KEYS = ("backbone", "framing", "letterbox")


def moderation_values(
    checkpoint: Checkpoint,
    checkpoint_dir: Path,
    out: Path,
    films: Sequence[Film],
    *,
    thresholds: Mapping[str, float],
    overrides: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what the configuration of a folder says.

    Args:
        thresholds: what is flagged from which score, by label.
        overrides: nested values that win (``--set``).

    Raises:
        ConfigError: films of several stores, keys that are not for `moderate`, or values that are not allowed.
    """
    spec = checkpoint.feature_spec
    if fixed := [key for key in _FIXED if key in overrides]:
        raise ConfigError(
            f"--set {fixed[0]}: not for `moderate`, which sets it itself (--out, --checkpoint, the films)"
        )
    values: dict[str, Any] = {
        "work_dir": str(out) if isinstance(out, StorePath) else ".",
        "checkpoint": as_text(_whole(checkpoint_dir)),
        "data": {
            "titles": str(out / TITLES) if isinstance(out, StorePath) else TITLES,
            "media_root": str(_root(films)),
            "labels": list(checkpoint.labels),
        },
        "extract": {key: getattr(spec, key) for key in _SPEC_KEYS},
        "infer": {"thresholds": {label: _lowered(checkpoint, label, value) for label, value in thresholds.items()}},
        # a person looks at once: nothing is given up for tomorrow, and many bad files are no fault of the machine
        "run": {"attempts": 100, "max_error_rate": 1.0, "report_pictures": True},
        "export": {"severity": dict.fromkeys(checkpoint.labels, SEVERITY)},
    }
    values = merged(values, overrides)
    for key in _SPEC_KEYS:
        if values["extract"][key] != getattr(spec, key):
            raise ConfigError(
                f"[extract] {key}: {values['extract'][key]!r}, but {checkpoint_dir} was trained with "
                f"{getattr(spec, key)!r}; leave it out, or give another --checkpoint"
            )
    config = trial_config(values, out)
    unknown = sorted(set(config.infer.thresholds) - set(checkpoint.labels))
    if unknown:
        raise ConfigError(
            f"--threshold {', '.join(unknown)}: not a label of the checkpoint; it has {', '.join(checkpoint.labels)}"
        )
    return values


def trial_config(values: Mapping[str, Any], out: Path) -> Config:
    """Return the configuration that a folder will have; ConfigError with everything that is not allowed in it."""
    located = merged(values, {"work_dir": str(_whole(out)), "data": {"titles": str(_whole(out) / TITLES)}})
    return validate(merged(preset_values(DEFAULT_PRESET), located), "--set")


def threshold_values(said: Sequence[str], labels: Sequence[str]) -> dict[str, float]:
    """Read ``violence=0.4``, or ``0.4`` for all labels; later ones win.

    Raises:
        ConfigError: not a number from 0 to 1, or no label of the checkpoint.
    """
    found: dict[str, float] = {}
    for text in said:
        label, equals, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            value = -1.0
        if not 0.0 <= value <= 1.0:
            raise ConfigError(
                f"--threshold {text!r}: write LABEL=NUMBER or NUMBER, from 0 to 1, for example violence=0.4"
            )
        if equals and label not in labels:
            raise ConfigError(f"--threshold {label!r}: not a label of the checkpoint; it has {', '.join(labels)}")
        found.update(dict.fromkeys([label] if equals else labels, value))
    return found


def require_exports(forms: Sequence[Format], labels: Sequence[str], config: Config) -> None:
    """Raise ConfigError for a setting that an export will ask for, before films are read for hours."""
    if "mcf" in forms:
        mcf.require_settings(labels, config.export)


def write_folder(out: Path, values: Mapping[str, Any], films: Sequence[Film]) -> Config:
    """Write the list of films and the configuration, and read them back.

    Raises:
        ConfigError: the folder holds a configuration that somebody else wrote.
    """
    path = out / CONFIG_NAME
    require_own(out)
    _write(out / TITLES, _titles_text(films))
    _write(path, HEADER + toml_text(values))
    return load_config(path)


def require_own(out: Path) -> None:
    """Raise ConfigError if a folder holds a configuration, or a list of titles, that `moderate` did not write."""
    path = out / CONFIG_NAME
    ours = path.is_file() and path.read_text(encoding="utf-8", errors="replace").startswith(_WRITTEN_BY)
    for other in (path, out / TITLES):
        if not ours and other.exists():
            raise ConfigError(f"{other}: not written by `moderate`, which would replace it; give another --out")


def toml_text(values: Mapping[str, Any]) -> str:
    """Return nested values (text, numbers, truth values, lists of them) as TOML."""
    return "".join(_tables(values, ()))


def _tables(values: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    plain = {key: value for key, value in values.items() if not isinstance(value, Mapping)}
    lines = [f"\n[{'.'.join(map(toml_key, path))}]\n"] if path and plain else []
    lines += [f"{toml_key(key)} = {toml_value(value)}\n" for key, value in plain.items()]
    for key, value in values.items():
        if isinstance(value, Mapping):
            lines += _tables(value, (*path, key))
    return lines


def toml_value(value: Any) -> str:
    """Return a value as TOML writes it."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(toml_value, value))}]"
    return _text(value) if isinstance(value, str) else json.dumps(value)


def toml_key(key: str) -> str:
    """Return a key as TOML writes it, quoted where it must be."""
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key, re.ASCII) else _text(key)


def _text(text: str) -> str:
    """Return a TOML string or quoted key; JSON's is one, but for DEL."""
    return json.dumps(as_text(text), ensure_ascii=False).replace("\x7f", "\\u007f")


def _titles_text(films: Sequence[Film]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["title_id", "path", "name"])
    for title_id, film in zip(film_ids([film.resolved for film in films]), films):
        name = f"./{film.name}" if film.name.startswith(FORMULA_STARTS) else film.name
        writer.writerow([title_id, _listed(film.path), name])
    return buffer.getvalue()


def _write(path: Path, text: str) -> None:
    if not path.is_file() or path.read_bytes() != text.encode():
        write_text(path, text)


def _lowered(checkpoint: Checkpoint, label: str, value: float) -> dict[str, float]:
    """Return thresholds that flag every segment of a score: nothing below may be kept from becoming one."""
    tuned = checkpoint.thresholds[label]
    return {"flag": value, "frame": min(tuned.frame, value), "title": min(tuned.title, value)}


def require_own_features(checkpoint: Checkpoint, checkpoint_dir: Path) -> None:
    """Raise CheckpointError if a checkpoint was trained on features that cannot be made of a video here."""
    spec = checkpoint.feature_spec
    if spec.backbone.startswith("imported:"):
        raise CheckpointError(
            f"{checkpoint_dir}: trained on {spec.backbone} features, which this program cannot make from a video; "
            "use `import-features` and `infer`, or a checkpoint trained on extracted features"
        )
    if spec.precision != FP32:
        raise CheckpointError(
            f"{checkpoint_dir}: trained on features in {spec.precision}, which need the pictures they were calibrated "
            "with; use `run` with the configuration of its [extract] section, or a checkpoint trained on fp32 features"
        )


def _root(films: Sequence[Film]) -> Path:
    """Return the folder that all films lie below: the root of this machine, or a bucket."""
    roots = {whole_root(film.path) for film in films}
    if len(roots) > 1:
        raise ConfigError(f"videos of {' and '.join(sorted(map(str, roots)))}; moderate those of one place at a time")
    return roots.pop()


def _listed(path: Path) -> str:
    """Return a path as the manifest has it: whole, or below its bucket, which is the media root then."""
    return str(path.relative_to(whole_root(path))) if isinstance(path, StorePath) else as_text(path)


def _whole(path: Path) -> Path:
    return path if isinstance(path, StorePath) else path.absolute()
