"""What an operator's Prometheus reads. Counting only: no logic depends on it."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

#: From a fast SSD's 0.1 ms to the 5 s at which a client gives up.
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"})
_ITEMS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """The metrics of one server, in a registry of their own, so that two never mix in a process."""

    def __init__(self) -> None:
        # A gauge beside every counter that says when it was first counted, which doubles the page.
        disable_created_metrics()  # type: ignore[no-untyped-call] # theirs says no types
        self.registry = CollectorRegistry()
        self._request_counters: dict[tuple[str, str, int], Counter] = {}
        self.requests = Counter(
            "faultline_requests",
            "HTTP requests answered, by route, method and status.",
            ("route", "method", "status"),
            registry=self.registry,
        )
        self.occurrences = Counter(
            "faultline_occurrences", "Occurrences stored.", registry=self.registry
        )
        self.commit_items = Histogram(
            "faultline_commit_items",
            "Writes that one commit carried.",
            buckets=_ITEMS,
            registry=self.registry,
        )
        self.commit_seconds = Histogram(
            "faultline_commit_seconds",
            "Seconds from the begin of a transaction until it was durable.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.queue_bytes = Gauge(
            "faultline_queue_bytes", "Bytes that wait for the writer.", registry=self.registry
        )
        self.database_bytes = Gauge(
            "faultline_database_bytes",
            "Bytes of the database file and of its log.",
            ("file",),
            registry=self.registry,
        )
        self.retention_occurrences = Counter(
            "faultline_retention_occurrences",
            "Occurrences that retention has let go, by reason.",
            ("reason",),
            registry=self.registry,
        )
        self.deliveries = Counter(
            "faultline_deliveries",
            "Attempts to deliver a message, by type of channel and what came of them.",
            ("type", "result"),
            registry=self.registry,
        )
        self.index_waiting = Gauge(
            "faultline_index_waiting_occurrences",
            "Occurrences that the search index has not seen yet.",
            registry=self.registry,
        )
        self.index_lag_seconds = Gauge(
            "faultline_index_lag_seconds",
            "Seconds since the oldest of these was received.",
            registry=self.registry,
        )
        self.job_failures = Counter(
            "faultline_job_failures",
            "Failed runs of periodic jobs.",
            ("job",),
            registry=self.registry,
        )

    def count_request(self, route: str, method: str, status: int) -> None:
        """Count an answered request; ``route`` is the path's template, never the path."""
        # labels() costs several times as much as the look-up.
        key = (route, method if method in _METHODS else "other", status)
        counter = self._request_counters.get(key)
        if counter is None:
            counter = self.requests.labels(route, key[1], str(status))
            self._request_counters[key] = counter
        counter.inc()

    def render(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self.registry)
