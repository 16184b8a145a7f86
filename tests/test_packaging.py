"""The package names are generic (`data`, `model`, ...): guard that ours are the ones that are imported."""

import importlib
import importlib.metadata
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("pipeline", "extract", "model", "infer", "data")


@pytest.mark.parametrize("name", PACKAGES)
def test_each_package_is_ours(name):
    found = importlib.import_module(name).__file__
    assert found is not None
    ours = importlib.metadata.distribution("coarse2fine")
    installed = Path(str(ours.locate_file(name))) / "__init__.py"
    assert Path(found) in (ROOT / name / "__init__.py", installed)


@pytest.mark.parametrize("name", PACKAGES)
def test_no_other_distribution_ships_a_package_of_this_name(name):
    owners = importlib.metadata.packages_distributions().get(name, ["coarse2fine"])
    assert set(owners) == {"coarse2fine"}


def test_no_init_file_below_tests_shadows_a_package():
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_package_init_files_are_a_docstring_only():
    for name in PACKAGES:
        text = (ROOT / name / "__init__.py").read_text()
        assert text.startswith('"""')
        assert text.rstrip().endswith('"""')


def test_a_wheel_holds_the_starter_and_what_is_read_at_run_time(tmp_path):
    source = tmp_path / "source"
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = "from setuptools.build_meta import build_wheel; import sys; build_wheel(sys.argv[1])"
    made = subprocess.run(
        [sys.executable, "-c", build, str(tmp_path)], cwd=source, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    (wheel,) = tmp_path.glob("*.whl")
    files = {file.filename: file.file_size for file in zipfile.ZipFile(wheel).infolist()}
    for name in ("model.safetensors", "model.json", "MODEL_CARD.md"):
        assert files[f"pipeline/starter/{name}"] == (ROOT / "pipeline" / "starter" / name).stat().st_size
    assert sum(size for name, size in files.items() if name.startswith("pipeline/starter/")) <= 6_000_000
    assert {"pipeline/configs/tuned.toml", "pipeline/templates/report.html"} <= set(files)


def test_the_command_is_installed():
    scripts = importlib.metadata.entry_points(group="console_scripts", name="coarse2fine")
    assert [script.value for script in scripts] == ["pipeline.cli:main"]
