"""The engine ``ray``: titles as tasks of an existing Ray cluster. The only package that imports ray."""
