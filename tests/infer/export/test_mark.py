"""The mark of a file beside a film: players read the file as before, and nobody can change a byte unnoticed."""

import hashlib
import re
from dataclasses import replace

import av
import pytest
import webvtt
from hypothesis import given
from hypothesis import strategies as st

from infer.export.mark import Hand, hand_in, marked
from infer.export.settings import ExportSettings
from infer.export.write import renderer

SETTINGS = ExportSettings(severity={"sex": "medium", "violence": "high", "drug-use": "low"})
FORMS = ("edl", "mcf", "srt", "webvtt")
SHA256 = "0" * 63 + "a"


@pytest.fixture
def files(read):
    """Return the title's file without and with its mark, by format."""
    run = read()

    def make(title):
        plain = {form: renderer(run, form, SETTINGS)(title) for form in FORMS}
        return plain, {form: marked(text, form, title) for form, text in plain.items() if text is not None}

    return run.titles[0], make


def test_the_mark_is_one_and_whole_in_every_format(files):
    title, make = files
    for form, text in make(title)[1].items():
        assert len(re.findall(r"coarse2fine-sha256 [0-9a-f]{64}", text)) == 1, form
        assert hand_in(text.encode()) is Hand.OURS
        assert text.endswith("\n")
        assert not text.endswith("\n\n")


def test_kodi_reads_the_same_edits_and_passes_over_the_mark(files):
    title, make = files
    plain, sealed = make(title)
    edits = [line for line in sealed["edl"].splitlines() if not line.startswith("##")]
    assert edits == [line for line in plain["edl"].splitlines() if not line.startswith("##")]
    [mark] = [line for line in sealed["edl"].splitlines() if "sha256" in line]
    assert mark.startswith("## ")  # two words, else Kodi warns of the line
    assert len(mark.encode()) < 1024  # Kodi reads so much of a line at once


def test_no_line_is_longer_than_kodi_reads_at_once(files):
    title, make = files
    long = replace(title, row=replace(title.row, name="/".join(["千と千尋の神隠し" * 20] * 6)))
    lines = make(long)[1]["edl"].splitlines()
    assert max(len(line.encode()) for line in lines) <= 1000
    assert [line for line in lines if not line.startswith("## ")] == [
        line for line in make(title)[1]["edl"].splitlines() if not line.startswith("## ")
    ]


def test_moviecontentfilter_has_the_mark_in_the_comment_of_its_last_cue(files):
    title, make = files
    plain, sealed = make(title)
    without = re.sub(r"; coarse2fine-sha256 [0-9a-f]{64}$", "", sealed["mcf"], flags=re.MULTILINE)
    assert without == plain["mcf"]
    assert all(re.fullmatch(r"[A-Za-z]+=(low|medium|high) # .*", line) for line in sealed["mcf"].splitlines()[7::3])


def test_webvtt_has_no_cue_more_and_subrip_one_of_a_millisecond(files, tmp_path):
    title, make = files
    plain, sealed = make(title)
    (tmp_path / "plain.vtt").write_text(plain["webvtt"])
    (tmp_path / "sealed.vtt").write_text(sealed["webvtt"])
    captions = [[str(c) for c in webvtt.read(tmp_path / f"{name}.vtt").captions] for name in ("plain", "sealed")]
    assert captions[0] == captions[1]
    (tmp_path / "plain.srt").write_text(plain["srt"])
    (tmp_path / "sealed.srt").write_text(sealed["srt"])
    packets = {}
    for name in ("plain", "sealed"):
        with av.open(str(tmp_path / f"{name}.srt")) as container:
            packets[name] = [(p.pts, p.duration, bytes(p)) for p in container.demux() if p.pts is not None]
    *same, (pts, duration, text) = packets["sealed"]
    assert same == packets["plain"]
    assert duration == 1
    assert text.startswith(b"coarse2fine-sha256 ")
    assert pts >= max(start + length for start, length, _ in same)
    numbers = re.findall(r"^(\d+)$", sealed["srt"], flags=re.MULTILINE)
    assert numbers == [str(number) for number in range(1, len(numbers) + 1)]


def test_a_film_whose_name_looks_like_a_mark_is_known_all_the_same(files):
    title, make = files
    named = replace(title, row=replace(title.row, name=f"coarse2fine-sha256 {SHA256}"))
    for text in make(named)[1].values():
        assert hand_in(text.encode()) is Hand.OURS


def test_a_file_without_a_mark_is_somebody_elses():
    for content in (b"", b"5 9 0\n", b"## coarse2fine\n", b"\xff\xfe\x00", b"coarse2fine-sha256 00\n"):
        assert hand_in(content) is Hand.FOREIGN
    assert hand_in(f"## coarse2fine-sha256 {SHA256}\n1 2 3\n".encode()) is Hand.CHANGED


@given(st.data())
def test_no_byte_can_change_unnoticed(data):
    content = b"## coarse2fine-sha256 %s\n## title a\n10.000 20.500 3\n"
    rest = b"## \n## title a\n10.000 20.500 3\n"
    content %= hashlib.sha256(rest).hexdigest().encode()
    assert hand_in(content) is Hand.OURS
    place = data.draw(st.integers(0, len(content) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != content[place]))
    changed = content[:place] + bytes([byte]) + content[place + 1 :]
    assert hand_in(changed) is not Hand.OURS
