"""Settings of property tests: the same examples in each run, and no files left behind."""

from hypothesis import HealthCheck, settings

SETTINGS = settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
"""200 examples; no time limit, because the machine may be busy."""

settings.register_profile("sora", SETTINGS)
settings.load_profile("sora")  # for those, too, that name no settings
