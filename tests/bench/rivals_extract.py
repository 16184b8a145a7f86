"""Videos to features, and the network alone. Weights are random: they do not change what it costs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

Work = Callable[[], object]
Job = dict[str, Any]
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def weights(folder: str) -> Path:
    """Return a file of random ResNet50 weights, written once."""
    import torch
    from torchvision.models import resnet50

    path = Path(folder) / "resnet50-random.pth"
    if not path.is_file():
        torch.manual_seed(0)
        torch.save(resnet50(weights=None).state_dict(), path)
    return path


def settings_of(job: Job) -> Any:
    from extract.settings import RESNET50, ExtractSettings

    name = job.get("backbone", RESNET50)
    own = weights(job["folder"]) if name == RESNET50 else None
    workers = job.get("workers", 1)
    return ExtractSettings(
        backbone=name, weights=own, device="cpu", engine=job.get("engine", "auto"), decode_workers=workers
    )


def ours(job: Job) -> Work:
    """``extract_titles`` as the command runs it: decode processes, network, shards."""
    from extract.backbone import load_backbone
    from extract.title import ExtractJob, extract_titles

    settings = settings_of(job)
    backbone = load_backbone(settings)
    titles = [ExtractJob(f"title-{n}", Path(video), video) for n, video in enumerate(job["videos"])]

    def work() -> None:
        with TemporaryDirectory(dir=job["folder"]) as folder:
            outcomes = list(extract_titles(titles, settings, backbone, Path(folder)))
        assert all(outcome.status == "done" for outcome in outcomes), outcomes

    return work


def naive(job: Job) -> Work:
    """What is written first: decode all, PIL, torchvision's network as it comes, one file of features."""
    import av
    import numpy as np
    import torch
    from PIL import Image

    network = eager_network(job)
    mean, std = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)

    @torch.no_grad()
    def work() -> None:
        for video in job["videos"]:
            with av.open(video) as container:
                due, features, batch = 0.0, [], []
                for frame in container.decode(video=0):
                    if frame.time >= due:
                        image = frame.to_image().resize((224, 224), Image.Resampling.BILINEAR)
                        batch.append((torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255 - mean) / std)
                        due += 1.0
                    if len(batch) == 32:
                        features.append(network(torch.stack(batch)))
                        batch.clear()
                if batch:
                    features.append(network(torch.stack(batch)))
            np.save(Path(job["folder"]) / "naive.npy", torch.cat(features).numpy())

    return work


def eager_network(job: Job) -> Any:
    """The network as its library builds it."""
    import torch
    from torch import nn

    if job.get("backbone", "resnet50") != "resnet50":
        from extract.network import load_network

        return load_network(job["backbone"], None).module.eval()
    from torchvision.models import resnet50

    network = resnet50(weights=None)
    network.load_state_dict(torch.load(weights(job["folder"]), weights_only=True))
    network.fc = nn.Identity()
    return network.eval()


def network_alone(job: Job) -> Work:
    """One of our engines on ``pictures`` pictures in memory."""
    import torch

    from extract.backbone import load_backbone

    backbone = load_backbone(settings_of(job))
    pictures = torch.randint(0, 256, (job["pictures"], 224, 224, 3), dtype=torch.uint8)
    return lambda: backbone(pictures)


def eager_alone(job: Job) -> Work:
    """The library's network on as many, normalised, in batches of 32."""
    import torch

    network = eager_network(job)
    pictures = torch.rand(job["pictures"], 3, 224, 224)

    @torch.no_grad()
    def work() -> None:
        for batch in pictures.split(32):
            network(batch)

    return work


def tiny(job: Job) -> Work:
    """``ours`` with a network that costs nothing: what decoding a whole film holds in memory."""
    import torch
    from torch import nn

    from extract.backbone import Backbone
    from extract.network import Network
    from extract.settings import ExtractSettings
    from extract.title import ExtractJob, extract_titles

    class Pooling(nn.Module):
        def forward(self, pictures: Any) -> Any:
            return nn.functional.adaptive_avg_pool2d(pictures, 16).flatten(1).repeat(1, 3)[:, :2048]

    backbone = Backbone("pooling", Network(Pooling(), "0" * 64), torch.device("cpu"))
    settings = ExtractSettings(device="cpu", decode_workers=1)

    def work() -> None:
        with TemporaryDirectory(dir=job["folder"]) as folder:
            (outcome,) = extract_titles(
                [ExtractJob("film", Path(job["video"]), "film")], settings, backbone, Path(folder)
            )
        assert outcome.status == "done", outcome

    return work


RIVALS = {
    "ours": ours,
    "naive": naive,
    "network": network_alone,
    "eager": eager_alone,
    "tiny": tiny,
}
