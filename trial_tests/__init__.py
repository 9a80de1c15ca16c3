"""All tests of Sora."""

import trial_tests.support.properties  # noqa: F401 - what it sets holds for all
