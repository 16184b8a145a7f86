"""Settings for all tests."""

from hypothesis import settings

# A busy machine takes long for an example now and then; no test asserts a time.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")
