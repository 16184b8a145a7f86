from dataclasses import asdict, replace

import pyarrow as pa
import pytest

from data.errors import SchemaError
from data.schemas import (
    COVERAGE_SCHEMA,
    FEATURES,
    SEGMENTS,
    SEGMENTS_SCHEMA,
    TITLES_SCHEMA,
    Coverage,
    FeatureSpec,
    Segment,
    check_schema_name,
    features_schema,
    scores_schema,
)

SPEC = FeatureSpec("resnet50", "ab" * 32, 2048, "presented-1fps/1", "full", True, 224)
COVERAGE = Coverage("a", "a.mp4", "00", "pyav", "mp4", "h264", 1920, 1080, 0, 10.0, 10.0, 10, 0, True, "")


@pytest.mark.parametrize(
    "change",
    [
        {"backbone": "timm:x"},
        {"weights_sha256": "cd"},
        {"width": 1280},
        {"sampling": "imported"},
        {"framing": "center-crop"},
        {"letterbox": False},
        {"input_px": 256},
        {"precision": "int8:onnxruntime:00"},
    ],
)
def test_every_field_of_a_spec_decides_whether_features_may_be_mixed(change: dict[str, object]) -> None:
    other = FeatureSpec(**{**asdict(SPEC), **change})
    assert other.features_id != SPEC.features_id
    (key,) = change
    assert SPEC.difference(other) == f"{key} {asdict(SPEC)[key]!r} is not {change[key]!r}"
    assert SPEC.difference(replace(SPEC)) == ""
    assert SPEC.features_id == replace(SPEC).features_id


def test_columns_are_those_of_the_documented_tables() -> None:
    documented = """run_id title_id label segment_index start_s end_s score score_mean foreground_peak conditional_peak
        title_score threshold title_threshold decision peak_s model_id features_id name path"""
    assert SEGMENTS_SCHEMA.names == documented.split()
    assert {"title_id", "status", "duration_s", "decoded_s", "coverage", "error_code"} <= set(TITLES_SCHEMA.names)
    assert scores_schema(("sex", "drug-use")).names == [
        *("title_id", "time_s", "foreground"),
        *("conditional_sex", "conditional_drug-use", "action_sex", "action_drug-use"),
    ]


def test_rows_fit_their_tables() -> None:
    assert set(asdict(COVERAGE)) <= set(COVERAGE_SCHEMA.names)
    fields = set(Segment.__dataclass_fields__)
    assert fields <= set(SEGMENTS_SCHEMA.names)
    assert set(SEGMENTS_SCHEMA.names) - fields == {"run_id", "model_id", "features_id", "name", "path"}


def test_features_are_fixed_size_half_floats_that_may_not_be_null() -> None:
    field = features_schema(SPEC, COVERAGE).field("feature")
    assert field.type == pa.list_(pa.field("element", pa.float16(), nullable=False), 2048)
    assert not field.nullable


def test_the_schema_name_guards_table_and_version() -> None:
    schema = features_schema(SPEC, COVERAGE)
    assert check_schema_name(schema, FEATURES, "x")["features_id"] == SPEC.features_id
    with pytest.raises(SchemaError, match=r"x: features/1, expected segments/1; write it again"):
        check_schema_name(schema, SEGMENTS, "x")
    with pytest.raises(SchemaError, match=r"x: features/1, expected features/2"):
        check_schema_name(schema, "features/2", "x")
    with pytest.raises(SchemaError, match="x: no coarse2fine schema name, expected features/1"):
        check_schema_name(schema.remove_metadata(), FEATURES, "x")


def test_metadata_that_are_no_text_are_damage() -> None:
    schema = features_schema(SPEC, COVERAGE)
    damaged = schema.with_metadata({**schema.metadata, b"coarse2fine.coverage": b"\xff"})
    with pytest.raises(SchemaError, match=r"x: damaged metadata \(invalid start byte\); write it again"):
        check_schema_name(damaged, FEATURES, "x")
