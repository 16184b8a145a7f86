"""Video to features: readers, framing, backbones. Never sees labels."""
