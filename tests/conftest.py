"""Settings for every test."""

from hypothesis import settings

# A slow or shared machine must not turn a right answer into a failure: an example may take as long as it takes.
settings.register_profile("no_deadline", deadline=None)
settings.load_profile("no_deadline")
