"""What holds for every test."""

from hypothesis import settings

# How long an example takes says more of the machine than of the code.
settings.register_profile("gatewayd", deadline=None)
settings.load_profile("gatewayd")
