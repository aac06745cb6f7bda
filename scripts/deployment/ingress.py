"""Exercises an Ingress, or a Gateway with its routes: an nginx that is made from their rules stands before backends that say what reached
them."""

import http.client
import json
import random
import socket
import subprocess
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


# What callers say of themselves, and what the services believe of a proxy that they trust.
STRANGE = ["x-forwarded-host", "traceparent", "tracestate"]


class Echo(BaseHTTPRequestHandler):
    """Says who it is and what it was asked for."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        said = {
            "backend": self.server.name,
            "path": self.path,
            "host": self.headers["host"],
            "tenant": self.headers["x-tenant-id"],
            "of_callers": [name for name in STRANGE if self.headers[name]],
        }
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def backend(name):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    server.name = name
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def free_port():
    """A port at which nobody listens, and none of those that connections take by themselves."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)):
                return port


def named(documents, kind, name):
    return next(d for d in documents if d["kind"] == kind and d["metadata"]["name"].startswith(name))


def host_of(host, wildcard):
    """A wildcard is one label in an Ingress, and any number of them in a Gateway."""
    return f"~^{wildcard}" + host[1:].replace(".", r"\.") + "$" if host.startswith("*.") else host


def prefix(path):
    """A prefix is one of whole segments."""
    return f"^{path.rstrip('/').replace('.', chr(92) + '.')}(/|$)"


def proxy(pattern, port, removed=()):
    without = " ".join(f'proxy_set_header {header} "";' for header in removed)
    return f"location ~ {pattern} {{ proxy_set_header Host $http_host; {without} proxy_pass http://127.0.0.1:{port}; }}"


def server(port, name, locations):
    return f"server {{ listen 127.0.0.1:{port}; server_name {name}; {' '.join(locations)} location / {{ return 404; }} }}"


def of_ingress(documents, ports, at, home):
    """Returns nginx's servers for the rules of an Ingress, and the proxy behind /t with the text that is deployed."""
    servers = []
    for rule in named(documents, "Ingress", "averis")["spec"]["rules"]:
        locations = []
        # The longest path wins.
        for path in sorted(rule["http"]["paths"], key=lambda path: -len(path["path"])):
            if path["pathType"] != "Prefix":
                raise SystemExit(f"{path['path']}: {path['pathType']} means something else to each controller")
            to = path["backend"]["service"]["name"]
            locations.append(proxy(prefix(path["path"]), at["paths"] if to == "averis-paths" else ports[to]))
        servers.append(server(at["secured"], host_of(rule["host"], "[^.]+"), locations))
    own = named(documents, "ConfigMap", "averis-paths")["data"]["default.conf.template"]
    own = own.replace("listen 8080", f"listen 127.0.0.1:{at['paths']}").replace("/dev/stdout", f"{home}/access")
    # The names of the cluster: here each is a port.
    own = own.replace("resolver ${NGINX_LOCAL_RESOLVERS} valid=10s;", "")
    own = own.replace("http://averis-$averis_service${AVERIS_SERVICES}$request_uri", "http://$averis_service$request_uri")
    upstreams = [
        f"upstream {name.removeprefix('averis-')} {{ server 127.0.0.1:{number}; }}" for name, number in ports.items()
    ]
    return [*upstreams, *servers, own]


def of_gateway(documents, ports, at):
    """Returns nginx's servers for the routes of a Gateway, one for each of its listeners' hosts."""
    servers = []
    listeners = {each["name"]: each for each in named(documents, "Gateway", "averis")["spec"]["listeners"]}
    for route in (document for document in documents if document["kind"] == "HTTPRoute"):
        # Prefixes come before regular expressions, which have to match the whole path.
        prefixes, expressions, others = [], [], []
        for rule in route["spec"]["rules"]:
            removed = []
            for each in rule.get("filters", []):
                if each["type"] == "RequestHeaderModifier":
                    removed += each["requestHeaderModifier"]["remove"]
                elif each["type"] == "RequestRedirect":
                    target = each["requestRedirect"]
                    others.append(f"location ~ ^/ {{ return {target['statusCode']} {target['scheme']}://$host$request_uri; }}")
            for match in rule.get("matches", []):
                path, target = match["path"], ports[rule["backendRefs"][0]["name"]]
                if path["type"] == "PathPrefix":
                    prefixes.append((path["value"], proxy(prefix(path["value"]), target, removed)))
                else:
                    expressions.append(proxy(f"^{path['value']}$", target, removed))
        prefixes = [location for _, location in sorted(prefixes, key=lambda each: -len(each[0]))]
        attached = [listeners[each["sectionName"]] for each in route["spec"]["parentRefs"]]
        for host in route["spec"]["hostnames"]:
            for listener in attached:
                if listener.get("hostname", host) == host:
                    port = at["secured"] if listener["protocol"] == "HTTPS" else at["plain"]
                    servers.append(server(port, host_of(host, ".+"), prefixes + expressions + others))
    return servers


