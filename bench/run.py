#!/usr/bin/env python3
"""Measures what keeping tenants apart costs, as ratios of one run, and prints one table.

Sides: (a) one tenant, (b) 300 tenants with Zipf 1.1 popularity, (c) 300 tenants uniformly, (d) pgbench with the
same SQL as the floor. They alternate, round by round, so that a machine that gets slower meanwhile is slower for
all. Then what access control costs, and what one tenant feels of another at a hundred times its limit. Needs wrk, pgbench and psql; the release build of averis.
"""

import json
import os
import platform
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
AVERIS = ROOT / "target" / "release" / "averis"
TENANTS = int(os.environ.get("BENCH_TENANTS", "300"))
PRODUCTS = 1000
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "8"))
CLIENTS = 8
# Of a fixed rate: seconds of one round, and rounds for each round at saturation.
FIXED_SECONDS = 2
FIXED_ROUNDS = 5
RATE = 1000
# Of a tenant that asks a hundred times as much as it may.
FLOODED = "flooded"
FLOOD_LIMIT = 20
PORT = 18080
BASE = f"http://127.0.0.1:{PORT}"
# A second process on the same database, which counts no requests.
OTHER = f"http://127.0.0.1:{PORT + 1}"
COLUMNS = (
    "id, key, kind, status, name, description, vendor, product_type, tags, options, category_ids, "
    "attributes, extra, launched_at, version, created_at, updated_at"
)
# Of each tenant: API keys, as machines have them.
KEYS = {}
# Where the platform under test keeps its state.
STATE = []
SQL = {
    "read": f"SELECT {COLUMNS} FROM products WHERE id = "
    "('00000000-0000-7000-8000-' || lpad(:n::text, 12, '0'))::uuid",
    "list": f"SELECT {COLUMNS} FROM products ORDER BY created_at, id LIMIT 21",
}
LUA = """
local requests = {}
local pace = os.getenv("BENCH_PACE")
for line in io.lines(os.getenv("BENCH_URLS")) do
  local key, path = line:match("^(%S+) (%S+)$")
  local credential = key == "-" and "" or "Authorization: Bearer " .. key .. "\\r\\n"
  requests[#requests + 1] = "GET " .. path .. " HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\n" .. credential .. "\\r\\n"
end
local next = 0
local threads = 0
function setup(thread) thread:set("offset", threads) threads = threads + 1 end
function init() next = offset * math.floor(#requests / 2) math.randomseed(os.time()) end
function request() next = next % #requests + 1 return requests[next] end
-- Between two requests of a connection, at random places: all at once the connections would send in bursts and time mostly
-- each other. For a thousand requests a second about 8 ms.
if pace then function delay() return math.random() < 0.55 and tonumber(pace) or tonumber(pace) - 1 end end
function done(summary, latency)
  local e = summary.errors
  local refused = os.getenv("BENCH_REFUSED") and 0 or e.status
  io.write(string.format("BENCH %d %d %d %d %d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), refused + e.connect + e.read + e.write + e.timeout))
  if pace then
    for i = 1, #latency do
      local value, count = latency(i)
      io.write(string.format("TIME %d %d\\n", value, count))
    end
  end
end
"""


def need(*names):
    missing = [name for name in names if not find(name)]
    if missing:
        sys.exit(f"bench: needs {', '.join(missing)} (Debian: wrk postgresql postgresql-client)")


def find(name):
    found = shutil.which(name)
    if found:
        return found
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return str(places[0]) if places else None


def psql(url, sql):
    done = subprocess.run([find("psql"), "-XqtA", "-v", "ON_ERROR_STOP=1", url], input=sql, text=True, capture_output=True)
    if done.returncode:
        sys.exit(f"bench: psql: {done.stderr}")
    return done.stdout.strip()


def averis(*words):
    done = subprocess.run([AVERIS, *words, "--url", BASE, "--state-dir", STATE[0]], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"bench: averis {words[0]}: {done.stderr}")
    return done.stdout.strip()


def call(method, path, token, body, once):
    request = urllib.request.Request(
        f"{BASE}{path}", method=method, data=json.dumps(body).encode(),
        headers={"content-type": "application/json", "idempotency-key": once, "if-match": '"1"', "authorization": f"Bearer {token}"},
    )
    return json.loads(urllib.request.urlopen(request).read())


def key(number):
    return f"bench{number:04d}"


