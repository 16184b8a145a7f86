"""Asking object stores, through fsspec: one request at a time, each bounded in time, and asked again when it fails.

A store throttles, cuts connections and stalls, and mends itself within seconds or minutes. So every request has a
deadline, and one that failed is repeated, ever more slowly, until ``patience_s`` has passed; then a ``StoreError`` ends
the run, because it says nothing about a title. Answers are not failures: that there is no such object, or that access
is denied, is reported at once, as the error that a file system would raise.

The libraries below have retries of their own, several layers of them; those are switched off or kept short, so that
time is bounded here. fsspec is imported when the first store is asked.
"""

from __future__ import annotations

import errno
import logging
import re
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import cache
from typing import Any

from data.errors import ConfigError, StoreError

logger = logging.getLogger(__name__)

EXTRAS = {"s3": "s3"}
QUICK_RETRIES = 3  # by s3fs, within a second and within the deadline: for single parts of large uploads
_ANSWERS: dict[type[OSError], int] = {
    FileNotFoundError: errno.ENOENT,
    PermissionError: errno.EACCES,
    FileExistsError: errno.EEXIST,
    IsADirectoryError: errno.EISDIR,
    NotADirectoryError: errno.ENOTDIR,
}
_FINAL = (errno.EINVAL, errno.ENOSYS, getattr(errno, "EREMCHG", errno.EINVAL))
_SLOWEST_BYTES_PER_S = 250_000
_LONGEST_PAUSE_S = 15.0
_DAMAGED_ON_THE_WAY = ("IncompleteBody", "BadDigest", "XAmzContentSHA256Mismatch")  # what S3 says of some uploads


class _Process:
    """What all requests of this process follow; see ``configure``."""

    timeout_s = 30.0
    patience_s = 180.0


_giving_up = threading.Event()


def configure(*, timeout_s: float, patience_s: float) -> None:
    """Say how long a store may take, for all requests of this process from now on.

    That is the process's own, as its working directory is: paths reach a store from anywhere, as they reach the disk.

    Args:
        timeout_s: a request that takes longer has failed; beside what its bytes take at 250 kB/s.
        patience_s: a request that keeps failing is repeated for so long.
    """
    _Process.timeout_s, _Process.patience_s = timeout_s, patience_s
    _giving_up.clear()


def configured() -> dict[str, float]:
    """Return what ``configure`` was told, for processes of other machines that work for this one."""
    return {"timeout_s": _Process.timeout_s, "patience_s": _Process.patience_s}


def deadline_s(size_bytes: int) -> float:
    """Return how long a request for so many bytes may take."""
    return _Process.timeout_s + size_bytes / _SLOWEST_BYTES_PER_S


def give_up() -> None:
    """Repeat no request from now on: the process is about to end, and its threads must not wait for a store."""
    _giving_up.set()


def require_filesystem(protocol: str) -> None:
    """Find out whether a kind of store can be used here.

    Raises:
        ConfigError: fsspec does not know it, or its library is not installed.
    """
    from fsspec import get_filesystem_class

    try:
        get_filesystem_class(protocol)
    except ValueError as error:
        raise ConfigError(f"{protocol}://: not a kind of store that fsspec knows; use for example s3://") from error
    except ImportError as error:
        extra = EXTRAS.get(protocol)
        install = f"pip install -c constraints.txt '.[{extra}]'" if extra else f"install its library ({error})"
        raise ConfigError(f"{protocol}:// needs a library that is not installed: {install}") from error


