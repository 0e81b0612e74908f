"""Settings for the whole suite: how hard Hypothesis looks.

HYPOTHESIS_PROFILE chooses: `dev` (the default) varies from run to run, `ci` (the default where CI is set)
repeats itself so that a red run can be run again, `nightly` looks a hundred times longer.
"""

import os

from hypothesis import HealthCheck, settings

SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large]

settings.register_profile("dev", deadline=None, suppress_health_check=SLOW_IS_FINE)
settings.register_profile(
    "ci", deadline=None, suppress_health_check=SLOW_IS_FINE, derandomize=True, print_blob=True
)
settings.register_profile(
    "nightly", deadline=None, suppress_health_check=SLOW_IS_FINE, max_examples=10_000, print_blob=True
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))
