"""What a network says of one title, frame by frame: the input of segments, figures and tuning.

Axes: T frames, C labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.time_grid import SECONDS, TimeGrid


@dataclass(frozen=True)
class TitleScores:
    """Frame scores of one title.

    Args:
        title_id: the title.
        foreground_T: (T,) float32 foreground score FS, for SF-Net its squashed actionness (``model.squash``); None for
            networks without such a part.
        conditional_TC: (T, C) float32 conditional action score CS, for SF-Net its squashed logits; None likewise.
        action_TC: (T, C) float32 action score AS (Eq. 1), the score that segments are made of; in [0, 1]. For the
            baselines it is a squashed logit, not a probability.
        title_score_C: (C,) float32 top-k mean of the action score (Eq. 5).
        grid: when each frame is seen.
    """

    title_id: str
    foreground_T: npt.NDArray[np.float32] | None
    conditional_TC: npt.NDArray[np.float32] | None
    action_TC: npt.NDArray[np.float32]
    title_score_C: npt.NDArray[np.float32]
    grid: TimeGrid = SECONDS