def config(servers, at, home):
    # A host that no rule has.
    others = [f"server {{ listen 127.0.0.1:{port} default_server; return 404; }}" for port in (at["secured"], at["plain"])]
    folders = "".join(f"{kind}_temp_path {home}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return f"daemon off; pid {home}/pid; error_log stderr crit; events {{}} http {{ access_log off; {folders}\n" + "\n".join(others + servers) + "\n}\n"


def ask(port, host, path, headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Host": host, **headers})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, json.loads(body) if answer.status == 200 else {"location": answer.getheader("location")}


def exercise(nginx, documents, services, expect):
    kind = "gateway" if any(document["kind"] == "Gateway" for document in documents) else "ingress"
    domain = named(documents, "ConfigMap", "averis-settings-")["data"]["AVERIS_BASE_DOMAIN"]
    ports = {f"averis-{service}": backend(service) for service in services}
    at = {name: free_port() for name in ("secured", "plain", "paths")}
    with tempfile.TemporaryDirectory() as home:
        servers = of_gateway(documents, ports, at) if kind == "gateway" else of_ingress(documents, ports, at, home)
        file = Path(home) / "nginx.conf"
        file.write_text(config(servers, at, home))
        running = subprocess.Popen([nginx, "-e", "stderr", "-p", home, "-c", str(file)])
        try:
            wait(at["secured"])
            asked = routes(kind, domain, services, at["secured"], expect)
            if kind == "gateway":
                asked += strangers(domain, services, at, expect)
        finally:
            running.terminate()
            running.wait()
    print(f"{kind}: {asked} requests reached the service they mean, or none")


def routes(kind, domain, services, port, expect):
    """Every service by each way to name a tenant, and what nobody should reach."""
    asked = 0
    for service in services:
        path = f"/api/{service}/v1/things?q=a%2Fb"
        for strategy, host, whole, headers in (
            ("subdomain", f"acme.{domain}", path, {}),
            ("header", domain, path, {"X-Tenant-ID": "acme"}),
            ("path", domain, f"/t/acme{path}", {}),
        ):
            status, said = ask(port, host, whole, headers)
            reached = {"backend": service, "path": whole, "host": host, "tenant": headers.get("X-Tenant-ID")}
            same = {key: said.get(key) for key in reached}
            expect(status == 200 and same == reached, f"{kind}, {strategy}: {whole} at {host}: {status} {said}")
            asked += 1
    keys = ask(port, domain, "/.well-known/jwks.json", {})
    expect(keys[1].get("backend") == "tenant", f"{kind}: keys: {keys}")
    for host, path in (
        (domain, "/internal/oms/v1/x"),
        (f"acme.{domain}", "/internal/oms/v1/x"),
        (domain, "/t/acme/internal/oms/v1/x"),
        (domain, "/t/acme/api/apis/v1/x"),
        (domain, "/metrics"),
        (domain, "/api/productive/v1/x"),
        (f"else.{domain}.example", "/api/oms/v1/x"),
    ):
        status, said = ask(port, host, path, {})
        expect(status == 404, f"{kind}: {path} at {host} reaches {said}")
        asked += 1
    return asked + 1


def strangers(domain, services, at, expect):
    """What callers say of themselves does not reach a service, and nobody is served without TLS."""
    asked = 0
    for service in services:
        for host, path in ((f"acme.{domain}", f"/api/{service}/v1/x"), (domain, f"/t/acme/api/{service}/v1/x")):
            status, said = ask(at["secured"], host, path, dict.fromkeys(STRANGE, f"globex.{domain}"))
            expect(status == 200 and said["of_callers"] == [], f"gateway: {path} at {host} says {said}")
            status, said = ask(at["plain"], host, path, {})
            expect(
                (status, said.get("location")) == (301, f"https://{host}{path}"), f"gateway: {path} at {host} without TLS: {status} {said}"
            )
            asked += 2
    return asked


def wait(port):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise SystemExit("nginx does not listen")