def prepare(url):
    """Tenants through the API, as users make them; rows copied inside the database, since only they matter here."""
    token = averis("token")
    for number in range(TENANTS):
        tenant = key(number)
        body = {"key": tenant, "name": f"Bench {number}", "subscription_tier": "enterprise"}
        made = call("POST", "/api/tenant/v1/tenants", token, body, tenant)
        # What is measured is not how much a tenant may ask.
        limits = {"settings": {"limits": {"requests_per_second": 10_000_000}}}
        call("PATCH", f"/api/tenant/v1/tenants/{made['id']}", token, limits, tenant)
        KEYS[tenant] = averis("key", "create", "--tenant", tenant, "bench", "--scope", "product:read")
        if number % 50 == 49:
            token = averis("token")
        progress(f"provisioning {number + 1}/{TENANTS}")
    first = f"tenant_{key(0)}_product"
    psql(
        url,
        f"""INSERT INTO {first}.products (id, key, kind, status, name, description, vendor, product_type, tags, search_text)
        SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'thing-' || n, 'physical', 'active',
               'Thing number ' || n, repeat('A thing of some use to some people. ', 6), 'Maker ' || n % 7,
               'Type ' || n % 5, ARRAY['tag' || n % 3], 'maker type tag'
        FROM generate_series(1, {PRODUCTS}) AS n;""",
    )
    copied = COLUMNS
    for number in range(1, TENANTS):
        schema = f"tenant_{key(number)}_product"
        psql(url, f"INSERT INTO {schema}.products ({copied}, search_text) SELECT {copied}, search_text FROM {first}.products;")
        progress(f"copying products {number + 1}/{TENANTS}")
    psql(url, "VACUUM ANALYZE; CHECKPOINT;")
    progress("")


def prepare_flooded():
    """A tenant with a small limit."""
    body = {"key": FLOODED, "name": "Flooded", "subscription_tier": "starter"}
    made = call("POST", "/api/tenant/v1/tenants", averis("token"), body, FLOODED)
    limit = made["settings"]["limits"]["requests_per_second"]
    if limit != FLOOD_LIMIT:
        sys.exit(f"bench: the limit of a starter is {limit}")
    KEYS[FLOODED] = averis("key", "create", "--tenant", FLOODED, "bench", "--scope", "product:read")


def progress(text):
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")


def paths(side, operation, count=60_000):
    chance = random.Random(7)
    if side == "a":
        chosen = [0] * count
    elif side == "b":
        weights = [1 / (rank + 1) ** 1.1 for rank in range(TENANTS)]
        order = list(range(TENANTS))
        chance.shuffle(order)
        chosen = chance.choices(order, weights, k=count)
    else:
        chosen = chance.choices(range(TENANTS), k=count)
    for tenant in chosen:
        own = f"{KEYS[key(tenant)]} /t/{key(tenant)}/api/product/v1/products"
        if operation == "read":
            yield f"{own}/00000000-0000-7000-8000-{chance.randint(1, PRODUCTS):012d}"
        else:
            yield f"{own}?limit=20"


