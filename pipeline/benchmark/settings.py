"""The ``[benchmark]`` section: which methods are compared, over which seeds, and what may be tuned for each."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_validator

from data.section import Section

Seed = Annotated[int, Field(ge=0)]
Values = dict[str, Any]


class BenchmarkSettings(Section):
    """What ``coarse2fine benchmark`` runs (SPEC.md, Baselines).

    Everything outside of this section holds for every method: ``[train] epochs`` is one budget for all.

    Args:
        methods: names, in the order of the rows; empty for all of ``pipeline.benchmark.methods`` and those of ``own``,
            without the upper bounds, which need titles with all occurrences labelled.
        seeds: of ``train.seed``; one run each.
        tune_seeds: variants of a method are compared by their mean validation score over the first so many seeds; only
            the best one is trained with the others. All seeds make a steadier choice for more time.
        variants: per method and name of a variant, what it sets, as nested sections; a method without an entry has one
            variant, its preset. Give every method equally many: the tuning budget is part of the comparison.
        own: further methods by name, as nested sections, where ``preset`` may be set, too.
    """

    methods: tuple[str, ...] = ()
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (0, 1, 2, 3, 4)
    tune_seeds: Annotated[int, Field(ge=1)] = 1
    variants: dict[str, dict[str, Values]] = Field(default_factory=dict)
    own: dict[str, Values] = Field(default_factory=dict)

    @field_validator("seeds", "methods")
    @classmethod
    def _different(cls, values: tuple[object, ...]) -> tuple[object, ...]:
        if len(set(values)) < len(values):
            raise ValueError("each may be named once")
        return values
