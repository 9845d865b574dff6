"""The files in deploy/, as far as they can be checked without a Docker daemon: what they name is there."""

import configparser
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from asr.cli import app
from asr.serving import server
from asr.serving.metrics import Metrics
from asr.serving.service import Limits, Service
from tests.support.command_line import ROOT
from tests.support.toy_engine import toy_recognizer

DEPLOY = ROOT / "deploy"


def loaded(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text())


def dockerfile() -> list[tuple[str, str]]:
    """Instructions with their arguments."""
    lines = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.M).replace("\\\n", "").splitlines()
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines if line.strip()]


def unit() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / "asr.service")
    return parser["Service"]


def test_the_image_has_no_torch_and_no_root() -> None:
    instructions = dockerfile()
    installed = " ".join(told for kind, told in instructions if kind == "RUN")
    assert "'.[serve]'" in installed
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert not any(package.startswith("torch") for package in extras["serve"])
    users = [told for kind, told in instructions if kind == "USER"]
    assert re.fullmatch(r"[1-9]\d*:0", users[-1])
    kept = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    for kind, told in instructions:
        if kind == "COPY" and not told.startswith("--from"):
            for source in told.split()[:-1]:
                assert (ROOT / source).exists()
                assert f"!{source}" in kept


def test_what_the_image_runs_is_a_command() -> None:
    told = dict(dockerfile())
    command = [*json.loads(told["ENTRYPOINT"]), *json.loads(told["CMD"])]
    assert command[0] == "asr"
    assert CliRunner().invoke(app, [*command[1:], "--help"]).exit_code == 0
    program = json.loads(told["HEALTHCHECK"].partition("CMD ")[2])
    compile(program[2], "HEALTHCHECK", "exec")
    assert f":{told['EXPOSE']}/health" in program[2]


def test_compose_names_what_is_there() -> None:
    services = loaded("compose.yaml")["services"]
    volumes = set(loaded("compose.yaml")["volumes"])
    for service in services.values():
        for mounted in service["volumes"]:
            source = mounted.replace("${MODEL:?set MODEL to the folder of a model}", "./compose.yaml").split(":")[0]
            assert source in volumes or (DEPLOY / source).exists()
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    asr = services["asr"]
    assert (DEPLOY / asr["build"]["context"] / asr["build"]["dockerfile"]).samefile(DEPLOY / "Dockerfile")
    assert int(asr["stop_grace_period"].rstrip("s")) > server._DRAIN_SECONDS
    (scraped,) = loaded("prometheus.yaml")["scrape_configs"]
    assert scraped["static_configs"][0]["targets"] == ["asr:8000"]
    (source,) = loaded("grafana/datasources.yaml")["datasources"]
    assert source["url"] in {f"http://{name}:9090" for name in services}
    (provider,) = loaded("grafana/dashboards.yaml")["providers"]
    assert f"{provider['options']['path']}/asr.json" in "".join(services["grafana"]["volumes"])


def test_the_dashboard_asks_for_what_is_measured() -> None:
    service = Service(toy_recognizer(), Limits(), num_threads=1)
    metrics = Metrics({"toy": service})
    metrics.count_request("/x", 200, 0.1)
    told = metrics.text().decode()
    service.close()
    dashboard = json.loads((DEPLOY / "grafana" / "asr.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    names = {name for expression in asked for name in re.findall(r"(?:asr|process)_\w+", expression)}
    assert {name for name in names if not re.search(rf"^{name}[{{ ]", told, re.M)} == set()
    places = [tuple(panel["gridPos"].values()) for panel in dashboard["panels"]]
    assert len(set(places)) == len(places)
    assert {panel["datasource"]["uid"] for panel in dashboard["panels"]} == {"prometheus"}


def test_the_unit_lets_numba_compile_and_requests_end() -> None:
    service = unit()
    assert "MemoryDenyWriteExecute" not in service
    assert int(service["TimeoutStopSec"]) > server._DRAIN_SECONDS
    assert int(service["LimitNOFILE"]) > 10_000
    assert service["ExecStart"].split()[1] == "serve"
    options = [word for word in service["ExecStart"].split() if word.startswith("--")]
    shown = CliRunner().invoke(app, ["serve", "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).output
    assert all(option in shown for option in options)
    assert f"NUMBA_CACHE_DIR=/var/cache/{service['CacheDirectory']}" in service["Environment"]


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    content = (DEPLOY / "asr.service").read_text().replace("/opt/asr/bin/asr", sys.executable)  # one that exists
    (tmp_path / "asr.service").write_text(content)
    command = ["systemd-analyze", "verify", "--man=no", str(tmp_path / "asr.service")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "")
    assert "asr.service" not in run.stderr
