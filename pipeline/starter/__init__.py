"""The starter: the checkpoint that comes with the package (weights, sidecar, model card), and what rebuilds it."""
