"""Batch norms folded into the convolutions before them: the same features with one pass less over every feature map.

Which norm follows which convolution is seen by running the network once, not read from its code: tracing (torch.fx)
fails on networks that compute their padding, as EfficientNet-Lite0 does.
"""

from __future__ import annotations

import copy
from collections import Counter

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

TOLERANCE = 1e-4
"""Of the features' length; a network that differs by more is left as it was."""


@torch.no_grad()
def fold_batch_norm(module: nn.Module, inputs: Tensor) -> nn.Module:
    """Return the network with each batch norm folded into the convolution that alone feeds it.

    The result is tried on ``inputs``: a network with a norm that does more than its class says is returned as it was.

    Args:
        module: in evaluation mode; it is not changed.
        inputs: what it takes, one picture or more.
    """
    pairs = _pairs(module, inputs)
    if not pairs:
        return module
    folded = copy.deepcopy(module)
    for conv_name, norm_name in pairs:
        conv, norm = folded.get_submodule(conv_name), folded.get_submodule(norm_name)
        assert isinstance(conv, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        _replace(folded, conv_name, fuse_conv_bn_eval(conv, norm))
        _replace(folded, norm_name, _what_is_left(norm))
    before, after = module(inputs), folded(inputs)
    return folded if (after - before).norm() <= TOLERANCE * before.norm() else module


def _pairs(module: nn.Module, inputs: Tensor) -> list[tuple[str, str]]:
    """Return (convolution, batch norm) where the norm's input is the convolution's result; both run once only."""
    runs: Counter[str] = Counter()
    made_by: dict[int, tuple[str, Tensor]] = {}  # by identity; the tensors are kept so that no identity is used twice
    pairs: list[tuple[str, str]] = []
    handles = []
    for name, part in module.named_modules():
        if isinstance(part, nn.Conv2d):

            def note(part: nn.Module, given: tuple[Tensor, ...], result: Tensor, name: str = name) -> None:
                runs[name] += 1
                made_by[id(result)] = (name, result)

            handles.append(part.register_forward_hook(note))
        elif isinstance(part, nn.BatchNorm2d) and part.track_running_stats:

            def find(part: nn.Module, given: tuple[Tensor, ...], name: str = name) -> None:
                runs[name] += 1
                if id(given[0]) in made_by:
                    pairs.append((made_by[id(given[0])][0], name))

            handles.append(part.register_forward_pre_hook(find))
    module(inputs)
    for handle in handles:
        handle.remove()
    fed = Counter(conv for conv, _ in pairs)
    return [(conv, norm) for conv, norm in pairs if runs[conv] == runs[norm] == fed[conv] == 1]


def _what_is_left(norm: nn.Module) -> nn.Module:
    """Return what a norm does beside normalising: timm's hold the activation, too."""
    rest = [getattr(norm, name) for name in ("drop", "act") if hasattr(norm, name)]
    return nn.Sequential(*rest) if rest else nn.Identity()


def _replace(module: nn.Module, name: str, part: nn.Module) -> None:
    parent, _, own = name.rpartition(".")
    setattr(module.get_submodule(parent), own, part)
