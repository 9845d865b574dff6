"""What a server tells Prometheus: requests, how long they take, what waits, and the real-time factor.

A registry of its own, so that two servers in a process (tests) do not share counters.
"""

from collections.abc import Mapping

from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from asr.serving.service import Service

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_WINDOWS = (1, 2, 4, 8, 16, 32, 64)
_FACTORS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)


class Metrics:
    """Counters of one server, for models by their names; `open_streams` is for whoever opens and closes them."""

    MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(self, services: Mapping[str, Service]) -> None:
        self._registry = kept = CollectorRegistry()
        ProcessCollector(registry=kept)
        route, model = ["route"], ["model"]
        self._requests = Counter("asr_requests", "Requests that were answered.", ["route", "status"], registry=kept)
        latency = "From the head of a request to the end of its answer."
        self._latency = Histogram("asr_request_seconds", latency, route, buckets=_SECONDS, registry=kept)
        self.open_streams = Gauge("asr_open_streams", "Live streams that are open.", registry=kept)
        self._open = Gauge("asr_requests_open", "Recordings that are worked on, or wait.", model, registry=kept)
        self._waiting = Gauge("asr_requests_waiting", "Recordings that wait for others.", model, registry=kept)
        self._windows = Gauge("asr_windows_waiting", "Windows that wait for a batch.", model, registry=kept)
        self._batches = Histogram("asr_batch_windows", "Windows in a batch.", model, buckets=_WINDOWS, registry=kept)
        self._sound = Counter("asr_network_sound_seconds", "Sound that the network has read.", model, registry=kept)
        self._network = Counter("asr_network_seconds", "Seconds that the network took for it.", model, registry=kept)
        factor = "Seconds that a recording took, over its length."
        self._factor = Histogram("asr_real_time_factor", factor, model, buckets=_FACTORS, registry=kept)
        for name, service in services.items():
            self._watch(name, service)

    def count_request(self, route: str, status: int, seconds: float) -> None:
        """A request was answered, or its client has gone (status 0 or 499)."""
        self._requests.labels(route, str(status or 499)).inc()
        self._latency.labels(route).observe(seconds)

    def text(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self._registry)

    def _watch(self, name: str, service: Service) -> None:
        self._open.labels(name).set_function(lambda: service.num_open)
        self._waiting.labels(name).set_function(lambda: service.num_waiting)
        self._windows.labels(name).set_function(lambda: service.num_windows_waiting)
        batches, factor = self._batches.labels(name), self._factor.labels(name)
        sound, network = self._sound.labels(name), self._network.labels(name)

        def on_batch(num_windows: int, sound_seconds: float, seconds: float) -> None:
            batches.observe(num_windows)
            sound.inc(sound_seconds)
            network.inc(seconds)

        def on_recording(sound_seconds: float, seconds: float) -> None:
            factor.observe(seconds / sound_seconds if sound_seconds else 0.0)

        service.observe(on_batch=on_batch, on_recording=on_recording)
