"""What holds for all tests."""

from hypothesis import HealthCheck, settings

# A machine may be slow or busy: no example fails for the time that it takes.
settings.register_profile(
    "any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any-machine")
