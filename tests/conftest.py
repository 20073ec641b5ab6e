"""Options of the test run."""

import pytest
from hypothesis import HealthCheck, settings

# no test fails because the machine is busy, also not for hypothesis
settings.register_profile("tgen", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tgen")

collect_ignore = ["programs"]  # run by test_programs.py; collecting doctests would run them at import


def pytest_addoption(parser):
    parser.addoption(
        "--update-golden", action="store_true", help="write what the passes make now into tests/golden/*.test"
    )


@pytest.fixture
def update_golden(request):
    return request.config.getoption("--update-golden")
