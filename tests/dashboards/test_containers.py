"""The container configuration, as far as it can be checked without a container engine."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from dashboards.tools import generate, render_panels
from dashboards.tools.settings import Links
from tests.dashboards.conftest import DASHBOARDS

CONTAINERS = DASHBOARDS / "containers"


def load(name: str):
    return yaml.safe_load((CONTAINERS / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def services():
    return load("docker-compose.yml")["services"]


@pytest.fixture(scope="module")
def collector():
    return load("collector/collector.yaml")


def mounts(service) -> dict[str, Path]:
    """What is mounted from this repository, by its place in the container."""
    pairs = (volume.split(":") for volume in service["volumes"])
    return {inside: CONTAINERS / outside for outside, inside, *_ in pairs if outside[0] == "."}


def ports(service) -> dict[str, str]:
    """The ports, from this machine's to the container's."""
    return dict(port.rsplit(":", 2)[1:] for port in service.get("ports", ()))


def test_whatever_is_mounted_exists(services):
    for service in services.values():
        for path in mounts(service).values():
            assert path.exists(), path


def test_every_image_has_a_whole_version_and_says_what_was_tried():
    text = (CONTAINERS / "docker-compose.yml").read_text(encoding="utf-8")
    images = re.findall(r"^    # (.*)\n    image: (\S+)$", text, re.MULTILINE)
    assert len(images) == text.count("image: ")
    for comment, image in images:
        assert re.search(r":(v|version-)?\d+\.\d+\.\d+(-\w+)?$", image), image
        assert re.search(r"tried|tested|was run", comment), image


def test_images_have_the_versions_that_the_tools_are_tried_with(services):
    package = json.loads((render_panels.SOURCES / "package.json").read_text(encoding="utf-8"))
    grafana = package["dependencies"]["@grafana/ui"]
    assert services["grafana"]["image"] == f"grafana/grafana:{grafana}"
    program = (DASHBOARDS / "tools" / "check_phoenix.py").read_text(encoding="utf-8")
    (phoenix,) = re.findall(r"arize-phoenix==([\d.]+\d)", program)
    assert services["phoenix"]["image"] == f"arizephoenix/phoenix:version-{phoenix}"


def test_exemplars_are_kept_and_lead_to_the_traces(services):
    assert "--enable-feature=exemplar-storage" in services["prometheus"]["command"]
    source = load("grafana/provisioning/datasources/prometheus.yml")["datasources"][0]
    (destination,) = source["jsonData"]["exemplarTraceIdDestinations"]
    assert destination["name"] == "trace_id"
    assert destination["url"].startswith(Links().traces)


def test_nothing_listens_on_other_interfaces_than_loopback(services):
    for service in services.values():
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), port


def test_every_service_is_started_with_the_configuration_that_is_mounted(services):
    for name in ("collector", "prometheus", "alertmanager"):
        (config,) = (
            argument.removeprefix("--config=").removeprefix("--config.file=")
            for argument in services[name]["command"]
            if argument.startswith("--config")
        )
        assert config in mounts(services[name])


def test_the_default_links_are_what_is_served(services):
    links = Links()
    assert links.grafana == f"http://localhost:{next(iter(ports(services['grafana'])))}"
    assert links.runbooks == f"http://localhost:{next(iter(ports(services['runbooks'])))}"
    assert links.traces == f"http://localhost:{next(iter(ports(services['phoenix'])))}"


def test_pipelines_use_only_what_is_defined_and_everything_defined_is_used(collector):
    pipelines = collector["service"]["pipelines"]
    assert set(pipelines) == {"metrics", "traces", "logs"}
    for part in ("receivers", "processors", "exporters"):
        used = {name for pipeline in pipelines.values() for name in pipeline[part]}
        assert used == set(collector[part])
    assert set(collector["service"]["extensions"]) == set(collector["extensions"])


def test_the_collector_refuses_before_its_memory_is_full(collector):
    for pipeline in collector["service"]["pipelines"].values():
        assert pipeline["processors"][0] == "memory_limiter"


def test_the_collector_leaves_alone_what_keeps_workers_apart(collector):
    assert not any("resource" in name or "attributes" in name for name in collector["processors"])


def test_services_speak_to_each_other_where_they_listen(services, collector):
    spoken_to = [
        *(
            exporter["endpoint"]
            for exporter in collector["exporters"].values()
            if exporter.get("endpoint")
        ),
        *(
            f"http://{target}"
            for job in load("prometheus/prometheus.yml")["scrape_configs"]
            for config in job["static_configs"]
            for target in config["targets"]
            if not target.startswith("localhost")
        ),
        load("grafana/provisioning/datasources/prometheus.yml")["datasources"][0]["url"],
        services["demo"]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"],
    ]
    own = {"collector": "8888"}  # for Prometheus only, so not published
    for url in spoken_to:
        host, _, port = url.removeprefix("http://").partition("/")[0].partition(":")
        assert port in {*ports(services[host]).values(), own.get(host)}, url


def test_prometheus_takes_what_the_collector_sends(services, collector):
    assert "--web.enable-otlp-receiver" in services["prometheus"]["command"]
    assert collector["exporters"]["otlphttp/prometheus"]["endpoint"].endswith("/api/v1/otlp")


def test_prometheus_loads_the_rules_and_grafana_the_dashboard(services):
    (pattern,) = load("prometheus/prometheus.yml")["rule_files"]
    rules = [
        Path(inside)
        for inside, path in mounts(services["prometheus"]).items()
        if path.resolve() == generate.GENERATED / generate.RULES
    ]
    assert [path.match(f"/etc/prometheus/{pattern}") for path in rules] == [True]

    provider = load("grafana/provisioning/dashboards/toolpair.yml")["providers"][0]
    (dashboard,) = (
        Path(inside)
        for inside, path in mounts(services["grafana"]).items()
        if path.resolve() == generate.GENERATED / generate.DASHBOARD
    )
    assert str(dashboard.parent) == provider["options"]["path"]


def test_alerts_are_routed_by_the_severities_that_there_are(rules):
    config = load("alertmanager/alertmanager.yml")
    routed = {matcher for route in config["route"]["routes"] for matcher in route["matchers"]}
    assert routed == {'severity="critical"'}
    assert {rule["labels"]["severity"] for rule in rules if "alert" in rule} == {
        "critical",
        "warning",
    }


def test_inhibitions_name_alerts_that_there_are(rules):
    names = {rule["alert"] for rule in rules if "alert" in rule}
    for inhibition in load("alertmanager/alertmanager.yml")["inhibit_rules"]:
        for matcher in inhibition["source_matchers"] + inhibition["target_matchers"]:
            for name in matcher.partition('"')[2].rstrip('"').split("|"):
                assert name in names


@pytest.mark.parametrize(
    "command",
    [
        ("promtool", "check", "config", "prometheus/prometheus.yml"),
        ("amtool", "check-config", "alertmanager/alertmanager.yml"),
        ("docker-compose", "--profile", "demo", "config", "--quiet"),
    ],
    ids=lambda command: command[0],
)
def test_the_programs_own_checkers_find_no_fault(command):
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(  # noqa: S603 -- our own arguments
        command, cwd=CONTAINERS, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
