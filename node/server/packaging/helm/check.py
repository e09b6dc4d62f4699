"""Renders the chart with Helm's own engine and holds the objects against the schemas of Kubernetes.

Usage: check.py FOLDER. The nodes' configs are written to FOLDER, for `ringmain` to read.
"""

import pathlib
import sys
import tomllib

import kubernetes_validate
import yaml
from helm_python import Chart, HelmError, lint

CHART = pathlib.Path(__file__).parent / "ringmain"
KUBERNETES = ["1.30", "1.34"]
GOOD = {
    "as it comes": {},
    "one node": {"nodes": 1},
    "five nodes, all options": {
        "nodes": 5,
        "preStopSeconds": 0,
        "imagePullSecrets": [{"name": "registry"}],
        "image": {"repository": "registry.example/ringmain", "tag": "1.2.3"},
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"key": "dedicated", "operator": "Exists"}],
        "podAnnotations": {"note": "a"},
        "data": {"size": "100Gi", "storageClass": "fast"},
        "spread": {"whenUnsatisfiable": "DoNotSchedule"},
        "timeouts": {"stop_ms": 30500, "heartbeat_ms": 60, "election_min_ms": 200, "election_max_ms": 400},
        "monitoring": {"serviceMonitor": True, "prometheusRule": True, "labels": {"release": "prometheus"}},
    },
}
BAD = {
    "an even number of nodes": {"nodes": 2},
    "a name that is not known": {"node": 3},
    "no tokens": {"tokensSecret": ""},
    "a timeout that is no number": {"timeouts": {"stop_ms": "soon"}},
    "a size without a unit": {"data": {"size": "20"}},
}
OF_OPERATORS = {"ServiceMonitor", "PrometheusRule"}


def render(values):
    chart = Chart.load(CHART)
    chart.validate_schema(values)
    rendered = chart.render(values, name="demo", namespace="calls")
    objects = []
    for path, text in rendered.items():
        if path.endswith((".yaml", ".yml")):
            objects += [each for each in yaml.safe_load_all(text) if each]
    return objects


def one(objects, kind, name="demo-ringmain"):
    found = [each for each in objects if each["kind"] == kind and each["metadata"]["name"] == name]
    assert len(found) == 1, f"{len(found)} objects {kind} {name}"
    return found[0]


def check_joints(objects, values):
    """What no schema knows: names and numbers in one object that must fit those in another."""
    nodes = values.get("nodes", 3)
    pods = one(objects, "StatefulSet")["spec"]
    labels = pods["template"]["metadata"]["labels"]
    container = pods["template"]["spec"]["containers"][0]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert pods["replicas"] == nodes
    for each in objects:
        selector = each["spec"].get("selector") if each["kind"] in ("Service", "PodDisruptionBudget", "StatefulSet") else None
        if selector:
            asked = selector.get("matchLabels", selector)
            assert asked.items() <= labels.items(), f"{each['metadata']['name']} selects other pods: {asked}"
        if each["kind"] == "Service":
            for port in each["spec"]["ports"]:
                assert ports[port["targetPort"]] == port["port"], port
    nodes_service = one(objects, "Service", pods["serviceName"])["spec"]
    assert nodes_service["clusterIP"] == "None" and nodes_service["publishNotReadyAddresses"] is True
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] in ports, probe
    volumes = {volume["name"] for volume in pods["template"]["spec"]["volumes"]}
    volumes |= {claim["metadata"]["name"] for claim in pods["volumeClaimTemplates"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes
    budget = one(objects, "PodDisruptionBudget")["spec"]["maxUnavailable"]
    assert budget == (0 if nodes == 1 else 1)
    grace = pods["template"]["spec"]["terminationGracePeriodSeconds"]
    stop = values.get("timeouts", {}).get("stop_ms", 10_000) / 1_000
    assert grace >= container["lifecycle"]["preStop"]["sleep"]["seconds"] + stop + 10, grace
    if values.get("monitoring", {}).get("prometheusRule"):
        assert len(one(objects, "PrometheusRule")["spec"]["groups"][0]["rules"]) > 10


def check_configs(objects, values, folder):
    nodes = values.get("nodes", 3)
    service = one(objects, "StatefulSet")["spec"]["serviceName"]
    files = one(objects, "ConfigMap")["data"]
    assert sorted(files) == [f"node-{ordinal}.toml" for ordinal in range(nodes)]
    for ordinal in range(nodes):
        text = files[f"node-{ordinal}.toml"]
        config = tomllib.loads(text)
        assert config["node"] == ordinal + 1
        for place, peer in enumerate(config["peers"]):
            host = f"demo-ringmain-{place}.{service}.calls.svc.cluster.local"
            assert peer == {"node": place + 1, "region": "main", "peer": f"{host}:7112", "api": f"{host}:7111"}
        (folder / f"{nodes}-node-{ordinal}.toml").write_text(text)


def main():
    folder = pathlib.Path(sys.argv[1])
    for version in KUBERNETES:
        report = lint(CHART, {}, strict=True, kube_version=f"v{version}.0")
        serious = [message for message in report["messages"] if message["severity"] > 1]
        assert not serious and not report["errors"], report
    for name, values in GOOD.items():
        objects = render(values)
        known = [each for each in objects if each["kind"] not in OF_OPERATORS]
        for version in KUBERNETES:
            for each in known:
                kubernetes_validate.validate(each, version, strict=True)
        check_joints(objects, values)
        check_configs(objects, values, folder)
        print(f"chart, {name}: {len(objects)} objects, {len(known)} valid for Kubernetes {' and '.join(KUBERNETES)}")
    for name, values in BAD.items():
        try:
            Chart.load(CHART).validate_schema(values)
        except HelmError:
            continue
        raise AssertionError(f"{name} was taken: {values}")
    print(f"chart: {len(BAD)} kinds of wrong values are refused")


main()
