import pytest
from hypothesis import given
from hypothesis import strategies as st

from infer.evaluation import JUDGED, MEAN
from pipeline.report.measures import measures

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["rows", "label", "frames", "segments", "reliability", "ap_K", "rule", "interval"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)
RESULT = {
    "protocol": "first-occurrence",
    "rule": "judged",
    "method": "model",
    "label": "mAP",
    "ap_K": [0.5, 0.25],
    "average": 0.375,
    "interval": [0.1, 0.6],
    "clips": 4,
}
OPERATOR = {
    "protocol": "first-occurrence",
    "label": "violence",
    "frames": {
        "average_precision": 0.5,
        "auroc": None,
        "calibration_error": 0.02,
        "reliability": [{"mean_score": 0.05, "positive_share": 0.01, "samples": 100}, {"mean_score": "broken"}],
    },
    "segments": {"flag": 0.0152, "recall": 0.75, "precision": 0.6, "false_per_hour": 2.5},
}


def test_map_and_operating_points_are_tables_of_text():
    made = measures(
        "test",
        {
            "tiou_thresholds": [0.0, 0.1],
            "results": [RESULT, {**RESULT, "rule": "ge"}],
            "operator": {"rows": [OPERATOR], "unscored": 0},
        },
    )
    assert made.precision[0][3:6] == ["tIoU 0", "tIoU 0.1", "mean"]
    assert made.precision[1:] == [
        ["first-occurrence", "model", "mAP", "50.0 %", "25.0 %", "37.5 %", "10.0 % to 60.0 %", "4"]
    ]
    values = dict(zip(made.operating[0], made.operating[1]))
    assert values["recall"] == "75.0 %"
    assert values["flagged from"] == "0.0152"
    assert values["frame AUROC"] == values["title AP"] == "-"
    assert made.reliability == {"violence, first-occurrence": [(0.05, 0.01, 100)]}


def test_an_older_evaluation_has_no_operating_points():
    made = measures("test", {"tiou_thresholds": [0.0, 0.1], "results": [RESULT]})
    assert (len(made.precision), made.operating, made.reliability) == (2, [], {})


@given(st.dictionaries(st.sampled_from(["results", "tiou_thresholds", "operator", "x"]), json_values))
def test_whatever_is_in_the_file_the_report_opens(evaluation):
    made = measures("test", evaluation)
    for table in (made.precision, made.operating):
        assert all(len(row) == len(table[0]) for row in table)
        assert all(isinstance(cell, str) for row in table for cell in row)


@pytest.mark.parametrize(
    ("whole", "random", "said"),
    [
        (0.61, 0.2, ["all-occurrence: flagging every title whole would score higher by this measure: 61.0 % against"]),
        (0.3, 0.56, ["all-occurrence: a random segment of every title would score higher by this measure: 56.0 %"]),
        (0.3, 0.2, []),
        (0.55, 0.2, []),  # as high is not higher
    ],
)
def test_a_trivial_row_above_the_model_is_said_in_words(whole, random, said):
    averages = {"model": 0.55, "trivial (whole title)": whole, "trivial (random segment)": random}
    rows = [
        {
            "protocol": "all-occurrence",
            "rule": JUDGED,
            "method": method,
            "label": MEAN,
            "average": average,
            "ap_K": [],
        }
        for method, average in averages.items()
    ]
    rows.append({**rows[0], "protocol": "first-occurrence", "average": None})
    above = measures("test", {"results": rows}).above
    assert [line[: len(start)] for line, start in zip(above, said, strict=True)] == said
