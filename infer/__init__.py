"""Scores to segments to metrics."""