def ask(url: str, request: str, *arguments: Any, size_bytes: int = 0, **options: Any) -> Any:
    """Have the store of a URL do something, again and again while it fails.

    Args:
        url: what it is about.
        request: name of a method of fsspec's file systems.
        arguments: of that method; the URL alone by default.
        size_bytes: of what is sent or fetched.

    Raises:
        FileNotFoundError, PermissionError, FileExistsError, IsADirectoryError, NotADirectoryError: the answer.
        StoreError: no answer within ``patience_s``, or the request makes no sense to the store.
    """
    from tenacity import (
        RetryError,
        Retrying,
        retry_if_exception_type,
        sleep_using_event,
        stop_after_delay,
        stop_when_event_set,
        wait_random_exponential,
    )

    attempts = Retrying(
        retry=retry_if_exception_type(_UnansweredError),
        sleep=sleep_using_event(_giving_up),
        stop=stop_after_delay(_Process.patience_s) | stop_when_event_set(_giving_up),
        wait=wait_random_exponential(multiplier=0.25, max=_LONGEST_PAUSE_S),
        before_sleep=lambda state: logger.warning("%s", state.outcome.exception() if state.outcome else url),
    )
    call = _bound(url, request, arguments or (url,), options, deadline_s(size_bytes))
    try:
        return attempts(_attempt, call, url)
    except RetryError as error:
        unanswered = error.last_attempt.exception()
        raise StoreError(
            f"{unanswered}; given up after [storage] patience_s = {_Process.patience_s:g}: see to the store, then "
            "run again (nothing is recorded against a title)"
        ) from unanswered


def is_refusal(error: StoreError) -> bool:
    """Say whether the store understood a request, and refused it."""
    return isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EINVAL


def submit(url: str, request: str, *arguments: Any, size_bytes: int = 0, **options: Any) -> Future[Any] | None:
    """Begin a request without waiting for it, once and without repeating it; None for stores that cannot."""
    import asyncio

    filesystem = _filesystem(_protocol(url))
    if not filesystem.async_impl:
        return None
    coroutine = getattr(filesystem, f"_{request}")(*(arguments or (url,)), **options)
    return asyncio.run_coroutine_threadsafe(asyncio.wait_for(coroutine, deadline_s(size_bytes)), filesystem.loop)


class _UnansweredError(Exception):
    """A request that failed and may be repeated."""


def _bound(
    url: str, request: str, arguments: tuple[Any, ...], options: dict[str, Any], timeout_s: float
) -> Callable[[], Any]:
    filesystem = _filesystem(_protocol(url))
    if not filesystem.async_impl:
        return lambda: getattr(filesystem, request)(*arguments, **options)
    from fsspec.asyn import sync

    method = getattr(filesystem, f"_{request}")
    return lambda: sync(filesystem.loop, method, *arguments, timeout=timeout_s, **options)


def _attempt(call: Callable[[], Any], url: str) -> Any:
    try:
        return call()
    except tuple(_ANSWERS) as error:
        kind = next(kind for kind in _ANSWERS if isinstance(error, kind))
        raise kind(_ANSWERS[kind], error.strerror or _words(error) or kind.__name__, url) from error
    except Exception as error:  # libraries of stores raise anything
        said = f"{url}: the store said {type(error).__name__}: {_words(error)}"
        if _is_final(error):
            raise StoreError(f"{said}; correct the URL, the credentials or the store's settings") from error
        raise _UnansweredError(said) from error


def _is_final(error: Exception) -> bool:
    """Say whether repeating a request would not help."""
    if isinstance(error, OSError):
        answer = getattr(error.__cause__, "response", None) or {}
        return error.errno in _FINAL and answer.get("Error", {}).get("Code") not in _DAMAGED_ON_THE_WAY
    return isinstance(error, (TypeError, ValueError)) or "Credentials" in type(error).__name__


def without_secrets(text: str) -> str:
    """Return a text with user, password and query of every URL in it left out."""
    text = re.sub(r"(://)[^/\s@]*@", r"\1", text)
    return re.sub(r"(://[^\s?'\"]*)\?[^\s'\"]*", r"\1", text)


def _words(error: BaseException) -> str:
    return without_secrets(str(error))[:300]


def _protocol(url: str) -> str:
    return url.partition("://")[0]


@cache
def _filesystem(protocol: str) -> Any:
    import fsspec

    options: dict[str, Any] = {}
    if protocol == "s3":  # one attempt, no listing remembered: another process may have changed it
        config = {"retries": {"total_max_attempts": 1}, "connect_timeout": 10, "read_timeout": 3600}
        options = {"use_listings_cache": False, "max_concurrency": 1, "config_kwargs": config}
    filesystem = fsspec.filesystem(protocol, **options)
    if protocol == "s3":
        filesystem.retries = QUICK_RETRIES
    return filesystem
