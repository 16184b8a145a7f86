"""Which engine runs the titles: ``local``, or ``ray``, which is an extra."""

from __future__ import annotations

from importlib.util import find_spec

from data.errors import ConfigError

LOCAL, RAY = "local", "ray"


def require_engine(engine: str) -> None:
    """Raise ConfigError unless what an engine needs is installed."""
    if engine != LOCAL:
        require_ray()


def require_ray() -> None:
    """Raise ConfigError unless the extra ``ray`` is installed; it is not imported, which takes a second."""
    if find_spec("ray") is None:
        raise ConfigError(
            "engine = 'ray' in [run]: the package ray is not installed; run pip install -c constraints.txt '.[ray]' in "
            "the project's folder, or use engine = 'local'"
        )
