"""What this host can and cannot do, found out in seconds, before a night is lost to it.

Nothing is taken from documentation: a decode process is confined and let misbehave, libraries are asked, weights are
looked for. A *failure* stops extraction or leaves a limit unheld; a *warning* says what is weaker or slower here.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from data.errors import ModerationError
from data.store_path import StorePath
from extract.settings import EFFICIENTNET_LITE0, RESNET50, ExtractSettings
from pipeline.engine import RAY, require_ray
from pipeline.provenance import software
from pipeline.settings import RunSettings
from pipeline.store_check import StoreUse, check_stores

State = Literal["ok", "warning", "failure"]
LOW_DISK_BYTES = 2 * 10**9


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Args:
        subject: what, in a word or two.
        state: see the module's docstring.
        words: what was found, and what to do about it.
    """

    subject: str
    state: State
    words: str


def examine(
    settings: ExtractSettings, work_dir: Path, stores: Sequence[StoreUse] = (), run: RunSettings | None = None
) -> Iterator[Finding]:
    """Yield findings as they are made, the slow ones (torch) last.

    Args:
        settings: what extraction is asked to use.
        work_dir: where results go; it need not exist.
        stores: places on stores to look at.
        run: which engine is to run the titles.
    """
    yield Finding("versions", "ok", ", ".join(f"{name} {version}" for name, version in software().items()))
    yield from _guarded("disk", _disk(Path(tempfile.gettempdir()) if isinstance(work_dir, StorePath) else work_dir))
    yield from _guarded("store", _stores(stores))
    yield from _guarded("ffmpeg", _ffmpeg())
    yield from _guarded("decord", _decord(settings))
    yield from _guarded("sandbox", _sandbox(settings))
    if run is not None and run.engine == RAY:
        yield from _guarded("ray", _ray(run))
    yield from _guarded("weights", _weights(settings))
    yield from _guarded("device", _device(settings))


def _guarded(subject: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """Turn what one look stumbles over into a finding; the others go on."""
    try:
        yield from findings
    except (ModerationError, ImportError, OSError) as error:
        yield Finding(subject, "failure", str(error))


def _ffmpeg() -> Iterator[Finding]:
    from extract.ffmpeg_build import find_ffmpeg

    build = find_ffmpeg()
    licence = build.licence or "licence unknown"
    yield Finding("ffmpeg", "ok", f"{build.version} ({licence}), {build.decoders} of the allowed decoders")
    if build.lacking:
        yield Finding("codecs", "warning", f"no decoder for {', '.join(build.lacking)}: such films will be refused")
    if build.unchecked:
        what = " and ".join(build.unchecked)
        yield Finding("codecs", "warning", f"no libvpx: damage inside pictures of {what} will pass for whole pictures")


def _decord(settings: ExtractSettings) -> Iterator[Finding]:
    present = find_spec("decord") is not None
    if settings.reader == "decord" and not present:
        yield Finding("decord", "failure", 'not installed, but reader = "decord"; pip install decord, or use pyav')
    else:
        yield Finding("decord", "ok", "installed (opt-in)" if present else "not installed (only needed on request)")


def _disk(work_dir: Path) -> Iterator[Finding]:
    folder = next(path for path in (work_dir, *work_dir.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(folder).free
    words = f"{free / 1e9:.1f} GB free for {work_dir}"
    if not os.access(folder, os.W_OK):
        yield Finding("disk", "failure", f"{folder} cannot be written; give access to it, or set another work_dir")
    elif free < LOW_DISK_BYTES:
        yield Finding("disk", "failure", f"{words}, of {LOW_DISK_BYTES / 1e9:g} GB at least; make room")
    else:
        yield Finding("disk", "ok", words)


def _stores(uses: Sequence[StoreUse]) -> Iterator[Finding]:
    for state, words in check_stores(uses):
        yield Finding("store", state, words)


def _sandbox(settings: ExtractSettings) -> Iterator[Finding]:
    from extract.sandbox_trial import try_sandbox

    with tempfile.TemporaryDirectory(prefix="coarse2fine-doctor-") as folder:
        measures = try_sandbox(Path(folder), settings.sandbox)
    for measure in measures:
        if measure.held:
            yield Finding("sandbox", "ok", f"a decoder cannot: {measure.forbids}")
        else:
            state: State = "failure" if measure.is_limit or settings.sandbox == "required" else "warning"
            yield Finding("sandbox", state, f"a decoder CAN: {measure.forbids} (docs/security.md)")


def _ray(run: RunSettings) -> Iterator[Finding]:
    require_ray()
    from pipeline.distribute.cluster import describe, joined

    with joined(run.ray_address):
        yield Finding("ray", "ok", f"{run.ray_address}: {describe()}; what a machine lacks is found when it works")


def _weights(settings: ExtractSettings) -> Iterator[Finding]:
    from extract.weights import efficientnet_lite0_weights, read_weights, resnet50_cached

    name = settings.backbone
    if settings.weights is not None:
        yield Finding("weights", "ok", f"{settings.weights}, sha256 {read_weights(settings.weights).sha256[:16]}")
    elif name == EFFICIENTNET_LITE0:
        yield Finding("weights", "ok", f"{name}, sha256 {efficientnet_lite0_weights(None).sha256[:16]}")
    elif name == RESNET50 and (path := resnet50_cached()) is not None:
        yield Finding("weights", "ok", f"{name}, {path}")
    else:
        yield Finding("weights", "warning", f"{name}: not seen on this machine; the first run fetches it")


def _device(settings: ExtractSettings) -> Iterator[Finding]:
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    names = [torch.cuda.get_device_name(index) for index in range(count)]
    found = f"{', '.join(names) or 'no CUDA device'}; {len(os.sched_getaffinity(0))} cores"
    if settings.device.startswith("cuda") and not names:
        yield Finding("device", "failure", f"device = {settings.device!r}, but torch sees no CUDA device; use 'auto'")
    else:
        yield Finding("device", "ok", found)
