"""Orchestration: the command line, configuration and stages. No tensor arithmetic."""