class Cpu:
    """CPU seconds of the server and of PostgreSQL with all its children, past and present."""

    TICK = os.sysconf("SC_CLK_TCK")

    def __init__(self, server, postmaster):
        self.server, self.postmaster = server, postmaster

    @staticmethod
    def stat(pid):
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return [int(field) for field in fields[11:15]]

    def backends(self):
        text = subprocess.run(["pgrep", "-P", str(self.postmaster)], capture_output=True, text=True).stdout
        return [int(pid) for pid in text.split()]

    def read(self):
        user, system, _, _ = self.stat(self.server)
        own = (user + system) / self.TICK
        user, system, child_user, child_system = self.stat(self.postmaster)
        database = user + system + child_user + child_system
        for pid in self.backends():
            try:
                database += sum(self.stat(pid)[:2])
            except OSError:
                pass
        return own, database / self.TICK

    def largest_backend(self):
        """MB of memory that is a backend's own: its caches and plans, without the shared buffers that it touched."""
        largest = 0
        for pid in self.backends():
            try:
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:
                continue
            own = re.search(r"^Anonymous:\s+(\d+) kB", rollup, re.M)
            largest = max(largest, int(own.group(1)) if own else 0)
        return largest / 1024

    def resident(self):
        status = Path(f"/proc/{self.server}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024


def saturate(urls, lua, base=BASE, **more):
    done = subprocess.run(
        [find("wrk"), "-t2", f"-c{CLIENTS}", f"-d{SECONDS}s", "-s", lua, base],
        env={**os.environ, "BENCH_URLS": urls, **more}, capture_output=True, text=True,
    )
    found = re.search(r"BENCH (\d+) (\d+) (\d+) (\d+) (\d+)", done.stdout)
    if not found:
        sys.exit(f"bench: wrk: {done.stdout}{done.stderr}")
    requests, microseconds, p50, p99, errors = map(int, found.groups())
    if errors:
        sys.exit(f"bench: {errors} requests failed")
    return {"requests": requests, "rate": requests / (microseconds / 1e6), "p50": p50 / 1000, "p99": p99 / 1000}


def fixed(urls, lua):
    """Times in microseconds, with how often each, of about a thousand requests a second over eight connections."""
    done = subprocess.run(
        [find("wrk"), "-t1", f"-c{CLIENTS}", f"-d{FIXED_SECONDS}s", "-s", lua, BASE],
        env={**os.environ, "BENCH_URLS": urls, "BENCH_PACE": "8"}, capture_output=True, text=True,
    )
    found = re.search(r"BENCH (\d+) (\d+) (\d+) (\d+) (\d+)", done.stdout)
    if not found or int(found.group(5)):
        sys.exit(f"bench: wrk: {done.stdout[:500]}{done.stderr}")
    times = [(int(value), int(count)) for value, count in re.findall(r"TIME (\d+) (\d+)", done.stdout)]
    return int(found.group(1)) / (int(found.group(2)) / 1e6), times


def fixed_rates(urls, lua):
    """p50 and p99 of each side, over many short rounds: the machine's mood moves a single one by 15 percent."""
    samples = {}
    for number in range(FIXED_ROUNDS * ROUNDS):
        for operation in ("read", "list"):
            for side in "ab" if number % 2 else "ba":
                rate, times = fixed(urls[side, operation], lua)
                if not 0.9 * RATE < rate < 1.1 * RATE:
                    progress("")
                    print(f"bench: a round ran at {rate:.0f} requests/s", file=sys.stderr)
                place = samples.setdefault((operation, side), {})
                for value, count in times:
                    place[value] = place.get(value, 0) + count
                progress(f"fixed rate, round {number + 1}/{FIXED_ROUNDS * ROUNDS}: {operation} ({side})")
    progress("")
    rates = {}
    for place, times in samples.items():
        rates[place] = quantile(times, 0.5) / 1000, quantile(times, 0.99) / 1000
    return rates


def quantile(times, part):
    left = part * sum(times.values())
    for value in sorted(times):
        left -= times[value]
        if left <= 0:
            return value
    return 0


def access_control(cpu, other, urls, lua):
    """CPU seconds per 1000 requests of the server with and without credential and limits, at an address that nothing is
    at: whatever else a request does is the same, so the difference is what access control takes of it."""
    rounds = {"with": [], "without": []}
    for number in range(2 * ROUNDS + 1):
        for side, server, base in (("with", cpu.server, BASE), ("without", other.pid, OTHER)):
            before = sum(Cpu.stat(server)[:2]) / Cpu.TICK
            result = saturate(urls[side], lua, base, BENCH_REFUSED="1")
            spent = sum(Cpu.stat(server)[:2]) / Cpu.TICK - before
            if number:  # the first warms up
                rounds[side].append(spent / result["requests"] * 1000)
            progress(f"access control, round {number}/{2 * ROUNDS}: {side} {result['rate']:.0f}/s")
    progress("")
    return {side: statistics.median(costs) for side, costs in rounds.items()}


def neighbours(quiet, flood, lua):
    """p50 and p99 of one tenant's reads while another is quiet, and while it asks a hundred times as much as it may: of
    this process, and of another on the same machine, which is what the flood's own work costs whoever shares the cores."""
    sides = {"quiet": None, "elsewhere": OTHER, "flooded": BASE}
    samples = {side: {} for side in sides}
    asked = []
    order = list(sides)
    for number in range(2 * FIXED_ROUNDS * ROUNDS):
        random.shuffle(order)
        for side in order:
            flooding = None
            if sides[side]:
                flooding = subprocess.Popen(
                    [find("wrk"), "-t1", "-c16", f"-d{FIXED_SECONDS}s", "-s", lua, sides[side]],
                    env={**os.environ, "BENCH_URLS": flood, "BENCH_PACE": "8", "BENCH_REFUSED": "1"},
                    stdout=subprocess.PIPE, text=True,
                )
            _, times = fixed(quiet, lua)
            if flooding:
                found = re.search(r"BENCH (\d+) (\d+)", flooding.communicate()[0])
                asked.append(int(found.group(1)) / (int(found.group(2)) / 1e6))
            for value, count in times:
                samples[side][value] = samples[side].get(value, 0) + count
            progress(f"neighbours, round {number + 1}/{2 * FIXED_ROUNDS * ROUNDS}: {side}")
    progress("")
    rates = {side: (quantile(times, 0.5) / 1000, quantile(times, 0.99) / 1000) for side, times in samples.items()}
    return rates, statistics.median(asked) / FLOOD_LIMIT


def floor(url, operation, folder):
    script = Path(folder) / f"{operation}.sql"
    prefix = f"\\set n random(1, {PRODUCTS})\n" if operation == "read" else ""
    script.write_text(f"{prefix}{SQL[operation]};\n")
    log = Path(folder) / "pgbench"
    for old in Path(folder).glob("pgbench.*"):
        old.unlink()
    done = subprocess.run(
        [find("pgbench"), "-n", "-M", "prepared", f"-c{CLIENTS}", "-j2", f"-T{SECONDS}", "-f", str(script),
         "-l", f"--log-prefix={log}", url],
        env={**os.environ, "PGOPTIONS": f"-c search_path=tenant_{key(0)}_product"}, capture_output=True, text=True,
    )
    found = re.search(r"actually processed: (\d+)", done.stdout)
    if not found:
        sys.exit(f"bench: pgbench: {done.stderr}")
    times = sorted(
        int(line.split()[2]) for file in Path(folder).glob("pgbench.*") for line in file.read_text().splitlines()
    )
    requests = int(found.group(1))
    return {
        "requests": requests, "rate": requests / SECONDS,
        "p50": times[len(times) // 2] / 1000, "p99": times[len(times) * 99 // 100] / 1000,
    }


def measure(cpu, url, urls, lua, folder):
    rounds = {}
    for number in range(ROUNDS):
        for operation in ("read", "list"):
            for side in ("a", "b", "c", "d"):
                before = cpu.read()
                if side == "d":
                    result = floor(url, operation, folder)
                else:
                    result = saturate(urls[side, operation], lua)
                after = cpu.read()
                thousand = result["requests"] / 1000
                result["server"] = (after[0] - before[0]) / thousand
                result["database"] = (after[1] - before[1]) / thousand
                result["backend"] = cpu.largest_backend()
                result["resident"] = cpu.resident()
                rounds.setdefault((operation, side), []).append(result)
                progress(f"round {number + 1}/{ROUNDS}: {operation} ({side}) {result['rate']:.0f}/s")
    progress("")
    middle = {}
    for place, results in rounds.items():
        middle[place] = {name: statistics.median(result[name] for result in results) for name in results[0]}
        for name in ("backend", "resident"):
            middle[place][name] = max(result[name] for result in results)
    return middle


NAMES = {"a": "one tenant", "b": f"{TENANTS}, Zipf 1.1", "c": f"{TENANTS}, uniform", "d": "pgbench, one tenant"}


def report(results, rates, access, felt):
    lines = [
        f"{platform.machine()}, {os.cpu_count()} cores, {memory()} GiB; {ROUNDS} rounds of {SECONDS} s, {CLIENTS} connections, "
        f"{PRODUCTS} products a tenant; medians, memory at its largest.",
        "",
        "| operation | side | requests/s | p50 ms | p99 ms | server CPU s/1000 | PostgreSQL CPU s/1000 | largest backend MB | service RSS MB | requests per CPU s, to (a) |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for operation in ("read", "list"):
        own = 1 / (results[operation, "a"]["server"] + results[operation, "a"]["database"])
        for side in "abcd":
            r = results[operation, side]
            per_cpu = 1 / (r["server"] + r["database"])
            server = "" if side == "d" else f"{r['server']:.3f}"
            ratio = f"{per_cpu / own:.0%}" if side != "d" else f"(a) has {results[operation, 'a']['rate'] / r['rate']:.0%} of its requests/s"
            lines.append(
                f"| {operation} | ({side}) {NAMES[side]} | {r['rate']:.0f} | {r['p50']:.2f} | {r['p99']:.2f} | {server} | "
                f"{r['database']:.3f} | {r['backend']:.1f} | {r['resident']:.1f} | {ratio} |"
            )
    lines += ["", f"At a fixed {RATE} requests/s:", "", "| operation | side | p50 ms | p99 ms | p50 to (a) |", "|---|---|---|---|---|"]
    for operation in ("read", "list"):
        own = rates[operation, "a"][0]
        for side in "ab":
            p50, p99 = rates[operation, side]
            lines.append(f"| {operation} | ({side}) {NAMES[side]} | {p50:.3f} | {p99:.3f} | {p50 / own:.1%} |")
    cost = access["with"] - access["without"]
    lines += [
        "", "What access control (credential, revocations, limits) takes of a request of (a):", "",
        "| operation | CPU s/1000 | of which access control | requests per CPU s, to without |", "|---|---|---|---|",
    ]
    for operation in ("read", "list"):
        whole = results[operation, "a"]["server"] + results[operation, "a"]["database"]
        lines.append(f"| {operation} | {whole:.4f} | {cost:.4f} | {(whole - cost) / whole:.1%} |")
    waits, times = felt
    lines += [
        "", f"One tenant's reads at {RATE} requests/s while another asks {times:.0f} times as much as it may:", "",
        "| the other | p50 ms | p99 ms | p99 to the line above |", "|---|---|---|---|",
    ]
    names = {"quiet": "is quiet", "elsewhere": "asks another process on the machine", "flooded": "asks this process"}
    before = None
    for side, name in names.items():
        p50, p99 = waits[side]
        lines.append(f"| {name} | {p50:.3f} | {p99:.3f} | {f'{p99 / before:.1%}' if before else ''} |")
        before = p99
    return "\n".join(lines)


def memory():
    total = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text()).group(1)
    return round(int(total) / 1024 / 1024)


def start(port, state, **more):
    """Starts the platform, and waits until it is ready."""
    server = subprocess.Popen(
        [AVERIS, "up", "--port", str(port), "--state-dir", state],
        env={**os.environ, "AVERIS_LOG": "warn", "AVERIS_DATABASE_CAPACITY": str(TENANTS + 10), **more},
        stdout=subprocess.DEVNULL,
    )
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready").read()
            return server
        except OSError:
            time.sleep(0.1)
    stop(server)
    sys.exit("bench: the platform does not start")


def stop(server):
    server.send_signal(signal.SIGTERM)
    server.wait(60)


def write_paths(folder, name, lines):
    file = Path(folder) / f"{name}.txt"
    file.write_text("".join(f"{line}\n" for line in lines))
    return str(file)


def main():
    need("wrk", "pgbench", "psql")
    folder = tempfile.mkdtemp(prefix="averis-bench-")
    os.chmod(folder, 0o755)
    state = Path(folder) / "state"
    STATE.append(state)
    server = start(PORT, state)
    other = None
    try:
        url = (state / "database-url").read_text().strip()
        port = re.search(r":(\d+)/", url).group(1)
        postmaster = int(subprocess.run(["pgrep", "-of", f"postgres.*-c port={port}"], capture_output=True, text=True).stdout)
        prepare(url)
        prepare_flooded()
        lua = Path(folder) / "wrk.lua"
        lua.write_text(LUA)
        lua = str(lua)
        urls = {}
        for side in "abc":
            for operation in ("read", "list"):
                urls[side, operation] = write_paths(folder, f"{side}-{operation}", paths(side, operation))
        nothing = f"/t/{key(0)}/api/product/v1/nothing"
        urls["with"] = write_paths(folder, "with", [f"{KEYS[key(0)]} {nothing}"] * 2)
        urls["without"] = write_paths(folder, "without", [f"- {nothing}"] * 2)
        flood = f"/t/{FLOODED}/api/product/v1/products?limit=20"
        urls["flood"] = write_paths(folder, "flood", [f"{KEYS[FLOODED]} {flood}"] * 2)
        cpu = Cpu(server.pid, postmaster)
        for place in ("a", "b", "c"):  # warm caches and plans on every side alike
            for operation in ("read", "list"):
                saturate(urls[place, operation], lua)
        results = measure(cpu, url, urls, lua, folder)
        rates = fixed_rates(urls, lua)
        other = start(PORT + 1, state, AVERIS_DATABASE_URL=url)
        felt = neighbours(urls["a", "read"], urls["flood"], lua)
        stop(other)
        other = start(PORT + 1, state, AVERIS_DATABASE_URL=url, AVERIS_RATE_LIMITS="false")
        access = access_control(cpu, other, urls, lua)
        print(report(results, rates, access, felt))
    finally:
        if other:
            stop(other)
        stop(server)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
