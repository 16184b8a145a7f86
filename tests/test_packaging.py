"""The package names are generic (`data`, `model`, ...): guard that ours are the ones that are imported."""

import importlib
import importlib.metadata
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


def test_the_command_is_installed():
    scripts = importlib.metadata.entry_points(group="console_scripts", name="coarse2fine")
    assert [script.value for script in scripts] == ["pipeline.cli:main"]
