"""What Prometheus is told, read by its own parser, against what was done."""

from collections.abc import Iterator

import httpx
import pytest
from fastapi.routing import APIRoute
from prometheus_client.parser import text_string_to_metric_families

from asr.serving.app import make_app
from asr.serving.metrics import Metrics
from asr.serving.service import Limits, Service
from tests.support.serving import PATH, SPOKEN, serving
from tests.support.toy_engine import toy_recognizer

SECONDS = (len(SPOKEN) - 44) / 2 / 16_000


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service(toy_recognizer(), Limits(), num_threads=1)
    yield made
    made.close()


def values(text: str) -> dict[str, float]:
    """Each line of the text: name, with its labels, and value."""
    return {
        sample.name + "".join(f",{key}={value}" for key, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_what_was_done_is_counted(service: Service) -> None:
    with serving(service) as url:
        for _ in range(3):
            httpx.post(f"{url}{PATH}", files={"file": ("a", SPOKEN)}).raise_for_status()
        httpx.post(f"{url}{PATH}", files={"file": ("a", b"no sound")})
        for number in range(20):
            httpx.get(f"{url}/random-{number}")
        answer = httpx.get(f"{url}/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = values(answer.text)
    assert found[f"asr_requests_total,route={PATH},status=200"] == 3
    assert found[f"asr_requests_total,route={PATH},status=400"] == 1
    assert found["asr_requests_total,route=unmatched,status=404"] == 20
    assert len([name for name in found if name.startswith("asr_requests_total")]) == 3
    assert found[f"asr_request_seconds_count,route={PATH}"] == 4
    assert found["asr_real_time_factor_count,model=toy"] == 3
    assert 0 < found["asr_network_sound_seconds_total,model=toy"] <= 3 * SECONDS
    assert found["asr_batch_windows_sum,model=toy"] >= found["asr_batch_windows_count,model=toy"] > 0
    assert found["asr_requests_open,model=toy"] == found["asr_requests_waiting,model=toy"] == 0
    assert found["asr_open_streams"] == 0
    assert found["process_resident_memory_bytes"] > 1e6


def test_two_servers_in_a_process_share_no_counter(service: Service) -> None:
    first, second = Metrics({"toy": service}), Metrics({"toy": service})
    first.count_request("/x", 0, 0.1)
    first.open_streams.inc()
    assert values(first.text().decode())["asr_requests_total,route=/x,status=499"] == 1
    assert "asr_open_streams 1.0" in first.text().decode()
    assert "asr_open_streams 0.0" in second.text().decode()


def test_a_failure_of_the_server_is_an_answer_too(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    def broken(wanted: object) -> None:
        raise ZeroDivisionError("/home/secret")

    service.submit = broken  # type: ignore[method-assign,assignment]
    with serving(service) as url:
        answer = httpx.post(f"{url}{PATH}", files={"file": ("a", SPOKEN)})
        assert answer.status_code == 500
        assert answer.json()["error"]["type"] == "server_error"
        assert "secret" not in answer.text
        assert "ZeroDivisionError" in caplog.text
        assert f'asr_requests_total{{route="{PATH}",status="500"}} 1.0' in httpx.get(f"{url}/metrics").text


def test_each_route_is_described_and_the_page_loads_nothing(service: Service) -> None:
    with serving(service) as url:
        described = httpx.get(f"{url}/openapi.json").json()
        page = httpx.get(f"{url}/docs")
    app = make_app({"toy": service})
    routes = {route.path for route in app.routes if isinstance(route, APIRoute)} - {"/docs", "/openapi.json"}
    assert set(described["paths"]) == routes
    assert page.headers["content-type"].startswith("text/html")
    assert all(path in page.text for path in routes)
    assert not any(word in page.text for word in ("src=", "href=", "url(", "@import", "<script", "http:", "https:"))
