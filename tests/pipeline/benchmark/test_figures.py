"""What must be true of a figure whatever it looks like: everything that was measured is inside it."""

from data.label_check import LabelCount
from pipeline.benchmark.catalogue import FrameShares, LabelShare
from pipeline.benchmark.figures import draw_counts, draw_labels, draw_methods, draw_shares
from pipeline.benchmark.score_tables import Line
from pipeline.benchmark.scores import Score, table_columns

COLUMNS = table_columns((0.0,))
PROTOCOLS = ("first-occurrence", "all-occurrence")


def lines(means, label="mAP"):
    """Return one method per mean and protocol, under the second protocol with the double."""
    return [
        Line(protocol, f"m{n}", label, (Score(factor * mean, 0.01, (0.0, factor * mean + 0.1), (mean,)),) * 4, 0)
        for factor, protocol in enumerate(PROTOCOLS, 1)
        for n, mean in enumerate(means)
    ]


def test_all_values_are_inside_their_panels_and_failures_are_named():
    failed = Line(PROTOCOLS[0], "m2", "mAP", (None,) * 4, 1)
    trivial = [Line(protocol, "trivial", "mAP", (Score(0.9, None, None, (0.9,)),) * 4, 0) for protocol in PROTOCOLS]
    figure = draw_methods([*lines([0.2, 0.4]), failed], trivial, COLUMNS)
    panels = figure.get_axes()
    assert len(panels) == 2 * len(COLUMNS)
    for panel in panels:
        assert panel.get_xlim()[0] == 0
        assert panel.get_xlim()[1] > 90
    assert [panel.get_title() for panel in panels[:4]] == [column.title for column in COLUMNS]
    assert [text.get_text() for text in panels[0].texts] == ["failed"]
    assert [label.get_text() for label in panels[0].get_yticklabels()] == ["m0", "m1", "m2"]


def test_table_4_has_a_panel_per_label_and_protocol():
    figure = draw_labels([*lines([0.2], "a"), *lines([0.4], "b")], COLUMNS)
    panels = figure.get_axes()
    assert [panel.get_title() for panel in panels] == ["a", "b", "", ""]
    assert panels[3].get_xlim()[1] > 90  # twice 0.4 and 0.1


def test_counts_and_shares_have_a_row_a_label():
    counts = [LabelCount("violence", 3, 1, 0, 3, 20.0, 5, 30.0), LabelCount("other", 0, 4, 0, 0, None, 0, None)]
    clips, means = draw_counts(counts).get_axes()
    assert [bar.get_width() for bar in clips.patches] == [3, 0, 5, 0]
    assert [bar.get_width() for bar in means.patches] == [20, 0, 30, 0]
    shares = FrameShares(("test",), False, 1, 100, (LabelShare("a", 1, 0.01, 0.5),), LabelShare("any", 2, 0.02, 1.0))
    (panel,) = draw_shares(shares).get_axes()
    assert [text.get_text() for text in panel.texts] == ["1.0 %", "2.0 %", "50.0 %", "100.0 %"]
