"""Raw files to segments: no manifest, no labels, no configuration file, and no checkpoint but the starter's.

The folder of results is a work_dir like any other, so a second call reuses the features it finds there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from data.errors import CheckpointError, ConfigError
from data.store_path import StorePath
from data.titles import Title
from extract.settings import FP32, ExtractSettings
from infer.settings import InferSettings
from model.sidecar import read_checkpoint
from pipeline.lock import folder_lock
from pipeline.runs.extraction_plan import Sources
from pipeline.runs.inference_plan import InferenceRun
from pipeline.settings import RunSettings
from pipeline.stage_result import StageResult
from pipeline.stages.extract import ExtractionRun, extract_sources
from pipeline.stages.infer import infer_titles
from pipeline.work_folder import WorkFolder

STARTER = Path(__file__).resolve().parent / "starter"
"""The checkpoint that comes with the package: a demonstration, which its ``notice`` says in every run."""


def moderate(videos: Sequence[Path], checkpoint_dir: Path, out: Path) -> StageResult:
    """Extract, score and segment video files with the settings that the checkpoint was trained with.

    Args:
        videos: files, or folders whose files are taken one level deep; all of this machine, or of one bucket.
        checkpoint_dir: see ``model.checkpoint``.
        out: work_dir for features, coverage and runs.

    Raises:
        ConfigError: no video, or a path that does not exist.
        CheckpointError: the checkpoint was trained on imported features, which a video cannot be turned into.
    """
    spec = read_checkpoint(checkpoint_dir).feature_spec
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
    settings = ExtractSettings.model_validate(
        {"backbone": spec.backbone, "framing": spec.framing, "letterbox": spec.letterbox}
    )
    paths = _files(videos)
    root = _root(paths)
    titles = [Title(title_id, str(path.relative_to(root))) for title_id, path in zip(title_ids(paths), paths)]
    with folder_lock(out):
        work = WorkFolder(out)
        sources = Sources(titles, root, "the command line")
        done = extract_sources(ExtractionRun(work, sources, settings, RunSettings(attempts=100, max_error_rate=1.0)))
        arguments = {"videos": [str(path) for path in paths], "checkpoint": str(checkpoint_dir)}
        run = InferenceRun(
            titles, work, done.failures, checkpoint_dir, InferSettings(), arguments, headers=done.headers
        )
        return infer_titles(run)


def title_ids(paths: Sequence[Path]) -> list[str]:
    """Make a valid, unique title id of each file name: other characters become ``_``, a repeated name is numbered."""
    taken: set[str] = set()
    found = []
    for path in paths:
        stem = re.sub(r"[^A-Za-z0-9._-]", "_", path.stem)[:120].strip(".") or "video"
        title_id, number = stem, 2
        while title_id.casefold() in taken:
            title_id, number = f"{stem}-{number}", number + 1
        taken.add(title_id.casefold())
        found.append(title_id)
    return found


def _root(paths: Sequence[Path]) -> Path:
    """Return the folder that all paths lie below: the root of this machine, or a bucket."""
    roots = {StorePath(*path.parts[:3]) if isinstance(path, StorePath) else Path(path.anchor) for path in paths}
    if len(roots) > 1:
        raise ConfigError(f"videos of {' and '.join(sorted(map(str, roots)))}; moderate those of one place at a time")
    return roots.pop()


def _files(videos: Sequence[Path]) -> list[Path]:
    paths: list[Path] = []
    for video in videos:
        if video.is_dir():
            paths += sorted(path for path in video.iterdir() if path.is_file() and not path.name.startswith("."))
        elif video.exists():
            paths.append(video)
        else:
            raise ConfigError(f"{video}: no such file; name a video file, or a folder of them")
    if not paths:
        raise ConfigError("no video files; name at least one file, or a folder that holds some")
    return list(dict.fromkeys(path.resolve() for path in paths))
