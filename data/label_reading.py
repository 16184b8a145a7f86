"""How label files are to be read where they do not say it themselves."""

from __future__ import annotations

from dataclasses import dataclass

from data.times import AUTO, TimeForm

ONE, UNION = "one", "union"


@dataclass(frozen=True)
class LabelReading:
    """What a run's settings say of its label files.

    Args:
        frame_rate_fps: rate for frame numbers that carry none.
        times: what times mean that have several meanings.
        annotators: of annotation tools' files in which several people annotated one title: ``one`` refuses such a
            title, ``union`` takes what any of them drew, anything else names the annotator who counts (number, or
            e-mail address).
        sample_s: seconds between samples: what a single labelled frame stands for.
    """

    frame_rate_fps: float | None = None
    times: TimeForm = AUTO
    annotators: str = ONE
    sample_s: float = 1.0


AS_WRITTEN = LabelReading()
