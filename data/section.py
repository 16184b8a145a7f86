"""One section of the configuration file: frozen, typed, and closed to unknown keys.

Each package declares its own sections in its ``settings.py``; ``pipeline.config`` assembles them.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Base of all configuration sections: immutable, a key that is not declared is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
