"""Names of files that are no text: what stands for them in tables is text, and leads back to the same bytes."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.byte_names import WITH_BYTES, as_name, as_text
from data.errors import DecodeError
from data.titles import media_path, named_file

NAMES = st.binary(min_size=1, max_size=20).filter(lambda name: not set(name) & set(b"/\0"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (b"caf\xe9.mkv", r"caf\xe9.mkv"),
        ("café.mkv".encode(), "café.mkv"),
        (rb"back\xe9slash.mkv", r"back\xe9slash.mkv"),  # all of it text: as it is
        (b"both\\xe9 \xe9", r"both\x5cxe9 \xe9"),
    ],
)
def test_odd_bytes_are_written_as_they_are_typed(name, text):
    assert as_text(os.fsdecode(name)) == text


@given(NAMES)
def test_text_can_be_encoded_and_leads_back_to_the_same_bytes_unless_it_was_text(name):
    text = as_text(os.fsdecode(name))
    text.encode()
    if text != os.fsdecode(name):
        assert os.fsencode(as_name(text)) == name


@pytest.mark.parametrize("name", [b"caf\xe9.mkv", rb"back\xe9slash.mkv", "café.mkv".encode(), b"\\xe9 \xe9"])
def test_a_table_leads_to_the_file(tmp_path, name):
    folder = tmp_path / os.fsdecode(b"\xe9t\xe9")
    folder.mkdir()
    path = folder / os.fsdecode(name)
    path.write_bytes(b"here")
    text = as_text(path.relative_to(tmp_path))
    text.encode()
    assert named_file(tmp_path, text).read_bytes() == b"here"
    assert media_path(tmp_path, text) == path


def test_errors_are_text():
    path = Path(os.fsdecode(b"/films/caf\xe9.mkv"))
    assert str(DecodeError(f"{path}: no film")) == r"/films/caf\xe9.mkv: no film"


def test_a_stream_writes_odd_bytes_out_and_all_else_as_its_encoding_can():
    text = os.fsdecode(b"caf\xe9") + " \ud800 é"
    assert text.encode("utf-8", WITH_BYTES).decode() == r"caf\xe9 \ud800 é"
    assert text.encode("ascii", WITH_BYTES).decode() == r"caf\xe9 \ud800 \xe9"
