"""Watching a run, correcting it, and turning that into labels."""
