"""The outside world, played by tests: time, name servers, and the services that are notified."""

from tests.fakes.clock import FakeClock

__all__ = ["FakeClock"]
