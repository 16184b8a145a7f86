"""What a decode process gives up, tried out from inside one; and the tables behind it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from data.errors import ConfigError
from extract import decode_worker, landlock, seccomp
from extract.decode_pool import Limits, decode
from extract.decode_worker import WorkerConfig
from extract.sandbox import missing
from extract.sandbox_trial import try_sandbox

HEADERS = [Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), Path("/usr/include/asm-generic/unistd.h")]
NEW_CALLS = {"fchmodat2"}  # newer than some headers

walled = pytest.mark.skipif(bool(missing()), reason=f"this kernel has no {' and no '.join(missing())}")


def test_limits_hold_on_every_system(tmp_path):
    limits = {measure.forbids: measure.held for measure in try_sandbox(tmp_path, "off") if measure.is_limit}
    assert len(limits) == 5
    assert all(limits.values()), limits


@walled
def test_a_confined_process_can_do_nothing_but_read_its_film(tmp_path):
    (tmp_path / "a").mkdir()
    measures = try_sandbox(tmp_path / "a", "required")
    assert [measure.forbids for measure in measures if not measure.held] == []
    assert len(measures) == 16
    assert not (tmp_path / "a" / "new").exists() or (tmp_path / "a" / "new").stat().st_size == 0


@walled
def test_the_trial_notices_what_is_not_enforced(tmp_path):
    possible = {measure.forbids for measure in try_sandbox(tmp_path, "off") if not measure.held}
    assert {"read other files", "change files", "reach the network", "start processes"} <= possible


def test_required_is_an_error_where_the_kernel_cannot(monkeypatch):
    monkeypatch.setattr(decode_worker, "missing", lambda: ["Landlock", "seccomp"])
    config = WorkerConfig("fake_reader:FakeReader", "full", False, 8, None, sandbox="required")
    reader, fault = decode_worker._load(config)
    assert (reader, fault) == (
        None,
        'sandbox = "required" in [extract], but this system has no Landlock and no seccomp',
    )


@walled
def test_another_film_cannot_be_read(tmp_path, monkeypatch, clip):
    """Not even under a name in the same folder."""
    (tmp_path / "curious.py").write_text(
        "from extract.pyav_reader import PyAvReader\n"
        "def Reader(path):\n"
        "    return PyAvReader(path.with_name('other.mp4'))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("film.mp4", "other.mp4"):
        clip(name, [0, 1])
    config = WorkerConfig("curious:Reader", "full", False, 32, 2048)
    ends = list(decode([tmp_path / "film.mp4"], config, Limits(1, 60, 60)))
    assert str(ends[0].error) == "other.mp4: cannot be read (Permission denied); check the path"


def test_an_unusable_reader_names_itself(tmp_path):
    config = WorkerConfig("no_such_reader:Reader", "full", False, 8, None)
    with pytest.raises(ConfigError, match="no_such_reader: cannot be used here"):
        list(decode([tmp_path / "x"], config, Limits(1, 60, 60)))


@pytest.mark.parametrize("column", [0, 1])
def test_numbers_of_system_calls_are_the_kernel_s(column):
    if not HEADERS[column].exists():
        pytest.skip(f"{HEADERS[column]} is not installed")
    text = HEADERS[column].read_text()
    known = {name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+) (\d+)", text)}
    single = {"clone": seccomp.CLONE, "kill": seccomp.KILL, "tgkill": seccomp.TGKILL, "openat": seccomp.OPENAT}
    tables = (seccomp.NETWORK, seccomp.PROCESSES, seccomp.FILES, seccomp.KERNEL, seccomp.ABSENT, single)
    ours = {name: numbers[column] for table in tables for name, numbers in table.items() if numbers[column] is not None}
    wrong = {name: number for name, number in ours.items() if known.get(name, number) != number}
    assert wrong == {}
    assert len(ours) - len(ours.keys() & known.keys()) <= len(NEW_CALLS) + 2


def test_landlock_is_zero_or_a_version():
    assert landlock.version() in range(100)


REFUSED_BY_DOCKER = (
    "unshare setns mount umount2 pivot_root chroot open_tree move_mount fsopen fsmount fspick "
    "mount_setattr bpf perf_event_open userfaultfd keyctl add_key request_key init_module finit_module "
    "delete_module kexec_load kexec_file_load reboot swapon swapoff syslog quotactl acct settimeofday "
    "clock_settime kcmp pidfd_getfd process_madvise iopl ioperm open_by_handle_at fanotify_init "
    "personality"
)
"""By Docker's default profile, of an ordinary user without capabilities, and none of them is needed to be confined."""

IN_A_CONTAINER = """
import ctypes, os, sys
from pathlib import Path
from extract import seccomp
from extract.kernel import prctl
from extract.sandbox_trial import try_sandbox
calls = seccomp.PROCESSES | seccomp.FILES | seccomp.KERNEL
seccomp.NETWORK, seccomp.FILES, seccomp.KERNEL = {}, {}, {}
seccomp.PROCESSES = {name: calls[name] for name in sys.argv[2].split()}
seccomp.ABSENT = {"clone3": seccomp.ABSENT["clone3"]}
seccomp.CLONE = seccomp.OPEN = seccomp.OPENAT = seccomp.KILL = seccomp.TGKILL = (None, None)
seccomp.refuse_calls()
for measure in try_sandbox(Path(sys.argv[1])):
    print(measure)
"""


@walled
def test_a_decoder_is_confined_within_what_docker_refuses_to_a_container(tmp_path):
    """Filters of system calls add up: one from outside must not keep a decoder from giving up the rest."""
    arguments = [sys.executable, "-c", IN_A_CONTAINER, str(tmp_path), REFUSED_BY_DOCKER]
    inside = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert inside.returncode == 0, inside.stderr
    assert inside.stdout.splitlines() == [str(measure) for measure in try_sandbox(tmp_path)]
