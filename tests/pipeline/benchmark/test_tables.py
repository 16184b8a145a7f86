from data.label_check import LabelCount
from pipeline.benchmark.catalogue import FrameShares, LabelShare
from pipeline.benchmark.score_tables import table_3, table_4, table_5
from pipeline.benchmark.tables import as_csv, as_markdown, runs_table, table_1, table_2
from pipeline.report.tables import read_tables

LABELS = ("a", "b")
TABLE_1 = """\
# Table 1: clips

| label | titles with it | without | unknown | first clips | mean s | all clips | mean s | paper: clips | mean s |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
| violence | 1,200 | 30 | 4 | 1,100 | 28.4 | 2,000 | 25.0 | 20,592 | 28.4 |
| smoking | 1 | 2 | 3 | 0 | - | 0 | - | - | - |
"""
TABLE_2 = """\
# Table 2: shares of frames

| frames | a | b | any |
| --- | --- | --- | --- |
| share of all frames, % | 2.0 | 1.0 | 2.5 |
| share of foreground frames, % | 80.0 | 40.0 | 100.0 |
| frames without per frame with | 49.0 | 99.0 | 39.0 |
| the same among foreground frames | 0.2 | 1.5 | 0.0 |
| times as frequent among foreground frames | 40.0 | 40.0 | 40.0 |

- 10 titles (val, test), 1,000 frames of one second.
- Only first occurrences are labelled: the shares are lower bounds.
- Among foreground frames labels are 40 times as frequent (paper: 30).
"""
TABLE_3 = """\
# Table 3: methods

| protocol | method | 0.0 official | 0.0 strict | 0.5 | AVG official | AVG strict | seeds |
| --- | --- | --- | --- | --- | --- | --- | --- |
| all-occurrence | trivial (random segment) | 31.0 | 2.0 | 0.0 | 15.5 | 1.0 | - |
| all-occurrence | FO | 62.0 ± 2.8 [20.0, 20.0] | 50.0 ± 14.1 [20.0, 20.0] | 30.0 ± 0.0 [20.0, 20.0] \
| 46.0 ± 1.4 [20.0, 20.0] | 40.0 ± 7.1 [20.0, 20.0] | 2 of 3 |
| all-occurrence | FO+VL | failed | failed | failed | failed | failed | 0 of 1 |

- mAP in percent: mean ± standard deviation over seeds [95 % interval over titles].
- *official* accepts any segment of the right title and label at tIoU 0.0, *strict* needs some overlap there; above \
0.0 both are the same. AVG is the mean over tIoU 0, 0.5.
- Settings, chosen on validation: FO: preset (of 1); FO+VL: preset (of 1).
- failed: FO, preset, seed 2: out of memory
- failed: FO+VL, preset, seed 0: training diverged in epoch 1
"""


def standings(make_run, make_standing, make_results):
    """FO with three seeds of which one failed, and FO+VL, which failed."""
    trivial = make_results(0.31, 0.02, 0.0, method="trivial (random segment)")
    draws = [[[0.2, 0.2]] * 4] * 3
    first = make_run("fo", 0, (0.60, 0.40, 0.30), resampled=draws, extra=trivial)
    second = make_run("fo", 1, (0.64, 0.60, 0.30), resampled=draws, extra=trivial)
    failed = make_run("fo", 2, error="out of memory")
    other = make_run("fo-vl", 0, error="training diverged\nin epoch 1")
    return [make_standing("fo", first, second, failed), make_standing("fo-vl", other)]


def test_table_1_stands_beside_the_papers():
    counts = [
        LabelCount("violence", 1200, 30, 4, 1100, 28.44, 2000, 25.0),
        LabelCount("smoking", 1, 2, 3, 0, None, 0, None),
    ]
    assert as_markdown(table_1(counts)) == TABLE_1
    assert "paper" not in as_markdown(table_1(counts[1:]))
    assert as_csv(table_1(counts)).splitlines() == [
        "label,present,absent,unknown,firsts,first_mean_s,occurrences,occurrence_mean_s",
        "violence,1200,30,4,1100,28.44,2000,25",
        "smoking,1,2,3,0,,0,",
    ]


