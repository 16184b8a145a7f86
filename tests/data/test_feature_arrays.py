"""Streams, crops and axes."""

from typing import Any

import numpy as np
import pytest
import torch

from data.titles import Title


@pytest.mark.parametrize("way", ["npz", "pt", "folders", "endings", "h5", "one h5"])
def test_rgb_and_flow_are_joined_whatever_they_come_in(files: Any, way: str) -> None:
    rgb, flow = files.features, files.features[:, ::-1].copy()
    h5py = pytest.importorskip("h5py")
    folders: tuple[str, ...] = ("in",)
    if way == "npz":
        np.savez(files.root / "a.npz", flow=flow, rgb=rgb)
    elif way == "pt":
        torch.save(
            {
                "flow": torch.from_numpy(flow),
                "rgb": torch.from_numpy(rgb),
            },
            files.root / "a.pt",
        )
    elif way == "folders":
        folders = ("rgb", "flow")
        for name, values in (("rgb", rgb), ("flow", flow)):
            (files.folder / name / "validation").mkdir(parents=True)
            np.save(files.folder / name / "validation" / "v_a.npy", values)
    elif way == "endings":
        np.save(files.root / "v_A-flow.npy", flow)
        np.save(files.root / "v_A-rgb.npy", rgb)
    else:
        with h5py.File(files.root / ("a.h5" if way == "h5" else "all.hdf5"), "w") as file:
            group = file if way == "h5" else file.create_group("v_a")
            group["flow"], group["rgb"] = flow, rgb
        folders = ("in",) if way == "h5" else ("in/all.hdf5",)
    (outcome,) = files.run(Title("a"), folders=folders)
    assert (outcome.status, outcome.notes) == ("done", ("rgb (4 wide) and flow (4 wide) were joined in this order",))
    assert np.array_equal(
        files.shard().features,
        np.concatenate([rgb, flow], axis=1).astype(np.float16),
    )
    assert files.run(Title("a"), folders=folders)[0].status == "current"


def test_streams_that_differ_by_a_row_are_cut_and_that_is_said(files: Any) -> None:
    np.savez(files.root / "a.npz", rgb=files.features, flow=files.features[:, ::-1][:9])
    (outcome,) = files.run(Title("a"))
    assert (outcome.status, outcome.notes[1:]) == ("done", ("streams of unequal length were cut to the shorter",))
    assert files.shard().features.shape == (9, 8)
    np.savez(files.root / "b.npz", rgb=files.features, flow=files.features[:, ::-1][:5])
    (outcome,) = files.run(Title("b"))
    assert outcome.error == "b.npz: streams of 10 and 5 rows cannot be joined; they must have as many"


@pytest.mark.parametrize("axis", [0, 1])
def test_crops_are_averaged_or_the_first_is_taken(files: Any, axis: int) -> None:
    crops = np.stack([files.features, 3 * files.features], axis=axis)  # (crops, T, D) and (T, crops, D)
    np.save(files.root / "a.npy", crops)
    (outcome,) = files.run(Title("a"))
    assert outcome.notes == ("crops were averaged",)
    assert np.array_equal(files.shard().features, (2 * files.features).astype(np.float16))
    (outcome,) = files.run(Title("a"), crops="first")  # made anew: these are other features
    assert (outcome.status, outcome.notes) == ("done", ("only the first crop was taken",))
    assert np.array_equal(files.shard().features, files.features.astype(np.float16))


def test_crops_are_told_from_rows_by_the_stated_duration(files: Any) -> None:
    np.save(files.root / "a.npy", np.zeros((10, 4, 3), np.float32))  # ten crops of four seconds
    files.run(Title("a", duration_s=4.0))
    assert files.shard().features.shape == (4, 3)
