"""Every format of a small run, byte by byte; run with ``COARSE2FINE_WRITE_GOLDEN=1`` to write the files anew."""

import os
from pathlib import Path

import pytest

from infer.export.settings import FORMATS, ExportSettings
from infer.export.write import export_run

GOLDEN = Path(__file__).parent / "golden"
SETTINGS = ExportSettings(severity={"sex": "medium", "violence": "high", "drug-use": "low"})


def files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_bytes().decode() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("form", FORMATS)
def test_format_is_as_it_was(read, tmp_path, form):
    export_run(read(), form, tmp_path / "out", SETTINGS)
    if os.environ.get("COARSE2FINE_WRITE_GOLDEN"):
        export_run(read(), form, GOLDEN / form, SETTINGS)
    assert files(tmp_path / "out") == files(GOLDEN / form)
