"""The ``[data]`` section: where titles, media and labels are, and how titles are split."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, PrivateAttr, field_validator, model_validator

from data.label_files import Form
from data.label_names import label_fault, label_name
from data.label_reading import ONE, LabelReading
from data.locations import Location
from data.published_titles import SubsetUse
from data.section import Section
from data.times import TimeForm, TimeUnit, TwoParts, parse_frame_rate, parse_rate

Crops = Literal["mean", "first"]
PAPER_LABELS = ("sex", "nudity", "violence", "drug-use")


class DataSettings(Section):
    """Inputs of a run. Paths may be URLs of a store; label files may have any form of ``data.label_files``.

    Args:
        titles: manifest CSV, ``title_id,path,duration_s,split,...``, or an ActivityNet JSON, which then is the label
            file, too, unless others are named.
        media_root: folder that the manifest's paths are relative to; by default the manifest's own folder.
        video_labels: presence per title; None when the clips say enough.
        clip_labels: intervals; None for labels of presence only.
        labels: what is looked for, any printable text; where they are not listed, those that the label files use, and
            the four of the paper (Sec. 3.1) where these files use no others (see ``data.found_labels``).
        subsets: of titles in JSON, what a subset is used for where its name does not say it: ``train``, ``val``,
            ``test``, ``draw`` (by the shares below) or ``none`` (left out).
        label_form: form of the label files: ``auto`` (told by their content), or one of ``data.label_files``.
        feature_folders: where feature files lie that are imported, in place of the media root; several are streams
            whose rows are joined (``rgb``, ``flow``); one may be an HDF5 file with an array a title.
        feature_rate: rows a second of imported features: 1, or for example "25/16", a row every 16 frames at 25 a
            second.
        feature_crops: what becomes of several crops of each picture in them: their ``mean``, or the ``first``.
        frame_rate_fps: rate of frame numbers in label files that carry none (25, 23.976 or "24000/1001").
        time_unit: what plain numbers in label tables are, ``seconds``, or ``days`` where a spreadsheet saved times as
            fractions of a day; ``auto`` is seconds, and refuses files in which that cannot be meant.
        two_part_times: what ``00:20`` in label tables means, ``mm:ss`` or ``hh:mm``.
        annotators: who counts where several people annotated one title in an annotation tool: ``one`` (several are
            refused), ``union``, or one of them by number or e-mail address.
        on_bad_label: ``refuse`` ends the run where a label makes no sense, after listing all of them; ``skip`` leaves
            those out, with a warning each.
        strict: refuse clips that reach beyond their title's end, which else are cut off there and counted.
        split_file: CSV ``title_id,split`` with the splits that were drawn; part of the data.
        group_column: column of the manifest (the series) whose equal values stay in one split.
        train_fraction, val_fraction, test_fraction: expected shares of titles, sum 1. Not in the paper, which has train
            and test only (35,818 and 5,416 titles, Sec. 4.1): choosing settings needs a third part.
        split_seed: another seed, another assignment.
    """

    titles: Location
    media_root: Location | None = None
    video_labels: Location | None = None
    clip_labels: Location | None = None
    labels: tuple[str, ...] = PAPER_LABELS
    label_form: Form = "auto"
    feature_folders: tuple[Location, ...] = ()
    feature_rate: float = Field(default=1.0, gt=0, le=1000)
    feature_crops: Crops = "mean"
    frame_rate_fps: float | None = None
    time_unit: TimeUnit = "auto"
    two_part_times: TwoParts = "mm:ss"
    annotators: str = ONE
    on_bad_label: Literal["refuse", "skip"] = "refuse"
    strict: bool = False
    subsets: dict[str, SubsetUse] = Field(default_factory=dict)
    split_file: Location | None = None
    group_column: str | None = None
    train_fraction: float = Field(default=0.8, ge=0, le=1)
    val_fraction: float = Field(default=0.1, ge=0, le=1)
    test_fraction: float = Field(default=0.1, ge=0, le=1)
    split_seed: int = 0

    _labels_found: bool = PrivateAttr(default=False)

    @property
    def labels_found(self) -> bool:
        """Whether the labels were taken from the label files, not listed."""
        return self._labels_found

    def with_labels(self, labels: tuple[str, ...]) -> DataSettings:
        """Return these settings with labels that were found in the label files."""
        settings = self.model_copy(update={"labels": labels})
        settings._labels_found = True
        return settings

    @property
    def is_published(self) -> bool:
        """Whether the titles are those of a published data set, to which none are added."""
        return is_json(self.titles)

    @property
    def media_folder(self) -> Path:
        """Folder that the manifest's paths are relative to."""
        return self.media_root if self.media_root is not None else self.titles.parent

    @property
    def reading(self) -> LabelReading:
        """How the label files are to be read where they do not say it."""
        times = TimeForm(self.time_unit, self.two_part_times)
        return LabelReading(self.frame_rate_fps, times, self.annotators, 1 / self.feature_rate)

    @property
    def fractions(self) -> dict[str, float]:
        return {"train": self.train_fraction, "val": self.val_fraction, "test": self.test_fraction}

    @field_validator("labels")
    @classmethod
    def _label_names(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        labels = tuple(map(label_name, labels))
        for label in labels:
            if fault := label_fault(label):
                raise ValueError(fault)
        if not labels or len(set(labels)) < len(labels):
            raise ValueError("labels must be one or more different names")
        return labels

    @model_validator(mode="after")
    def _strict_or_skip(self) -> DataSettings:
        if self.strict and self.on_bad_label == "skip":
            raise ValueError('strict refuses what on_bad_label = "skip" leaves out; choose one of them')
        return self

    @field_validator("feature_rate", mode="before")
    @classmethod
    def _feature_rate(cls, value: object) -> object:
        return parse_rate(str(value))

    @field_validator("frame_rate_fps", mode="before")
    @classmethod
    def _frame_rate(cls, value: object) -> object:
        return value if value is None else parse_frame_rate(str(value))

    @model_validator(mode="before")
    @classmethod
    def _labels_beside_titles(cls, values: Any) -> Any:
        """Take an ActivityNet JSON that holds the titles as the label file, too."""
        if not isinstance(values, dict) or values.get("video_labels") or values.get("clip_labels"):
            return values
        titles = values.get("titles")
        return {**values, "clip_labels": titles} if titles is not None and is_json(titles) else values

    @model_validator(mode="after")
    def _fractions_sum(self) -> DataSettings:
        total = sum(self.fractions.values())
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train_fraction, val_fraction and test_fraction sum to {total:g}; they must sum to 1")
        return self


def is_json(titles: object) -> bool:
    """Say whether a manifest is an ActivityNet JSON, by its name."""
    return str(titles).casefold().endswith(".json")
