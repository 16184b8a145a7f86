"""One section of the configuration file: frozen, typed, and closed to unknown keys.

Each package declares its own sections in its ``settings.py``; ``pipeline.config`` assembles them.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

LARGEST_WHOLE = 2**63 - 1  # what generators of random numbers are seeded with
LARGEST = 1e30  # a float32 holds no more than 3.4e38


class Section(BaseModel):
    """Base of all configuration sections: immutable, a key that is not declared is an error, numbers are finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="after")
    @classmethod
    def _no_number_without_end(cls, value: Any) -> Any:
        for number in value if isinstance(value, tuple) else (value,):
            most = LARGEST_WHOLE if isinstance(number, int) else LARGEST
            if isinstance(number, (int, float)) and abs(number) > most:
                raise ValueError("too large a number to compute with")
        return value
