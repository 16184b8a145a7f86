"""The schema of every table that passes from one night to the next: the ledger, and what differs between two runs.

Those between stages are in ``data.schemas``. Not in the paper.
"""

from __future__ import annotations

import pyarrow as pa

from data.schemas import named_schema

LEDGER = "ledger/1"
DIFF = "diff/1"

LEDGER_SCHEMA = named_schema(
    pa.schema(
        [
            pa.field("title_id", pa.string(), nullable=False),
            pa.field("stage", pa.string(), nullable=False),
            pa.field("status", pa.string(), nullable=False),
            pa.field("attempts", pa.int32(), nullable=False),
            pa.field("error_code", pa.string(), nullable=False),
            pa.field("error", pa.string(), nullable=False),
            pa.field("source", pa.string()),
            pa.field("source_size_bytes", pa.int64()),
            pa.field("source_mtime_ns", pa.int64()),
            pa.field("source_sha256", pa.string()),
            pa.field("features_id", pa.string()),
            pa.field("seconds", pa.float64(), nullable=False),
            pa.field("updated_at", pa.string(), nullable=False),
            pa.field("given_up", pa.bool_(), nullable=False),
        ]
    ),
    LEDGER,
)

DIFF_SCHEMA = named_schema(
    pa.schema(
        [
            pa.field("title_id", pa.string(), nullable=False),
            pa.field("label", pa.string()),
            pa.field("change", pa.string(), nullable=False),
            pa.field("before", pa.string()),
            pa.field("after", pa.string()),
            pa.field("start_s_before", pa.float64()),
            pa.field("end_s_before", pa.float64()),
            pa.field("score_before", pa.float64()),
            pa.field("start_s_after", pa.float64()),
            pa.field("end_s_after", pa.float64()),
            pa.field("score_after", pa.float64()),
            pa.field("tiou", pa.float64()),
        ]
    ),
    DIFF,
)
