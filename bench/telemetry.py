#!/usr/bin/env python3
"""Measures what traces take of a request, as ratios of one run: three processes on one database, of which one records nothing, one a tenth
of the traces, and one all, read one tenant's products in turn. What they record goes to a receiver that throws it away. Needs wrk and psql;
the release build of averis."""

import os
import shutil
import statistics
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import run


class Receiver(BaseHTTPRequestHandler):
    """Takes batches of spans, and counts their bytes."""

    taken = 0

    def do_POST(self):
        Receiver.taken += len(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def measure(processes, urls, lua):
    """Of each side CPU seconds per 1000 requests, and requests a second: medians of rounds that alternate."""
    rounds = {side: [] for side in processes}
    order = list(processes)
    for number in range(2 * run.ROUNDS + 1):
        order.append(order.pop(0))
        for side in order:
            pid, base = processes[side]
            before = sum(run.Cpu.stat(pid)[:2]) / run.Cpu.TICK
            result = run.saturate(urls, lua, base)
            spent = sum(run.Cpu.stat(pid)[:2]) / run.Cpu.TICK - before
            if number:  # the first warms up
                rounds[side].append((spent / result["requests"] * 1000, result["rate"]))
            run.progress(f"traces, round {number}/{2 * run.ROUNDS}: {side} {result['rate']:.0f}/s")
    run.progress("")
    return {side: [statistics.median(column) for column in zip(*results)] for side, results in rounds.items()}


def main():
    run.need("wrk", "psql")
    run.TENANTS = 1
    folder = tempfile.mkdtemp(prefix="averis-bench-")
    os.chmod(folder, 0o755)
    state = Path(folder) / "state"
    run.STATE.append(state)
    receiver = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    servers = [run.start(run.PORT, state)]
    try:
        url = (state / "database-url").read_text().strip()
        run.prepare(url)
        lua = Path(folder) / "wrk.lua"
        lua.write_text(run.LUA)
        urls = run.write_paths(folder, "read", run.paths("a", "read"))
        to = {"AVERIS_DATABASE_URL": url, "AVERIS_OTLP_URL": f"http://127.0.0.1:{receiver.server_address[1]}"}
        for place, ratio in ((1, "0.1"), (2, "1")):
            servers.append(run.start(run.PORT + place, state, AVERIS_TRACE_RATIO=ratio, **to))
        sides = ("nothing", "a tenth", "all")
        processes = {side: (server.pid, f"http://127.0.0.1:{run.PORT + place}") for place, (side, server) in enumerate(zip(sides, servers))}
        results = measure(processes, urls, str(lua))
        if not Receiver.taken:
            raise SystemExit("bench: nothing was recorded")
        print("Reads of one tenant, by what is recorded of their traces:\n")
        print("| recorded | requests/s | server CPU s/1000 | to nothing |\n|---|---|---|---|")
        own = results["nothing"][0]
        for side, (cost, rate) in results.items():
            print(f"| {side} | {rate:.0f} | {cost:.4f} | {cost / own:.1%} |")
    finally:
        for server in reversed(servers):
            run.stop(server)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
