import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.files import atomic_path, file_sha256, fingerprint, temporaries_below, write_json, write_text

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def test_the_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    with atomic_path(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        assert temporary.parent == path.parent
        assert temporary.name.startswith(".tmp-")
    assert path.read_text() == "half"
    assert list(path.parent.iterdir()) == [path]


def test_a_failing_writer_leaves_no_file_and_the_old_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    for expected in (False, True):
        with pytest.raises(RuntimeError, match="disk on fire"), atomic_path(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError("disk on fire")
        assert path.exists() == expected
        write_text(path, "old")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupt_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_writer_that_wrote_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a.txt"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_is_something(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "")
    assert (tmp_path / "a.txt").read_bytes() == b""
    assert (tmp_path / "a.txt").stat().st_mtime > 1e9


WRITER = """
import sys, time
from pathlib import Path
from data.files import atomic_path
with atomic_path(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print("half", flush=True)
    time.sleep(600)
"""


def test_what_a_writer_is_at_is_left_behind_only_once_it_is_dead(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, tmp_path / "a.txt"], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"half\n"
        (temporary,) = tmp_path.iterdir()
        assert list(temporaries_below(tmp_path)) == []
        writer.kill()
    assert list(temporaries_below(tmp_path)) == [temporary]


def test_the_longest_title_id_still_has_a_temporary_name(tmp_path: Path) -> None:
    path = tmp_path / f"{'x' * 128}.parquet"
    write_text(path, "")
    assert path.exists()


def test_json_is_readable_and_refuses_nan(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": 1, "a": "é"})
    assert json.loads((tmp_path / "a.json").read_text()) == {"b": 1, "a": "é"}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"b": float("nan")})
    assert json.loads((tmp_path / "a.json").read_text()) == {"b": 1, "a": "é"}


@given(value=st.dictionaries(st.text(), json_values, max_size=5))
def test_equal_values_have_equal_fingerprints_in_any_key_order(value: dict[str, object]) -> None:
    backwards = dict(reversed(value.items()))
    assert fingerprint(backwards) == fingerprint(value)
    assert fingerprint({"outer": backwards}) == fingerprint({"outer": value})
    assert fingerprint(json.loads(json.dumps(value))) == fingerprint(value)
    assert len(fingerprint(value)) == 16


@given(left=json_values, right=json_values)
def test_different_values_have_different_fingerprints(left: object, right: object) -> None:
    same = json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)
    assert (fingerprint(left) == fingerprint(right)) == same


def test_a_fingerprint_is_the_hash_of_canonical_json() -> None:
    assert fingerprint({"b": [1, 2.5], "a": None}) == hashlib.sha256(b'{"a":null,"b":[1,2.5]}').hexdigest()[:16]
    with pytest.raises(ValueError, match="not JSON compliant"):
        fingerprint({"a": float("inf")})


def test_file_hashes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert file_sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_file_of_the_longest_name_in_any_script_can_be_written(tmp_path: Path) -> None:
    for name in ("語" * 83 + ".edl", "x" * 251 + ".edl", "é" * 125 + "a.edl"):
        write_text(tmp_path / name, "x")
        assert [path.name for path in tmp_path.iterdir()] == [name]
        (tmp_path / name).unlink()