def test_table_2_by_hand():
    shares = FrameShares(
        ("val", "test"),
        True,
        10,
        1000,
        (LabelShare("a", 20, 0.02, 0.8), LabelShare("b", 10, 0.01, 0.4)),
        LabelShare("any", 25, 0.025, 1.0),
    )
    assert as_markdown(table_2(shares)) == TABLE_2
    assert as_csv(table_2(shares)).splitlines()[1] == "a,20,0.02,0.8,49,0.25,40"


def test_table_3_by_hand(make_run, make_standing, make_results):
    table = table_3(standings(make_run, make_standing, make_results), LABELS, 0.95)
    assert as_markdown(table) == TABLE_3
    lines = as_csv(table).splitlines()
    assert lines[0] == "protocol,method,label,tiou,rule,mean,spread,low,high,seeds,failed"
    assert "all-occurrence,FO,mAP,0,gt,0.5,0.141421,0.2,0.2,2,1" in lines
    assert "all-occurrence,FO+VL,mAP,AVG,judged,,,,,0,1" in lines


def test_table_4_has_a_row_per_label(make_run, make_standing, make_results):
    extra = [*make_results(0.9, 0.8, 0.7, label="a"), *make_results(0.3, 0.2, 0.1, label="b")]
    run = make_run("fo", 0, (0.6, 0.5, 0.4), extra=extra)
    table = table_4([make_standing("fo", run)], LABELS, 0.95)
    assert table.rows == (
        ("all-occurrence", "a", "FO", "90.0", "80.0", "70.0", "80.0", "75.0", "1"),
        ("all-occurrence", "b", "FO", "30.0", "20.0", "10.0", "20.0", "15.0", "1"),
    )


def test_protocols_and_labels_without_clips_have_no_rows(make_run, make_standing, make_results):
    """Rows of dashes, from catalogues with first occurrences only and one known absence."""
    nothing = [{**row, "ap_K": [None, None], "average": None} for row in make_results(0, 0, 0)]
    by_firsts = [{**row, "protocol": "first-occurrence"} for row in nothing]
    empty = [{**row, "label": "b"} for row in nothing]
    extra = [*by_firsts, *make_results(0.9, 0.8, 0.7, label="a"), *empty]
    standing = make_standing("fo", make_run("fo", 0, (0.6, 0.5, 0.4), extra=extra))
    assert {row[0] for row in table_3([standing], LABELS, 0.95).rows} == {"all-occurrence"}
    assert [row[1] for row in table_4([standing], LABELS, 0.95).rows] == ["a"]
    failed = make_standing("fo", make_run("fo", 0))
    assert [row[:2] for row in table_4([failed], LABELS, 0.95).rows] == [
        (protocol, label) for protocol in ("first-occurrence", "all-occurrence") for label in LABELS
    ]


def test_table_5_is_the_ablation_alone(make_run, make_standing):
    names = ("sf-net-1", "fo", "fo-vl-regularised", "coarse2fine")
    everything = [make_standing(name, make_run(name, 0, (0.6, 0.5, 0.4))) for name in names]
    methods = [row[1] for row in table_5(everything, LABELS, 0.95).rows]
    assert methods == ["FO", "FO+VL with L_bg, L_lap", "FO+VL+PD (Coarse2Fine)"]
    methods = [row[1] for row in table_3(everything, LABELS, 0.95).rows]
    assert methods == ["SF-Net-1", "FO", "FO+VL+PD (Coarse2Fine)"]


def test_the_appendix_has_every_run_once(make_run, make_standing):
    tuning = [make_run("fo", 0, (0.6, 0.5, 0.4), variant=name, val=val) for name, val in (("x", 0.7), ("y", 0.8))]
    other = make_run("fo", 1, variant="y", error="diverged, twice")
    table = runs_table([make_standing("fo", tuning[1], other, chosen="y", tuning=tuning)])
    assert as_csv(table).splitlines()[1:] == [
        "fo,x,no,0,done,0.7,4,,0.45,60.0,",
        "fo,y,yes,0,done,0.8,4,,0.45,60.0,",
        'fo,y,yes,1,failed,,,,,1.0,"diverged, twice"',
    ]


def test_the_report_reads_the_tables(tmp_path, make_run, make_standing, make_results):
    table = table_3(standings(make_run, make_standing, make_results), LABELS, 0.95)
    (tmp_path / "table3.md").write_text(as_markdown(table))
    (tmp_path / "table3.csv").write_text(as_csv(table))
    (found,) = read_tables(tmp_path)
    assert (found.name, found.header, found.rows) == (table.heading, table.header, table.rows)
