"""What a benchmark compares: the paper's methods and ablations, and the runs that measure them.

A method is a handful of configuration values on top of the user's file, so nothing here knows how to train: every run
is an ordinary ``train``, ``infer`` and ``evaluate`` with a configuration of its own.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.errors import ConfigError
from pipeline.benchmark.settings import BenchmarkSettings, Values
from pipeline.config import Config, load_config, merged
from pipeline.work_folder import WorkFolder

ONLY_VARIANT = "preset"
TUNABLE = ("model", "loss", "train", "tune", "infer")
"""Sections that a variant may set: data and evaluation are the same for all, or nothing is compared."""


@dataclass(frozen=True)
class Method:
    """A row of the tables.

    Args:
        name: in the configuration and in folders.
        title: in tables.
        values: nested sections; ``preset`` only where it is not the file's.
        tables: of the paper, that show it.
        on_request: only compared if ``[benchmark] methods`` names it.
    """

    name: str
    title: str
    values: Values
    tables: tuple[int, ...] = (3, 4)
    on_request: bool = False


METHODS = (
    Method("three-c-net", "3C-Net", {"preset": "three-c-net", "model": {"network": "three-c-net"}}),
    Method("sf-net-1", "SF-Net-1", {"preset": "sf-net-1", "model": {"network": "sf-net-1"}}),
    Method("sf-net-2", "SF-Net-2", {"preset": "sf-net-2", "model": {"network": "sf-net-2"}}),
    Method("fo", "FO", {"model": {"network": "fo"}}, (3, 4, 5)),
    Method("fo-vl", "FO+VL", {"model": {"network": "fo-vl"}}, (3, 4, 5)),
    Method(
        "fo-vl-regularised",
        "FO+VL with L_bg, L_lap",
        {"model": {"network": "fo-vl"}, "loss": {"regularise_single_head": True}},
        (5,),
    ),
    Method(
        "coarse2fine-unregularised",
        "FO+VL+PD without L_bg, L_lap",
        {"model": {"network": "coarse2fine"}, "loss": {"gamma": 0.0, "delta": 0.0, "contrast": 0.0}},
        (5,),
    ),
    Method(
        "coarse2fine",
        "FO+VL+PD (Coarse2Fine)",
        {"model": {"network": "coarse2fine"}, "loss": {"contrast": 0.0}},
        (3, 4, 5),
    ),
    Method(
        "coarse2fine-contrast",
        "FO+VL+PD with L_contrast",
        {"model": {"network": "coarse2fine"}, "loss": {"contrast": 0.1}},
        (3, 4, 5),
        on_request=True,
    ),
    Method(
        "fo-all",
        "FO, told of all occurrences",
        {"model": {"network": "fo"}, "train": {"occurrences": "all"}},
        (5,),
        on_request=True,
    ),
    Method(
        "coarse2fine-all",
        "FO+VL+PD, told of all occurrences",
        {"model": {"network": "coarse2fine"}, "loss": {"contrast": 0.0}, "train": {"occurrences": "all"}},
        (5,),
        on_request=True,
    ),
)
FAMILY_PRESETS = ("paper", "tuned")


@dataclass(frozen=True)
class Variant:
    """One setting of a method that validation chooses from."""

    name: str
    values: Values


@dataclass(frozen=True)
class Entry:
    """A method with the variants to choose from."""

    method: Method
    variants: tuple[Variant, ...]


@dataclass(frozen=True)
class Plan:
    """A benchmark, decided but not begun: every configuration of it is known to be valid.

    Args:
        path, overrides: what the configurations are made from.
        config: the file's own, without any method.
    """

    path: Path
    overrides: Mapping[str, Any]
    config: Config
    entries: tuple[Entry, ...]

    @property
    def settings(self) -> BenchmarkSettings:
        return self.config.benchmark

    @property
    def folder(self) -> Path:
        """Where the benchmark's runs and tables are."""
        return WorkFolder(self.config.work_dir).benchmark

    @property
    def tuning_seeds(self) -> tuple[int, ...]:
        return self.settings.seeds[: self.settings.tune_seeds]

    @property
    def runs(self) -> int:
        """How many runs there will be: all variants with the first seeds, the chosen one with the others."""
        tuning = len(self.tuning_seeds)
        return sum(len(entry.variants) * tuning + len(self.settings.seeds) - tuning for entry in self.entries)

    def configure(self, method: Method, variant: Variant, seed: int, work_dir: Path | None = None) -> Config:
        """Return the configuration of a run; its features are the benchmark's."""
        fixed = {
            "work_dir": str(work_dir or self.config.work_dir),
            "features": str(self.config.features_dir),
            "train": {"seed": seed},
            "infer": {"write_scores": True},
            "evaluate": {"rules": ["ge", "gt"]},
        }
        values = dict(self.overrides)
        for layer in (method.values, variant.values, fixed):
            values = merged(values, layer)
        return load_config(self.path, values)


def plan_benchmark(path: Path, overrides: Mapping[str, Any]) -> Plan:
    """Read a benchmark's file and check all its methods and variants.

    Raises:
        ConfigError: an unknown method, or a variant that sets what it may not or what does not exist.
    """
    config = load_config(path, overrides)
    settings = config.benchmark
    known = {method.name: method for method in METHODS}
    for name, values in settings.own.items():
        if name in known:
            raise ConfigError(f"{path}: [benchmark.own.{name}]: the name is taken; use another")
        known[name] = Method(name, name, values)
    names = settings.methods or tuple(name for name, method in known.items() if not method.on_request)
    for name in (*names, *settings.variants):
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"use {', '.join(known)}"
            raise ConfigError(f"{path}: [benchmark] {name!r} is not a method; {hint}")
    entries = []
    for name in names:
        variants = settings.variants.get(name) or {ONLY_VARIANT: {}}
        entries.append(Entry(known[name], tuple(Variant(key, values) for key, values in variants.items())))
    plan = Plan(path, overrides, config, tuple(entries))
    for entry in plan.entries:
        _check(plan, entry)
    return plan


def _check(plan: Plan, entry: Entry) -> None:
    method = entry.method
    where = f"{plan.path}: [benchmark.own.{method.name}]"
    if method.name in plan.settings.own:
        _check_keys(where, method.values, ("preset", *TUNABLE))
    elif "preset" not in method.values and plan.config.preset not in FAMILY_PRESETS:
        raise ConfigError(
            f"{plan.path}: preset: {plan.config.preset!r} is a baseline, and {method.name!r} takes the file's preset; "
            f"use one of {', '.join(FAMILY_PRESETS)}"
        )
    for variant in entry.variants:
        if variant.name != ONLY_VARIANT:
            where = f"{plan.path}: [benchmark.variants.{method.name}.{variant.name!r}]"
            _check_keys(where, variant.values, TUNABLE)
        try:
            plan.configure(method, variant, plan.settings.seeds[0])
        except ConfigError as error:
            raise ConfigError(f"{where}: {error}") from error


def _check_keys(where: str, values: Values, allowed: tuple[str, ...]) -> None:
    unknown = sorted(set(values) - set(allowed))
    if unknown:
        raise ConfigError(f"{where} sets {', '.join(unknown)}; it may set {', '.join(allowed)}")
    if isinstance(values.get("train"), Mapping) and "seed" in values["train"]:
        raise ConfigError(f"{where} sets train.seed; name seeds in [benchmark] seeds")
