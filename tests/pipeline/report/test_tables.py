import pytest

from data.errors import ConfigError
from pipeline.report.tables import Table, read_tables


def test_csv_and_markdown(tmp_path):
    (tmp_path / "table1.csv").write_text('label,clips\nviolence,"1,234"\nsex\n')
    (tmp_path / "table2.csv").write_text("ignored\n")
    (tmp_path / "table2.md").write_text("# Methods\n\n| method | AVG |\n|:--|--:|\n| a \\| b | 1.0 |\n\ntext\n")
    (tmp_path / "table3.md").write_text("no table here\n")
    (tmp_path / "log.txt").write_text("x")
    assert read_tables(tmp_path) == [
        Table("table1", ("label", "clips"), (("violence", "1,234"), ("sex", ""))),
        Table("Methods", ("method", "AVG"), (("a \\| b", "1.0"),)),
        Table("table3", (), (), "no table here"),
    ]


def test_a_folder_without_tables_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match=r"no \.csv or \.md table in it; name the folder that `benchmark` wrote"):
        read_tables(tmp_path / "nowhere")


def test_a_table_that_is_not_text_is_an_error(tmp_path):
    (tmp_path / "table1.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"table1\.csv: not UTF-8"):
        read_tables(tmp_path)
