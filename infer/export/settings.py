"""The ``[export]`` section, and the names of the formats. Nothing heavy here: the command line reads it for --help."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from data.section import Section

Format = Literal["activitynet", "webvtt", "srt", "edl", "mcf", "rekognition", "jellyfin", "labelstudio", "via3", "elan"]
FORMATS: tuple[str, ...] = get_args(Format)
Decision = Literal["flag", "all"]
Severity = Literal["low", "medium", "high"]


class ExportSettings(Section):
    """What a format asks for and no score can answer.

    Args:
        edl_action: what a player does at a segment: ``skip`` once (Kodi's commercial break: seeking back shows it),
            ``mute``, ``scene`` (a marker only), or ``cut`` (as if it were not in the film at all).
        severity: per label, for MovieContentFilter. A score is the model's certainty, not how bad a scene is, so there
            is no default.
        mcf_category: per label, a category of MovieContentFilter; those of the paper and of the starter have theirs.
        jellyfin_type: the kind of media segment; Jellyfin knows none for content, and players act on known kinds only.
        jellyfin_item_column: column of the title manifest that holds the server's item id.
        label_studio_fps: frames a second that Label Studio counts in; also written into its labelling configuration.
    """

    edl_action: Literal["skip", "mute", "scene", "cut"] = "skip"
    severity: dict[str, Severity] = Field(default_factory=dict)
    mcf_category: dict[str, str] = Field(default_factory=dict)
    jellyfin_type: Literal["Unknown", "Commercial", "Preview", "Recap", "Outro", "Intro"] = "Commercial"
    jellyfin_item_column: str = "jellyfin_id"
    label_studio_fps: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] = 25.0
