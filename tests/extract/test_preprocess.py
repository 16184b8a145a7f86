from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract import preprocess
from extract.preprocess import DARK_LEVEL, WHOLE, CropBox, find_letterbox, to_input

HEIGHT, WIDTH = 100, 160


def film(count=8, height=HEIGHT, width=WIDTH, low=0, high=256, seed=0):
    """Pictures of coarse random blocks, as bright as films are by day."""
    generator = np.random.default_rng(seed)
    shape = (count, (height + 9) // 10, (width + 9) // 10, 3)
    blocks = generator.integers(low, high, shape, dtype=np.uint8)
    return blocks.repeat(10, axis=1).repeat(10, axis=2)[:, :height, :width].copy()


def barred(pictures, top=0, bottom=0, left=0, right=0, noise=0):
    """The pictures with bars painted over their edges; noise is the bars' brightest level."""
    pictures = pictures.copy()
    generator = np.random.default_rng(1)
    bars = generator.integers(0, noise + 1, pictures.shape, dtype=np.uint8)
    inside = np.zeros(pictures.shape, bool)
    inside[:, top : pictures.shape[1] - bottom, left : pictures.shape[2] - right] = True
    return np.where(inside, pictures, bars)


def margins(box, height=HEIGHT, width=WIDTH):
    """The box as pixels cut off: top, bottom, left, right."""
    return (
        round(box.top * height),
        round((1 - box.bottom) * height),
        round(box.left * width),
        round((1 - box.right) * width),
    )


bar = st.one_of(st.just(0), st.integers(2, 30))
side_bar = st.one_of(st.just(0), st.integers(4, 50))


@given(bar, bar, side_bar, side_bar, st.integers(0, DARK_LEVEL), st.integers(0, 1000))
def test_constant_bars_are_found_to_the_pixel(top, bottom, left, right, noise, seed):
    pictures = barred(film(low=80, seed=seed), top, bottom, left, right, noise)
    assert margins(find_letterbox(list(pictures))) == (top, bottom, left, right)


@given(st.integers(0, 10_000), st.integers(1, 255), st.integers(1, 6))
def test_what_is_cut_off_is_dark_in_every_bright_picture(seed, high, dark_blocks):
    pictures = film(high=high + 1, seed=seed)
    pictures[:, : dark_blocks * 10] //= 12
    box = find_letterbox(list(pictures))
    top, bottom, left, right = margins(box)
    kept = np.zeros((HEIGHT, WIDTH), bool)
    kept[top : HEIGHT - bottom, left : WIDTH - right] = True
    for picture in pictures:
        if (picture.max(axis=2) > 64).mean() >= 0.1:
            lit = (picture.max(axis=2) > DARK_LEVEL) & ~kept
            assert lit.mean(axis=1).max() <= 0.01 and lit.mean(axis=0).max() <= 0.01


def test_no_more_pictures_are_taken_than_show_that_there_are_no_bars():
    dark_left = film(low=60)
    dark_left[:2, :, :30] = 0
    for pictures, needed in ((film(low=60), 1), (dark_left, 3), (barred(film(low=60), top=12), 8)):
        taken = []
        find_letterbox(taken.append(number) or picture for number, picture in enumerate(pictures))
        assert len(taken) == needed


@given(bar, bar, side_bar, st.integers(0, 1000), st.lists(st.integers(0, 7), max_size=4))
def test_stopping_early_changes_nothing(top, bottom, left, seed, open_pictures):
    pictures = barred(film(low=20, seed=seed), top, bottom, left)
    pictures[open_pictures] = film(low=20, seed=seed)[open_pictures]
    found = find_letterbox(list(pictures))
    with mock.patch.object(preprocess, "_lit_sides", lambda lit: set()):
        assert find_letterbox(list(pictures)) == found


def test_fades_to_black_and_night_scenes_do_not_change_the_bars():
    pictures = barred(film(low=60), top=12, bottom=12)
    pictures[1] = 0  # black
    pictures[2] //= 20  # fading
    pictures[3, :40] = 3  # a night sky under the upper bar
    assert margins(find_letterbox(list(pictures))) == (12, 12, 0, 0)


def test_a_dark_sky_is_not_a_bar():
    pictures = film(low=60)
    for index, sky in enumerate([12, 45, 20, 60, 33, 25, 52, 38]):  # its edge is elsewhere in every scene
        pictures[index, :sky] = 2
    assert find_letterbox(list(pictures)) == WHOLE


def test_a_film_that_is_dark_throughout_is_left_alone():
    assert find_letterbox(list(barred(film(high=50), top=12, bottom=12))) == WHOLE


def test_one_full_height_scene_keeps_the_whole_picture():
    pictures = barred(film(low=60), top=12, bottom=12)
    pictures[4] = film(low=60)[4]
    assert find_letterbox(list(pictures)) == WHOLE


def test_subtitles_in_the_lower_bar_do_not_hide_it():
    pictures = barred(film(low=60), top=16, bottom=16)
    pictures[[1, 4, 6], -12:-4, 40:120] = 255
    assert margins(find_letterbox(list(pictures))) == (16, 16, 0, 0)


def test_a_lower_strip_that_is_lit_at_its_ends_is_content():
    pictures = barred(film(low=60), top=16, bottom=16)
    pictures[1, -12:-4, :] = 255  # a news ticker from edge to edge
    assert margins(find_letterbox(list(pictures))) == (16, 0, 0, 0)


def test_two_pictures_are_too_few_to_call_anything_constant():
    pictures = barred(film(count=3, low=60), top=12, bottom=12)
    assert margins(find_letterbox(list(pictures))) == (12, 12, 0, 0)
    assert find_letterbox(list(pictures[:2])) == WHOLE
    assert find_letterbox([]) == WHOLE


@pytest.mark.parametrize("thin", [1, 45])
def test_bars_thinner_than_2_percent_or_thicker_than_40_are_left(thin):
    assert find_letterbox(list(barred(film(low=60), top=thin))) == WHOLE


def test_a_box_fits_other_resolutions_of_the_same_title():
    assert CropBox(0.0, 0.125, 1.0, 0.875).cut(np.zeros((480, 640, 3), np.uint8)).shape == (360, 640, 3)
    assert CropBox(0.25, 0.0, 0.75, 1.0).cut(np.zeros((80, 120, 3), np.uint8)).shape == (80, 60, 3)


def prepare(picture, framing, aspect=1.0, crop=WHOLE):
    return to_input(picture, aspect, crop=crop, framing=framing, input_px=224)


def photograph():
    """512 x 768, smooth with some grain, so that a shift or a missing filter shows."""
    y, x = np.mgrid[:512, :768]
    waves = [127 + 80 * np.sin(x / a) * np.cos(y / b) for a, b in ((7, 31), (53, 5), (17, 19))]
    grain = np.random.default_rng(0).normal(0, 15, (512, 768, 3))
    return (np.stack(waves, axis=2) + grain).clip(0, 255).astype(np.uint8)


def torchvision(picture, size, crop):
    import torch
    from torchvision.transforms.v2 import functional

    image = torch.from_numpy(picture).permute(2, 0, 1)
    image = functional.resize(image, size, antialias=True)
    return functional.center_crop(image, crop).permute(1, 2, 0).numpy()


def difference(one, other):
    return np.abs(one.astype(int) - other.astype(int))


def test_full_is_torchvisions_antialiased_resize_of_the_whole_picture():
    picture = photograph()
    expected = torchvision(picture, [224, 224], [224, 224])
    assert difference(prepare(picture, "full"), expected).max() <= 1


def test_center_crop_is_the_imagenet_recipe():
    picture = photograph()  # short side 512 -> 256, long side 384, centre 224
    expected = torchvision(picture, [256], [224, 224])
    assert difference(prepare(picture, "center-crop"), expected).max() <= 1


def test_center_crop_is_square_on_the_screen():
    picture = photograph()
    anamorphic = picture.reshape(512, 384, 2, 3).mean(axis=2).round().astype(np.uint8)  # pixels twice as wide
    as_displayed = prepare(picture, "center-crop")
    assert difference(prepare(anamorphic, "center-crop", aspect=2.0), as_displayed).mean() < 6
    assert difference(prepare(anamorphic, "center-crop", aspect=1.0), as_displayed).mean() > 30


def test_full_keeps_the_edges_and_needs_no_pixel_aspect():
    picture = np.zeros((100, 400, 3), np.uint8)
    picture[:, :20] = picture[:, -20:] = 255
    full = prepare(picture, "full", aspect=1.0)
    assert full[:, :8].min() == full[:, -8:].min() == 255
    assert np.array_equal(full, prepare(picture, "full", aspect=1.5))
    assert prepare(picture, "center-crop").max() == 0


@pytest.mark.parametrize("framing", ["full", "center-crop"])
def test_nothing_of_a_removed_bar_leaks_into_the_input(framing):
    picture = np.full((101, 161, 3), 200, np.uint8)
    picture[:13] = 0
    result = prepare(picture, framing, crop=CropBox(top=13 / 101))
    assert result.shape == (224, 224, 3) and result.dtype == np.uint8
    assert result.min() == 200


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0.2, 5), st.sampled_from(["full", "center-crop"]))
def test_any_size_and_aspect_gives_a_square(height, width, aspect, framing):
    picture = np.full((height, width, 3), 77, np.uint8)
    assert (prepare(picture, framing, aspect) == 77).all()
