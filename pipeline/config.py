"""One TOML file, read once into one frozen object: the only thing that changes between runs.

Order of precedence: the file, then the preset that it names, then the defaults of the sections. Every mistake of a file
is reported at once, an unknown key with the nearest right one. Relative paths are relative to the file.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from pydantic import BaseModel, ValidationError, model_validator

from data.errors import ConfigError
from data.files import fingerprint
from data.found_labels import with_found_labels
from data.locations import LocalPath, Location, is_url
from data.section import Section
from data.settings import DataSettings
from data.store_path import StorePath
from data.stores import configure, without_secrets
from extract.settings import ExtractSettings
from infer.export.settings import ExportSettings
from infer.settings import EvaluateSettings, InferSettings, TuneSettings
from model.settings import LossSettings, ModelSettings, TrainSettings
from pipeline.benchmark.settings import BenchmarkSettings
from pipeline.settings import RunSettings, StoreSettings
from pipeline.work_folder import WorkFolder

CONFIG_NAME = "run.toml"
AnySection = TypeVar("AnySection", bound=Section)
Preset = Literal["paper", "tuned", "three-c-net", "sf-net-1", "sf-net-2"]
DEFAULT_PRESET: Preset = "tuned"


class Config(Section):
    """A run's configuration.

    Args:
        work_dir: folder for everything that is written; like all paths but those of ``[extract]`` it may be the URL
            of a store (``s3://bucket/folder``), see docs/storage.md.
        scratch_dir: folder of this machine for the state of a training whose ``work_dir`` is on a store; by default
            one in the user's cache.
        preset: fills what the file does not say: ``paper`` or ``tuned``, or one of the baselines of Table 3.
        checkpoint: checkpoint folder to score with; by default ``<work_dir>/checkpoint``, where training writes it.
        features: folder of shards that another configuration's extraction wrote, to train and infer with; by default
            ``<work_dir>/features``, where extraction writes.
    """

    work_dir: Location
    preset: Preset = DEFAULT_PRESET
    checkpoint: Location | None = None
    features: Location | None = None
    scratch_dir: LocalPath | None = None
    data: DataSettings
    extract: ExtractSettings = ExtractSettings()
    model: ModelSettings = ModelSettings()
    loss: LossSettings = LossSettings()
    train: TrainSettings = TrainSettings()
    tune: TuneSettings = TuneSettings()
    infer: InferSettings = InferSettings()
    evaluate: EvaluateSettings = EvaluateSettings()
    export: ExportSettings = ExportSettings()
    run: RunSettings = RunSettings()
    storage: StoreSettings = StoreSettings()
    benchmark: BenchmarkSettings = BenchmarkSettings()

    @property
    def work(self) -> WorkFolder:
        return WorkFolder(self.work_dir, self.features)

    @property
    def features_dir(self) -> Path:
        return self.work.features

    @property
    def coverage_path(self) -> Path:
        return self.work_dir / "coverage.parquet"

    @property
    def training_dir(self) -> Path:
        if not isinstance(self.work_dir, StorePath):
            return self.work_dir / "training"
        cache = self.scratch_dir or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "coarse2fine"
        return cache / fingerprint(str(self.work_dir)) / "training"

    @property
    def checkpoint_dir(self) -> Path:
        return self.checkpoint or self.work_dir / "checkpoint"

    @model_validator(mode="after")
    def _reader_reads_stores(self) -> Config:
        if self.extract.reader == "decord" and isinstance(self.data.media_folder, StorePath):
            raise ValueError("[extract] reader: 'decord' reads files of this machine only; use 'pyav' for a store")
        return self


PATH_KEYS = (
    ("work_dir",),
    ("checkpoint",),
    ("features",),
    ("scratch_dir",),
    ("data", "titles"),
    ("data", "feature_folders"),
    ("data", "media_root"),
    ("data", "video_labels"),
    ("data", "clip_labels"),
    ("data", "split_file"),
    ("extract", "weights"),
)


def load_config(path: Path, overrides: Mapping[str, Any] | None = None) -> Config:
    """Read a run's TOML file.

    Args:
        path: the file, or a folder with a ``run.toml`` in it, such as that of `moderate`.
        overrides: nested values that win over the file (options of the command line).

    Raises:
        ConfigError: no such file, not TOML, or keys and values that are not allowed: all of them at once.
    """
    if path.is_dir():
        path = path / CONFIG_NAME
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file; `coarse2fine init` writes one to start from") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: not a readable TOML file: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: not a usable TOML file: nested too deeply") from error
    _resolve_paths(raw, path.resolve().parent)
    raw = merged(raw, overrides or {})
    preset = raw.get("preset", DEFAULT_PRESET)
    if preset not in get_args(Preset):
        raise ConfigError(f"{path}: preset: {preset!r} is not a preset; use one of {', '.join(get_args(Preset))}")
    config = validate(merged(preset_values(preset), raw), str(path))
    configure(**config.storage.model_dump())
    return config.model_copy(update={"data": with_found_labels(config.data)})


def preset_values(preset: Preset) -> dict[str, Any]:
    """Return what a preset says, as nested sections."""
    text = resources.files("pipeline").joinpath("configs", f"{preset}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def validate(raw: Mapping[str, Any], where: str) -> Config:
    """Turn nested values into a Config; ConfigError with every mistake, named after ``where``."""
    try:
        return Config.model_validate(raw)
    except ValidationError as error:
        raise ConfigError("\n".join(f"{where}: {line}" for line in _explain(error))) from error


def validate_section(section: type[AnySection], name: str, values: Mapping[str, Any], where: str) -> AnySection:
    """Return one section of a command that needs no file, explained as ``validate`` does.

    Args:
        section: its class.
        name: its key in a configuration.
        values: nested values; no other section may be in them.
        where: what every mistake is named after.
    """
    for key in values:
        if key not in Config.model_fields:
            raise ConfigError(f"{where}: {key}: unknown key{_nearest((key,))}")
        if key != name:
            raise ConfigError(f"{where}: {key}: without --config there is only [{name}] to set")
    try:
        return section.model_validate(values.get(name, {}))
    except ValidationError as error:
        raise ConfigError("\n".join(f"{where}: {line}" for line in _explain(error, (name,)))) from error


def _explain(error: ValidationError, inside: tuple[str, ...] = ()) -> Iterator[str]:
    for detail in error.errors():
        location = (*inside, *_keys(detail["loc"]))
        name = _dotted(location) if location else ""
        if detail["type"] == "extra_forbidden":
            yield f"{name}: unknown key{_nearest(location)}"
        elif detail["type"] == "missing":
            yield f"{name}: missing; this key is needed"
        else:
            said = detail["msg"].removeprefix("Value error, ")
            yield without_secrets(f"{name}: {detail['input']!r}: {said}" if location else said)


def _keys(loc: Sequence[int | str]) -> Iterator[str]:
    """Yield the keys of a place in a file; a place in a list belongs to the list's key."""
    keys: list[str] = []
    for part in loc:
        if isinstance(part, int) and keys:
            keys[-1] += f"[{part}]"
        else:
            keys.append(str(part))
    yield from keys


def _dotted(location: tuple[str, ...]) -> str:
    *sections, key = location
    return f"[{'.'.join(sections)}] {key}" if sections else key


def _nearest(location: tuple[str, ...]) -> str:
    """Name the key that was probably meant; a key of another section is found, too."""
    keys = _keys_of(Config, location[:-1])
    begins = [key for key in keys if key.startswith(location[-1])]
    close = begins if len(begins) == 1 else difflib.get_close_matches(location[-1], keys, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    elsewhere = [
        section
        for section, field in Config.model_fields.items()
        if _is_section(field.annotation) and location[-1] in field.annotation.model_fields  # type: ignore[union-attr]
    ]
    if elsewhere:
        return f"; it belongs to [{elsewhere[0]}]"
    return f"; allowed are {', '.join(sorted(keys))}"


def _keys_of(section: type[BaseModel], location: tuple[str, ...]) -> list[str]:
    for part in location:
        annotation = section.model_fields[part].annotation if part in section.model_fields else None
        nested = [value for value in (annotation, *get_args(annotation)) if _is_section(value)]
        section = nested[0] if nested else section
    return list(section.model_fields)


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested values with those of ``over`` winning."""
    result = dict(base)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], value) if both else value
    return result


def _resolve_paths(raw: dict[str, Any], folder: Path) -> None:
    for *sections, key in PATH_KEYS:
        table: Any = raw
        for section in sections:
            table = table.get(section) if isinstance(table, dict) else None
        if not isinstance(table, dict):
            continue
        if isinstance(table.get(key), str):
            table[key] = _resolved(table[key], folder)
        elif isinstance(table.get(key), list):
            table[key] = [_resolved(path, folder) if isinstance(path, str) else path for path in table[key]]


def _resolved(path: str, folder: Path) -> str:
    return path if is_url(path) else str(folder / Path(path).expanduser())
