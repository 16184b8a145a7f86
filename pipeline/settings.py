"""The section ``[run]``, what runs titles and how it treats those that fail, and the section ``[storage]``."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator

from data.section import Section


class RunSettings(Section):
    """How unattended runs behave.

    Args:
        import_name: the titles' paths name feature files (.npy, .npz, .pt) that this made, for example ``i3d-rgb``;
            by default they name videos.
        attempts: a title that failed so often with the same bytes is given up: not tried again until its file
            changes or ``coarse2fine quarantine release``.
        max_error_rate: a run ends with exit code 5 and gives up no title when a larger share of the new ones failed:
            that looks like a fault of the installation. What failed before with the same bytes does not count. It is
            judged when all of them were tried (what could be read is then scored all the same), or earlier, when titles
            drawn at random leave no doubt.
        abort_after: but not before so many of them failed.
        train: when a run trains, where the configuration names no checkpoint: ``missing`` (while there is none that
            could score), ``changed`` (also when labels, films or settings are not those that the checkpoint was trained
            with) or ``never``.
        report: end a run by drawing its ``report.html``.
        report_pictures: with pictures of what was found, which decodes a part of every such title again.
        engine: ``local`` extracts and scores titles on this machine; ``ray`` (an extra) on the machines of a Ray
            cluster, which must all see ``work_dir``, videos and weights under the same paths or URLs. Features are
            imported and networks trained on this machine with both.
        ray_address: the cluster: ``auto`` (the one this machine belongs to, or RAY_ADDRESS), ``host:port`` of its head
            from a machine that belongs to it, or ``ray://host:port`` from any other.
        ray_backbones: how many processes of the cluster compute the backbone, fed with pictures by those that decode.
            By default one on each GPU, and none where there is no GPU: each title's own process computes its features.
    """

    import_name: str | None = None
    attempts: Annotated[int, Field(ge=1, le=100)] = 3
    max_error_rate: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    abort_after: Annotated[int, Field(ge=1)] = 10
    train: Literal["missing", "changed", "never"] = "missing"
    report: bool = True
    report_pictures: bool = False
    engine: Literal["local", "ray"] = "local"
    ray_address: str = "auto"
    ray_backbones: Annotated[int, Field(ge=0, le=4096)] | None = None

    @field_validator("ray_address")
    @classmethod
    def _is_address(cls, address: str) -> str:
        if re.fullmatch(r"auto|(ray://)?([^\s:/\[\]]+|\[[0-9a-fA-F:.]+\]):\d{1,5}", address):
            return address
        raise ValueError(f"{address!r} is not an address; use 'auto', 'host:port' or 'ray://host:port'")


class StoreSettings(Section):
    """How long an object store may take (docs/storage.md).

    Args:
        timeout_s: a request that takes longer has failed; beside what its bytes take at 250 kB/s.
        patience_s: a request that keeps failing is repeated for so long, then the run ends with exit code 5.
    """

    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 30.0
    patience_s: Annotated[float, Field(gt=0, le=86_400)] = 180.0
