from pathlib import Path

import pytest

from data.errors import DecodeError
from data.titles import media_path, title_id_fault


@pytest.mark.parametrize("title_id", ["tt0123", "007", "NA", "a.b_c-D", "-", "...", "x" * 128, ".hidden"])
def test_allowed_ids(title_id: str) -> None:
    assert title_id_fault(title_id) == ""


@pytest.mark.parametrize("title_id", ["", ".", "..", "a/b", "a b", "é", "a\n", "x" * 129, "٣", ".tmp-x", "a\\b"])
def test_refused_ids(title_id: str) -> None:
    assert "is not allowed; write 1 to 128 of A-Z a-z 0-9 . _ -" in title_id_fault(title_id)


def test_paths_inside_the_media_root(tmp_path: Path) -> None:
    root = tmp_path / "media"
    (root / "a").mkdir(parents=True)
    (tmp_path / "link").symlink_to(root)
    assert media_path(root, "a/x.mp4") == root.resolve() / "a/x.mp4"
    assert media_path(root, "a/../y.mp4") == root.resolve() / "y.mp4"
    assert media_path(root, str(root / "z.mp4")) == root.resolve() / "z.mp4"
    assert media_path(tmp_path / "link", "a/x.mp4") == root.resolve() / "a/x.mp4"


@pytest.mark.parametrize("path", ["../x.mp4", "a/../../x.mp4", "/etc/passwd", "out/x.mp4", ".", "", "../media2/x.mp4"])
def test_paths_that_leave_the_media_root(tmp_path: Path, path: str) -> None:
    root = tmp_path / "media"
    root.mkdir()
    (tmp_path / "media2").mkdir()
    (root / "out").symlink_to(tmp_path)
    with pytest.raises(DecodeError, match="is not inside the media root") as caught:
        media_path(root, path)
    assert caught.value.code == "path"
    assert not caught.value.systemic


def test_paths_that_cannot_be_resolved(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path in ("loop/x.mp4", "a\0b"):
        with pytest.raises(DecodeError, match="cannot be resolved"):
            media_path(tmp_path, path)
