"""The schema of every table that passes between two stages; of those from night to night, ``data.night_schemas``.

Nowhere else do column names live.

Axes: T frames of a title, D feature width, C labels. Times are seconds on the player's clock (``data.time_grid``), but
in feature shards, which count from the first displayed picture; intervals are half-open. No torch here: a report or a
cron check must start fast.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow as pa

from data.errors import SchemaError
from data.files import fingerprint

SCHEMA_KEY = b"coarse2fine.schema"
FEATURES = "features/1"
COVERAGE = "coverage/1"
SEGMENTS = "segments/1"
TITLES = "titles/1"
SCORES = "scores/1"

NAMED = ("name", "path")
"""What a person calls a title, and where its file is: late columns of segments and titles, empty in older files."""

LATE_COLUMNS = (*NAMED, "picture_start_s")
"""Columns that tables got later, at their end; older files are read as if they were empty, or 0."""

STATUSES = ("flagged", "clear", "review", "partial", "quarantined")
DECISIONS = ("flag", "review")


@dataclass(frozen=True)
class FeatureSpec:
    """What made a feature vector. Two shards may be mixed only if their specs are equal.

    Args:
        backbone: ``resnet50``, ``efficientnet-lite0``, ``timm:<name>`` or ``imported:<name>``.
        weights_sha256: hash of the weights, hex; empty for imported features.
        width: D.
        sampling: name of the sampling rule.
        framing: ``full``, ``center-crop`` or ``imported``.
        letterbox: whether letterbox bars were removed.
        input_px: side of the square network input; 0 for imported features.
        precision: ``fp32``, or what else the backbone computed in, see ``extract.precision``.
        step_s: seconds from a row to the next: 1 for videos, for imported features what made them.
    """

    backbone: str
    weights_sha256: str
    width: int
    sampling: str
    framing: str
    letterbox: bool
    input_px: int
    precision: str = "fp32"
    step_s: float = 1.0

    @property
    def features_id(self) -> str:
        """16 hex digits: equal for features that may be mixed."""
        return _features_id(self)

    def difference(self, other: FeatureSpec) -> str:
        """Say in words which fields differ, ``self`` first; empty when equal."""
        mine, theirs = vars(self), vars(other)
        return ", ".join(f"{key} {mine[key]!r} is not {theirs[key]!r}" for key in mine if mine[key] != theirs[key])


@lru_cache(maxsize=64)
def _features_id(spec: FeatureSpec) -> str:
    """Return the id of a spec; thousands of shards share one."""
    values = dict(vars(spec))
    for name, only_once in (("precision", "fp32"), ("step_s", 1.0)):
        if values[name] == only_once:
            del values[name]  # shards from before there was a choice keep their id
    return fingerprint(values)


@dataclass(frozen=True)
class Coverage:
    """How much of a title was read; stored with its features, so that no unread film is ever called clear.

    Args:
        title_id: the title.
        source: the path as the manifest names it.
        source_sha256: content hash of the video file (or imported feature file).
        reader: ``pyav``, ``decord`` or ``import``.
        container, codec: FFmpeg's names; empty if unknown.
        width_px, height_px: coded size; 0 if unknown.
        rotation_deg: clockwise rotation that was applied: 0, 90, 180 or 270.
        declared_duration_s: what the container (or else the manifest) promises for the video; None if nobody says.
        decoded_s: from the first presented frame to the end of the last decoded one.
        samples: T.
        corrupt_packets: packets or frames that the decoder refused or marked.
        complete: read to its end without a hole of more than a second.
        reason: why not complete, in words; empty when complete.
        picture_start_s: when the first displayed picture is seen on the player's clock, whose 0 is where a player
            starts; more than 0 where the sound comes first. Times of samples count from that picture.
        declared_start_s: where the declared duration begins on the player's clock, where that is before the first
            picture: a recording may begin with pictures that nobody can decode; None where it is with that picture.
        remark: what else is to be known of the file, in words, that is no damage.
        unseen: the file holds video that was not looked at, as the remark says; never clear then.
    """

    title_id: str
    source: str
    source_sha256: str
    reader: str
    container: str
    codec: str
    width_px: int
    height_px: int
    rotation_deg: int
    declared_duration_s: float | None
    decoded_s: float
    samples: int
    corrupt_packets: int
    complete: bool
    reason: str
    picture_start_s: float = 0.0
    declared_start_s: float | None = None
    remark: str = ""
    unseen: bool = False


@dataclass(frozen=True)
class Segment:
    """A predicted interval ``[start_s, end_s)`` with the evidence for it.

    Args:
        score: the segment score, by default the highest action score inside (Sec. 3.3).
        score_mean: mean action score inside.
        foreground_peak, conditional_peak: highest foreground and conditional score inside; None for networks without
            the problem decomposition.
        title_score: the title score of the label (Eq. 5).
        threshold, title_threshold: tau_f and tau_v that it passed.
        decision: ``flag``, or ``review`` for a near miss.
        peak_s: time of the highest action score.
    """

    title_id: str
    label: str
    segment_index: int
    start_s: float
    end_s: float
    score: float
    score_mean: float
    foreground_peak: float | None
    conditional_peak: float | None
    title_score: float
    threshold: float
    title_threshold: float
    decision: str
    peak_s: float


@dataclass(frozen=True)
class LabelThresholds:
    """How one label's action scores become segments; chosen on validation, stored in the checkpoint.

    Args:
        title: tau_v, the least title score (Eq. 5) for which the label is kept; in [0, 1].
        frame: tau_f, the least action score of a frame inside a segment; in [0, 1].
        merge_gap_s: runs closer than this are joined; seconds >= 0.
        min_length_s: shorter segments are dropped; seconds >= 0.
        flag: least segment score of a segment that is flagged; in [0, 1]. The thresholds above shape candidates and
            rank well when they are low; this one decides which of them to act on.
    """

    title: float
    frame: float
    merge_gap_s: float
    min_length_s: float
    flag: float = 0.0


def named_schema(schema: pa.Schema, name: str, extra: dict[str, str] | None = None) -> pa.Schema:
    """Return a schema that says its name and version, and more of our metadata."""
    metadata = {SCHEMA_KEY: name.encode()}
    metadata.update({f"coarse2fine.{key}".encode(): text.encode() for key, text in (extra or {}).items()})
    return schema.with_metadata(metadata)


def features_schema(spec: FeatureSpec, coverage: Coverage) -> pa.Schema:
    """Schema of a shard: one row a sample. ``time_s`` is the sampling time, ``pts_s`` the real time of its frame."""
    extra = {
        "features_id": spec.features_id,
        "feature_spec": json.dumps(vars(spec)),
        "coverage": json.dumps(vars(coverage)),
    }
    return named_schema(_feature_columns(spec.width), FEATURES, extra)


@lru_cache(maxsize=64)
def _feature_columns(width: int) -> pa.Schema:
    fields = [
        pa.field("title_id", pa.string(), nullable=False),
        pa.field("frame_index", pa.int32(), nullable=False),
        pa.field("time_s", pa.float64(), nullable=False),
        pa.field("pts_s", pa.float64(), nullable=False),
        pa.field("feature", pa.list_(pa.field("element", pa.float16(), nullable=False), width), nullable=False),
    ]
    return pa.schema(fields)


COVERAGE_SCHEMA = named_schema(
    pa.schema(
        [
            pa.field("title_id", pa.string(), nullable=False),
            pa.field("source", pa.string(), nullable=False),
            pa.field("source_sha256", pa.string()),
            pa.field("features_id", pa.string()),
            pa.field("reader", pa.string()),
            pa.field("container", pa.string()),
            pa.field("codec", pa.string()),
            pa.field("width_px", pa.int32()),
            pa.field("height_px", pa.int32()),
            pa.field("rotation_deg", pa.int32()),
            pa.field("declared_duration_s", pa.float64()),
            pa.field("decoded_s", pa.float64()),
            pa.field("samples", pa.int32()),
            pa.field("corrupt_packets", pa.int32()),
            pa.field("complete", pa.bool_(), nullable=False),
            pa.field("reason", pa.string()),
            pa.field("error_code", pa.string()),
            pa.field("error", pa.string()),
            pa.field("seconds", pa.float64()),
            pa.field("picture_start_s", pa.float64()),
            pa.field("declared_start_s", pa.float64()),
            pa.field("remark", pa.string()),
            pa.field("unseen", pa.bool_()),
        ]
    ),
    COVERAGE,
)

SEGMENTS_SCHEMA = named_schema(
    pa.schema(
        [
            pa.field("run_id", pa.string(), nullable=False),
            pa.field("title_id", pa.string(), nullable=False),
            pa.field("label", pa.string(), nullable=False),
            pa.field("segment_index", pa.int32(), nullable=False),
            pa.field("start_s", pa.float64(), nullable=False),
            pa.field("end_s", pa.float64(), nullable=False),
            pa.field("score", pa.float64(), nullable=False),
            pa.field("score_mean", pa.float64(), nullable=False),
            pa.field("foreground_peak", pa.float64()),
            pa.field("conditional_peak", pa.float64()),
            pa.field("title_score", pa.float64(), nullable=False),
            pa.field("threshold", pa.float64(), nullable=False),
            pa.field("title_threshold", pa.float64(), nullable=False),
            pa.field("decision", pa.string(), nullable=False),
            pa.field("peak_s", pa.float64(), nullable=False),
            pa.field("model_id", pa.string(), nullable=False),
            pa.field("features_id", pa.string(), nullable=False),
            pa.field("name", pa.string()),
            pa.field("path", pa.string()),
        ]
    ),
    SEGMENTS,
)

TITLES_SCHEMA = named_schema(
    pa.schema(
        [
            pa.field("run_id", pa.string(), nullable=False),
            pa.field("title_id", pa.string(), nullable=False),
            pa.field("status", pa.string(), nullable=False),
            pa.field("labels", pa.string(), nullable=False),
            pa.field("segments", pa.int32(), nullable=False),
            pa.field("flagged_s", pa.float64(), nullable=False),
            pa.field("duration_s", pa.float64()),
            pa.field("decoded_s", pa.float64()),
            pa.field("coverage", pa.float64()),
            pa.field("samples", pa.int32()),
            pa.field("corrupt_packets", pa.int32()),
            pa.field("reason", pa.string()),
            pa.field("error_code", pa.string()),
            pa.field("error", pa.string()),
            pa.field("model_id", pa.string(), nullable=False),
            pa.field("features_id", pa.string()),
            pa.field("name", pa.string()),
            pa.field("path", pa.string()),
            pa.field("picture_start_s", pa.float64()),
        ]
    ),
    TITLES,
)


def scores_schema(labels: tuple[str, ...]) -> pa.Schema:
    """Schema of frame scores: one row a frame, ``conditional_<label>`` and ``action_<label>`` per label."""
    fields = [
        pa.field("title_id", pa.string(), nullable=False),
        pa.field("time_s", pa.float64(), nullable=False),
        pa.field("foreground", pa.float32()),
    ]
    fields += [pa.field(f"conditional_{label}", pa.float32()) for label in labels]
    fields += [pa.field(f"action_{label}", pa.float32(), nullable=False) for label in labels]
    return named_schema(pa.schema(fields), SCORES, {"labels": json.dumps(labels)})


def check_schema_name(schema: pa.Schema, expected: str, where: str) -> dict[str, Any]:
    """Return our JSON metadata of a schema, or raise SchemaError when it is another table or another version."""
    prefix = b"coarse2fine."
    try:
        metadata = {
            key.decode(): value.decode() for key, value in (schema.metadata or {}).items() if key.startswith(prefix)
        }
    except UnicodeDecodeError as error:
        raise SchemaError(f"{where}: damaged metadata ({error.reason}); write it again") from error
    found = metadata.pop(SCHEMA_KEY.decode(), "") or "no coarse2fine schema name"
    if found != expected:
        raise SchemaError(f"{where}: {found}, expected {expected}; write it again with this version of coarse2fine")
    return {key.removeprefix(prefix.decode()): value for key, value in metadata.items()}
