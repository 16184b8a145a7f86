"""The tables between stages: schemas, shards, manifests, labels, windows. The lowest layer."""
