#!/usr/bin/env python3
"""Checks all that deploys Averis, as far as that needs no cluster and no container engine. `make deployment` runs it.

  check.py TOOLS [--write]     TOOLS: folder of the programs that scripts/get-tools.sh sees to
                               --write: writes what is made from other files, instead of comparing it
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

import commands
import ingress
import services

ROOT = Path(__file__).resolve().parents[2]
K8S = ROOT / "k8s"
MONITORING = K8S / "components/monitoring"
OVERLAYS = ["dev", "production"]
SERVICES = ["customer", "ecomm", "erp", "oms", "pricing", "product", "tenant"]
# The oldest and the newest that is supported.
VERSIONS = ["1.31", "1.35"]
# What docs/operations/install.md says to add to the secrets of those that send mails.
MAILS = {service: {"AVERIS_SMTP_URL": "smtps://averis:word@mail.averis.example"} for service in ("customer", "tenant")}
OURS = re.compile(r"\.k8s\.io(/|$)|^(apps|batch|policy|autoscaling)/|^v1$")
findings = []


def expect(truth, what):
    if not truth:
        findings.append(what)


def run(*command, text=None):
    done = subprocess.run([str(part) for part in command], input=text, capture_output=True, text=True, cwd=ROOT)
    return done.returncode, done.stdout + done.stderr


def program(tools, name):
    path = tools / "bin" / name
    found = str(path) if path.exists() else shutil.which(name)
    if not found:
        sys.exit(f"{name} is not there: sh scripts/get-tools.sh")
    return found


def built(overlay):
    done = subprocess.run(["kubectl", "kustomize", K8S / "overlays" / overlay], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{overlay}: {done.stderr}")
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def is_core(document):
    api = document["apiVersion"]
    return bool(OURS.search(api)) and not api.startswith("gateway.networking")


def name(document):
    return f"{document['kind']}/{document['metadata']['name']}"


def schemas(tools, overlay, documents):
    core = [document for document in documents if is_core(document)]
    text = yaml.safe_dump_all(core)
    for version in VERSIONS:
        code, said = run(program(tools, "kubernetes-validate"), "-k", version, "--strict", "--quiet", "-", text=text)
        expect(code == 0, f"{overlay}, Kubernetes {version}: {said.strip()}")
    others = [document for document in documents if not is_core(document)]
    code, said = run("node", ROOT / "scripts/deployment/resources.mjs", tools / "npm", text=json.dumps(others))
    expect(code == 0, f"{overlay}: {said.strip()}")
    print(f"{overlay}: {len(core)} objects against the schemas of Kubernetes {' and '.join(VERSIONS)}; {said.strip()}")


def pod(document):
    return document.get("spec", {}).get("template", {}).get("spec")


def holds_password(value):
    """Whether a text is an address with a password that is no reference."""
    return bool(re.search(r"://[^/\s:@]*:(?!\$\()[^/\s@]+@", str(value or "")))


def policies(overlay, documents):
    """What every pod has to be, whoever wrote it."""
    for document in documents:
        expect(document["kind"] != "Secret", f"{overlay}: {name(document)}: no secret is in the repository")
        if document["kind"] == "ConfigMap":
            for key, value in document.get("data", {}).items():
                expect(not holds_password(value), f"{overlay}: {name(document)}: {key} holds a credential")
        spec = pod(document)
        if not spec:
            continue
        said = f"{overlay}: {name(document)}"
        rights = spec.get("securityContext", {})
        expect(rights.get("runAsNonRoot") is True, f"{said} may run as root")
        expect(rights.get("runAsUser", 0) > 0, f"{said} names no user")
        expect(rights.get("seccompProfile", {}).get("type") == "RuntimeDefault", f"{said} has no seccomp profile")
        expect(spec.get("automountServiceAccountToken") is False, f"{said} is given a token of the cluster")
        for container in spec.get("initContainers", []) + spec["containers"]:
            said = f"{overlay}: {name(document)}, {container['name']}"
            rights = container.get("securityContext", {})
            expect(rights.get("allowPrivilegeEscalation") is False, f"{said} may gain rights")
            expect(rights.get("readOnlyRootFilesystem") is True, f"{said} may write to its root")
            expect(rights.get("capabilities", {}).get("drop") == ["ALL"], f"{said} keeps capabilities")
            resources = container.get("resources", {})
            for kind in ("requests", "limits"):
                for what in ("cpu", "memory"):
                    expect(what in resources.get(kind, {}), f"{said} has no {kind} of {what}")
            tag = container["image"].rpartition(":")[2] if ":" in container["image"].rpartition("/")[2] else ""
            expect(tag not in ("", "latest"), f"{said}: {container['image']} may be anything")
            if document["kind"] in ("Deployment", "StatefulSet"):
                expect("readinessProbe" in container, f"{said} never says that it is ready")
            known = set()
            for variable in container.get("env", []):
                unknown = set(re.findall(r"\$\((\w+)\)", str(variable.get("value", "")))) - known
                expect(not unknown, f"{said}: {variable['name']} refers to {sorted(unknown)}, which do not stand before it")
                known.add(variable["name"])
                secret = re.search(r"SECRET|PASSWORD|TOKEN|_URL$", variable["name"])
                expect(not (secret and holds_password(variable.get("value"))), f"{said}: {variable['name']} holds a credential")
    selected = [document["spec"]["podSelector"] for document in documents if document["kind"] == "NetworkPolicy"]
    expect({} in selected, f"{overlay}: not everything is closed that no policy opens")
    for service in SERVICES:
        for kind in ("Deployment", "Service", "ServiceAccount", "PodDisruptionBudget", "HorizontalPodAutoscaler", "NetworkPolicy"):
            known = [document for document in documents if name(document) == f"{kind}/averis-{service}"]
            expect(len(known) == 1, f"{overlay}: {len(known)} of {kind}/averis-{service}")
        for document in documents:
            if name(document) == f"Deployment/averis-{service}":
                drain = int(settings(documents)["AVERIS_DRAIN_SECONDS"])
                grace = pod(document)["terminationGracePeriodSeconds"]
                expect(grace >= drain + 30, f"{overlay}: {name(document)} is killed before it has finished")
                budget = next(d for d in documents if name(d) == f"PodDisruptionBudget/averis-{service}")
                chosen = budget["spec"].get("selector", {}).get("matchLabels", {})
                labels = document["spec"]["template"]["metadata"]["labels"]
                own = chosen.get("app.kubernetes.io/name") == f"averis-{service}"
                expect(own and chosen.items() <= labels.items(), f"{overlay}: {name(budget)} is for no pod")
                expect(document["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0, f"{overlay}: {name(document)}")


def database(overlay, documents):
    """Where the operator runs the database, nobody logs in in the clear, and whoever logs in knows whom to believe."""
    clusters = [document for document in documents if document["kind"] == "Cluster"]
    expect(len(clusters) == (overlay == "production"), f"{overlay}: {len(clusters)} databases by the operator")
    for cluster in clusters:
        first = cluster["spec"]["postgresql"].get("pg_hba") or [None]
        expect(first[0] == "hostnossl all all all reject", f"{overlay}: {name(cluster)} takes logins in the clear")
        believed = f"{cluster['metadata']['name']}-ca"
        for document in documents:
            if name(document) not in ["Job/averis-migrate", *(f"Deployment/averis-{service}" for service in SERVICES)]:
                continue
            said = f"{overlay}: {name(document)}"
            mounts = {mount["name"]: mount["mountPath"] for mount in pod(document)["containers"][0]["volumeMounts"]}
            places = [
                f"{mounts.get(volume['name'])}/{item['path']}"
                for volume in pod(document)["volumes"]
                if volume.get("secret", {}).get("secretName") == believed
                for item in volume["secret"].get("items", [{"path": "the authority's key"}])
            ]
            expect(places == ["/run/averis-db/ca.crt"], f"{said} finds {places} of {believed}")
            for variable in pod(document)["containers"][0]["env"]:
                address = str(variable.get("value", ""))
                checked = address.endswith("?sslmode=verify-full&sslrootcert=/run/averis-db/ca.crt")
                expect(checked or not re.match("postgres(ql)?://", address), f"{said}: {variable['name']} is in the clear")
    if clusters:
        print(f"{overlay}: logins to the database by TLS alone")


def settings(documents):
    return next(document["data"] for document in documents if name(document).startswith("ConfigMap/averis-settings-"))


def callers(overlay, documents):
    """Who calls a service is who its policy lets in, as the code has it."""
    calls = {service: set() for service in SERVICES}
    for service in SERVICES:
        for file in (ROOT / "services" / service / "src").rglob("*.rs"):
            for called in re.findall(r"urls\.(\w+)", file.read_text()):
                if called in calls:
                    calls[called].add(service)
        calls["tenant"].add(service)
    for service, expected in calls.items():
        policy = next(d for d in documents if name(d) == f"NetworkPolicy/averis-{service}")
        expect(
            policy["spec"]["podSelector"]["matchLabels"].get("app.kubernetes.io/name") == f"averis-{service}",
            f"{overlay}: {name(policy)} is for others",
        )
        admitted = set()
        for rule in policy["spec"]["ingress"]:
            for source in rule["from"]:
                for clause in source.get("podSelector", {}).get("matchExpressions", []):
                    admitted |= {value.removeprefix("averis-") for value in clause["values"]}
        expect(admitted == expected, f"{overlay}: {service} is called by {sorted(expected)}, and admits {sorted(admitted)}")
    print(f"{overlay}: network policies admit {sum(map(len, calls.values()))} ways between services, which are those of the code")


def rules(tools, write):
    file = MONITORING / "averis.rules.yml"
    groups = yaml.safe_load(file.read_text())["groups"]
    manifest = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "averis"},
        "spec": {"groups": groups},
    }
    made = "# Made from averis.rules.yml by `make monitoring`.\n" + yaml.safe_dump(manifest, sort_keys=False, width=160)
    target = MONITORING / "rules.yaml"
    if write:
        target.write_text(made)
    expect(target.exists() and target.read_text() == made, "k8s/components/monitoring/rules.yaml is out of date: make monitoring")
    promtool = program(tools, "promtool")
    for command in (["check", "rules", file], ["test", "rules", MONITORING / "averis.rules.test.yml"]):
        code, said = run(promtool, *command)
        expect(code == 0, f"promtool {command[0]} {command[1]}: {said}")
    tested = {case["name"] for case in yaml.safe_load((MONITORING / "averis.rules.test.yml").read_text())["tests"]}
    book = (ROOT / "docs/operations/runbooks.md").read_text()
    headings = {line[3:].strip().lower() for line in book.splitlines() if line.startswith("## ")}
    alerts = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    for alert in alerts:
        expect(alert["alert"] in tested, f"nothing fires {alert['alert']}")
        anchor = alert["annotations"]["runbook_url"].rpartition("#")[2]
        expect(anchor == alert["alert"].lower() and anchor in headings, f"there is no runbook for {alert['alert']}")
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(file, folder)
        config = Path(folder) / "prometheus.yml"
        shutil.copy(ROOT / "deploy/prometheus/prometheus.yml", config)
        code, said = run(promtool, "check", "config", config)
        expect(code == 0, f"promtool check config: {said}")
    print(f"{len(alerts)} alerts, each with a runbook and a test that fires it")


def dashboards(tools):
    expressions = []
    for file in sorted((MONITORING / "dashboards").glob("*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel["targets"]:
                text = target["expr"].replace("$tenant", "acme")
                expressions.append({"record": f"check:{len(expressions)}", "expr": text})
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        yaml.safe_dump({"groups": [{"name": "dashboards", "rules": expressions}]}, file)
        file.flush()
        code, said = run(program(tools, "promtool"), "check", "rules", "--lint=none", file.name)
    expect(code == 0, f"dashboards: {said}")
    print(f"{len(expressions)} expressions of dashboards can be read")


def compose(tools):
    file = ROOT / "docker-compose.multi-tenant.yml"
    plugin = program(tools, "docker-compose") if (tools / "bin/docker-compose").exists() else None
    command = [plugin] if plugin else ["docker", "compose"]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        shutil.copy(file, copy)
        for part in ("deploy", "k8s", "scripts"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        code, said = run("sh", copy / "scripts/compose-secrets.sh", copy / ".averis/compose")
        expect(code == 0, f"compose-secrets.sh: {said}")
        done = subprocess.run(
            [*command, "-f", copy / file.name, "--profile", "observability", "config", "--format", "json"],
            capture_output=True,
            text=True,
        )
        expect(done.returncode == 0, f"compose: {done.stderr}")
        whole = json.loads(done.stdout or '{"services": {}}')
        for secret in whole.get("secrets", {}).values():
            expect(Path(secret["file"]).exists(), f"compose: {secret['file']} is made by nobody")
        for service in whole["services"].values():
            for mount in service.get("volumes", []):
                if mount["type"] == "bind":
                    expect(Path(mount["source"]).exists(), f"compose: {mount['source']} does not exist")
    for each, service in whole["services"].items():
        image = service["image"]
        expect(":" in image and not image.endswith(":latest"), f"compose: {each}: {image} may be anything")
        if "build" in service:
            expect(service.get("read_only") and service.get("user") == "65532:65532", f"compose: {each} has rights")
    # Where the documents have the command line, in a container of its own, ask the tenant service.
    told = {url for page in commands.OPERATIONS for url in re.findall(r"--env AVERIS_URL=http://(\S+)", page.read_text())}
    aliases = whole["services"]["tenant"]["networks"]["inside"]["aliases"]
    expect(told and all(host.partition(":")[0] in aliases for host in told), f"compose: {sorted(told)} is told, and {aliases} found")
    environments = {service: whole["services"][service]["environment"] for service in SERVICES}
    services.exercise("compose", environments, {}, {"tenant": sorted(told)}, expect)
    code, said = run(program(tools, "check-jsonschema"), "--builtin-schema", "vendor.compose-spec", file)
    expect(code == 0, said)
    code, said = run(program(tools, "hadolint"), ROOT / "Dockerfile")
    expect(code == 0, f"Dockerfile: {said}")
    print(f"compose: {len(whole['services'])} services")


def named(documents):
    """What commands may name: objects, and secrets that pods ask for."""
    names = {name(document).lower() for document in documents}
    asked = re.compile(r'"secretName": "([\w-]+)"|"secretKeyRef": {[^}]*"name": "([\w-]+)"|"secretRef": {"name": "([\w-]+)"')
    for document in documents:
        names |= {f"secret/{''.join(secret)}" for secret in asked.findall(json.dumps(pod(document)))}
    return names


def collector(overlay, documents):
    """The collector's pipelines have the parts that it defines, and it listens where services send their traces to."""
    whole = yaml.safe_load((ROOT / "deploy/otel/collector.yml").read_text())
    for kind in ("receivers", "processors", "exporters"):
        used = {part for pipeline in whole["service"]["pipelines"].values() for part in pipeline[kind]}
        expect(used == set(whole[kind]), f"collector: {kind} {sorted(whole[kind])} are defined, and {sorted(used)} used")
    first = {pipeline["processors"][0] for pipeline in whole["service"]["pipelines"].values()}
    expect(first == {"memory_limiter"}, f"collector: {sorted(first)} come before the limit of memory")
    port = whole["receivers"]["otlp"]["protocols"]["http"]["endpoint"].rpartition(":")[2]
    target = settings(documents).get("AVERIS_OTLP_URL")
    expect(not target or target.endswith(f":{port}"), f"{overlay}: the collector listens at {port}, and services send to {target}")


def main():
    tools = Path(sys.argv[1]).resolve()
    write = "--write" in sys.argv
    rules(tools, write)
    known = set()
    for overlay in OVERLAYS:
        documents = built(overlay)
        known |= named(documents)
        schemas(tools, overlay, documents)
        policies(overlay, documents)
        callers(overlay, documents)
        database(overlay, documents)
        collector(overlay, documents)
        ingress.exercise(program(tools, "nginx"), documents, SERVICES, expect)
        environments = {service: services.of_pod(documents, service) for service in SERVICES}
        services.exercise(overlay, environments, MAILS if overlay == "production" else {}, {}, expect)
    dashboards(tools)
    compose(tools)
    commands.check(tools, expect, known)
    for finding in findings:
        print(f"FOUND: {finding}", file=sys.stderr)
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    main()
