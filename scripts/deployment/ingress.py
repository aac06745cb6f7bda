"""Exercises an Ingress: an nginx that is made from its rules stands before backends that say what reached them."""

import http.client
import json
import socket
import subprocess
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Echo(BaseHTTPRequestHandler):
    """Says who it is and what it was asked for."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        said = {
            "backend": self.server.name,
            "path": self.path,
            "host": self.headers["host"],
            "tenant": self.headers["x-tenant-id"],
            "forwarded_host": self.headers["x-forwarded-host"],
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
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    port = server.server_address[1]
    server.server_close()
    return port


def named(documents, kind, name):
    return next(d for d in documents if d["kind"] == kind and d["metadata"]["name"].startswith(name))


def host_of(rule):
    """A wildcard is one label, as the Ingress API has it."""
    host = rule["host"]
    return "~^[^.]+" + host[1:].replace(".", r"\.") + "$" if host.startswith("*.") else host


def config(ingress, ports, paths, port, paths_port, home):
    """Writes nginx's configuration for the rules, and for the proxy behind /t with the text that is deployed."""
    servers = []
    for rule in ingress["spec"]["rules"]:
        locations = []
        # The longest path wins, and a prefix is one of whole segments.
        for path in sorted(rule["http"]["paths"], key=lambda path: -len(path["path"])):
            if path["pathType"] != "Prefix":
                raise SystemExit(f"{path['path']}: {path['pathType']} means something else to each controller")
            to = path["backend"]["service"]["name"]
            target = paths_port if to == "averis-paths" else ports[to]
            locations.append(
                f"location ~ ^{path['path'].replace('.', chr(92) + '.')}(/|$) {{ proxy_set_header Host $http_host; proxy_pass http://127.0.0.1:{target}; }}"
            )
        servers.append(f"server {{ listen 127.0.0.1:{port}; server_name {host_of(rule)}; {' '.join(locations)} location / {{ return 404; }} }}")
    own = paths["data"]["default.conf.template"]
    own = own.replace("listen 8080", f"listen 127.0.0.1:{paths_port}").replace("/dev/stdout", f"{home}/access")
    # The names of the cluster: here each is a port.
    own = own.replace("resolver ${NGINX_LOCAL_RESOLVERS} valid=10s;", "")
    own = own.replace("http://averis-$averis_service${AVERIS_SERVICES}$request_uri", "http://$averis_service$request_uri")
    upstreams = [
        f"upstream {name.removeprefix('averis-')} {{ server 127.0.0.1:{number}; }}" for name, number in ports.items()
    ]
    folders = "".join(f"{kind}_temp_path {home}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return (
        f"daemon off; pid {home}/pid; error_log stderr crit; events {{}} http {{ access_log off; {folders}\n"
        + "\n".join(upstreams + servers)
        + f"\n{own}\n}}\n"
    )


def ask(port, host, path, headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Host": host, **headers})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, json.loads(body) if answer.status == 200 else {}


def exercise(nginx, documents, expect):
    ingress = named(documents, "Ingress", "averis")
    domain = next(d for d in documents if d["metadata"]["name"] == "averis-settings")["data"]["AVERIS_BASE_DOMAIN"]
    services = ["customer", "ecomm", "erp", "oms", "pricing", "product", "tenant"]
    ports = {f"averis-{service}": backend(service) for service in services}
    port, paths_port = free_port(), free_port()
    asked = 0
    with tempfile.TemporaryDirectory() as home:
        file = Path(home) / "nginx.conf"
        file.write_text(config(ingress, ports, named(documents, "ConfigMap", "averis-paths"), port, paths_port, home))
        server = subprocess.Popen([nginx, "-e", "stderr", "-p", home, "-c", str(file)])
        try:
            wait(port)
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
                    expect(status == 200 and same == reached, f"ingress, {strategy}: {whole} at {host}: {status} {said}")
                    asked += 1
            keys = ask(port, domain, "/.well-known/jwks.json", {})
            expect(keys[1].get("backend") == "tenant", f"ingress: keys: {keys}")
            for host, path in (
                (domain, "/internal/oms/v1/x"),
                (f"acme.{domain}", "/internal/oms/v1/x"),
                (domain, "/t/acme/internal/oms/v1/x"),
                (domain, "/t/acme/api/apis/v1/x"),
                (domain, "/metrics"),
                (domain, "/api/productive/v1/x"),
            ):
                status, said = ask(port, host, path, {})
                expect(status == 404, f"ingress: {path} at {host} reaches {said}")
                asked += 1
        finally:
            server.terminate()
            server.wait()
    print(f"ingress: {asked + 1} requests reached the service they mean, or none")


def wait(port):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise SystemExit("nginx does not listen")
