"""A run's tables in the formats of players, annotation tools and other pipelines: one module a format."""
