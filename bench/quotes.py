#!/usr/bin/env python3
"""Measures quotes over HTTP: one of 5 lines and one of 200 lines with 50 promotions, in one process with all services.
The engine alone is measured by the example `quote` of averis-pricing, which `make bench` runs before. Needs the release build
of averis."""

import http.client
import json
import os
import statistics
import tempfile
import time
import uuid

from run import PORT, STATE, averis, start, stop

TENANT = "quotes"
ROUNDS = int(os.environ.get("BENCH_QUOTES", "200"))


class Api:
    """A caller of the tenant, on one connection."""

    def __init__(self, token):
        self.token = token
        self.connection = http.client.HTTPConnection("127.0.0.1", PORT)

    def call(self, method, path, body=None, version=None):
        text = self.send(method, path, body, version)
        return json.loads(text) if text else None

    def send(self, method, path, body=None, version=None):
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        if method == "POST":
            headers["idempotency-key"] = str(uuid.uuid4())
        if version is not None:
            headers["if-match"] = f'"{version}"'
        data = None if body is None else json.dumps(body)
        while True:
            self.connection.request(method, f"/t/{TENANT}/api{path}", data, headers)
            answer = self.connection.getresponse()
            text = answer.read()
            if answer.status == 429:
                time.sleep(1)
                continue
            if answer.status >= 300:
                raise SystemExit(f"{method} {path}: {answer.status} {text[:500]}")
            return text

    def command(self, path, thing):
        return self.call("POST", path, {}, self.call("GET", thing)["version"])


def prepare(api, skus):
    variants = [{"sku": sku, "option_values": [sku]} for sku in skus]
    product = {"key": "thing", "name": "Thing", "description": "For quotes.", "options": ["SKU"], "variants": variants}
    product = "/product/v1/products/" + api.call("POST", "/product/v1/products", product)["id"]
    for section in ["marketing", "legal", "finance", "salesops", "contracts"]:
        for verb in ["submit", "approve"]:
            api.command(f"{product}/sections/{section}/{verb}", product)
    api.command(f"{product}/launch", product)
    api.call("POST", "/pricing/v1/locales", {"code": "de_DE", "name": "Deutsch"})
    api.call("POST", "/pricing/v1/tax-rates", {"country": "DE", "category": "standard", "rate": "0.19"})
    catalog = {"code": "eu", "name": "EU", "currency": "EUR", "tax_included": True, "locale": "de_DE", "is_default": True}
    catalog = "/pricing/v1/catalogs/" + api.call("POST", "/pricing/v1/catalogs", catalog)["id"]
    # What was launched a moment ago is asked for where its event has not come yet.
    time.sleep(1)
    entries = {"entries": [{"product_id": product.rsplit("/", 1)[1]}]}
    version = api.call("GET", catalog)["version"]
    api.call("PUT", f"{catalog}/entries", entries, version)
    api.command(f"{catalog}/activate", catalog)
    prices = [{"sku": sku, "amount": {"amount": 1000 + place, "currency": "EUR"}} for place, sku in enumerate(skus)]
    for made in api.call("POST", "/pricing/v1/prices/batch", {"prices": prices})["results"]:
        price = f"/pricing/v1/prices/{made['id']}"
        api.command(f"{price}/approve", price)


def promote(api, skus, promotions):
    for number in range(promotions):
        target = {"on": "lines", "skus": skus[number % 5 :: 5]}
        body = {"name": "P", "action": {"kind": "percent", "rate": "0.02"}, "target": target, "priority": number}
        made = "/pricing/v1/promotions/" + api.call("POST", "/pricing/v1/promotions", body)["id"]
        api.command(f"{made}/activate", made)


def measure(api, lines):
    body = {"country": "DE", "postcode": "10115", "lines": lines}
    return timed(lambda _: api.send("POST", "/pricing/v1/price-quotes", body))


def preview(api, lines):
    body = {"country": "DE", "postcode": "10115", "lines": lines}
    return timed(lambda _: api.send("POST", "/pricing/v1/price-previews", body))


def timed(work):
    times = []
    for number in range(ROUNDS):
        start = time.perf_counter()
        work(number)
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times), sorted(times)[len(times) * 99 // 100]


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        state = os.path.join(folder, "state")
        STATE.append(state)
        server = start(PORT, state, AVERIS_LOG="error", AVERIS_RATE_LIMITS="false", AVERIS_METRICS_PORT="0")
        try:
            averis("tenant", "create", TENANT, "--tier", "enterprise")
            token = averis("token")
            platform = http.client.HTTPConnection("127.0.0.1", PORT)
            headers = {"authorization": f"Bearer {token}"}
            platform.request("GET", f"/api/tenant/v1/tenants?key={TENANT}", headers=headers)
            tenant = json.loads(platform.getresponse().read())["data"][0]
            settings = json.dumps({"settings": {"stewardship": {"four_eyes": False}}})
            headers |= {"content-type": "application/json", "if-match": f'"{tenant["version"]}"'}
            platform.request("PATCH", f"/api/tenant/v1/tenants/{tenant['id']}", settings, headers)
            platform.getresponse().read()
            api = Api(averis("token", "--tenant", TENANT))
            skus = [f"sku-{number}" for number in range(200)]
            prepare(api, skus)
            lines = [{"sku": sku, "quantity": 1 + place % 9} for place, sku in enumerate(skus)]
            print("HTTP\tp50 ms\tp99 ms")
            # The least that a write with a key takes: one row, and its kept answer.
            least = lambda number: api.send("POST", "/pricing/v1/channels", {"code": f"c{number}", "name": "C"})
            print("a channel\t%.2f\t%.2f" % timed(least))
            print("reading a catalog\t%.2f\t%.2f" % timed(lambda _: api.send("GET", "/pricing/v1/catalogs?limit=1")))
            print("preview of 5 lines\t%.2f\t%.2f" % preview(api, lines[:5]))
            print("quote of 5 lines\t%.2f\t%.2f" % measure(api, lines[:5]))
            promote(api, skus, 50)
            print("quote of 5 lines, 50 promotions\t%.2f\t%.2f" % measure(api, lines[:5]))
            print("quote of 200 lines, 50 promotions\t%.2f\t%.2f" % measure(api, lines))
        finally:
            stop(server)


if __name__ == "__main__":
    main()
