"""The stages, each from a configuration to a result."""
