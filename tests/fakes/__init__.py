"""The outside world, played by tests: time, name servers, and the services that are notified."""

from tests.fakes.clock import FakeClock
from tests.fakes.github import FakeGitHub
from tests.fakes.gitlab import FakeGitLab
from tests.fakes.http import Answer, FakeServer, Fault, Request
from tests.fakes.issues import FakeTrackedIssues
from tests.fakes.names import FakeNames
from tests.fakes.receiver import Receiver
from tests.fakes.slack import FakeSlack

__all__ = [
    "Answer",
    "FakeClock",
    "FakeGitHub",
    "FakeGitLab",
    "FakeNames",
    "FakeServer",
    "FakeSlack",
    "FakeTrackedIssues",
    "Fault",
    "Receiver",
    "Request",
]
