"""The demo's catalogue, made from pictures that installed packages carry."""
