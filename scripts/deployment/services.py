"""Starts the services' programs with what a deployment sets for them: a variable that is missing, misspelt or malformed ends them."""

import http.client
import re
import subprocess
import tempfile
import time
from pathlib import Path

from ingress import free_port

ROOT = Path(__file__).resolve().parents[2]
# Nobody is there; services wait for their database.
DATABASE = "127.0.0.1:1/averis?sslmode=disable"
PATIENCE = 10


def known():
    """The variables that the code reads, as the page that is made from it has them."""
    page = (ROOT / "docs/operations/configure.md").read_text()
    return set(re.findall(r"^\| `(AVERIS_\w+)`", page, re.M))


def of_pod(documents, service):
    """Returns what the pods of a service find in their environment."""
    deployment = next(d for d in documents if d["kind"] == "Deployment" and d["metadata"]["name"] == f"averis-{service}")
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    settings = {d["metadata"]["name"]: d["data"] for d in documents if d["kind"] == "ConfigMap"}
    found = {}
    for source in container.get("envFrom", []):
        found |= settings[source["configMapRef"]["name"]]
    return found | {variable["name"]: variable.get("value", "") for variable in container["env"]}


def status(port, host, path):
    """What a service answers to whoever means it by that name, or nothing where it does not."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers={"Host": host})
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()


def start(service, environment, secrets, hosts):
    """Returns what keeps the program of a service from starting with these variables, and from being found at these hosts, or nothing."""
    port = free_port()
    own = {
        "AVERIS_SECRETS_DIR": str(secrets / service),
        "AVERIS_HTTP_BIND": "127.0.0.1",
        "AVERIS_HTTP_PORT": str(port),
        "AVERIS_METRICS_PORT": str(free_port()),
    }
    program = ROOT / "target/debug" / f"averis-{service}"
    running = subprocess.Popen([program], env=environment | own, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        until = time.monotonic() + PATIENCE
        while running.poll() is None and time.monotonic() < until:
            if status(port, "localhost", "/health/live") == 200:
                strange = [host for host in hosts if status(port, host, f"/api/{service}/v1/tenants") in (None, 400, 404)]
                return f"it does not know itself as {strange}" if strange else None
            time.sleep(0.02)
    finally:
        running.kill()
        said, _ = running.communicate()
    return said.strip() or "it does not answer"


def exercise(said, environments, besides, hosts, expect):
    """Starts all services. `besides` are the variables that people are told to add to the secrets of some, and `hosts` those at which
    the documents have the command line ask them."""
    names = known()
    with tempfile.TemporaryDirectory() as home:
        secrets = Path(home) / "secrets"
        averis = ROOT / "target/debug/averis"
        made = subprocess.run(
            [averis, "secrets", "--state-dir", home, "--database", DATABASE, "files", secrets], capture_output=True, text=True
        )
        expect(made.returncode == 0, f"{said}: {made.stderr}")
        started = 0
        for service, environment in environments.items():
            unknown = {name for name in environment if name.startswith("AVERIS_")} - names
            expect(not unknown, f"{said}: {service} is told {sorted(unknown)}, which nothing reads")
            why = start(service, environment | besides.get(service, {}), secrets, hosts.get(service, []))
            expect(why is None, f"{said}: {service} does not start: {why}")
            started += why is None
    print(f"{said}: {started} programs start with what is set for them")
