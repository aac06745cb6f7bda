"""Has a shell run what the documents tell people to type, in a copy of the repository, with stand-ins for programs that need an engine,
a cluster, a database or a running platform. A stand-in has the real program read its arguments, and lets it get no further."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs/operations").glob("*.md"))]
# Where nobody listens.
NOWHERE = "http://127.0.0.1:1"
BLOCK = re.compile(r"^( *)```sh\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
# What each program says when its arguments were right, and what it needs is away.
AWAY = {
    "kubectl": r"connection refused|was refused",
    "docker": r"Cannot connect to the Docker daemon",
    "docker-compose": r"Cannot connect to the Docker daemon",
    "psql": r"connection to server",
    "pg_dump": r"connection to server",
    # What should have been dumped by a stand-in is empty.
    "pg_restore": r"input file is too short",
}
PROGRAMS = [*AWAY, "averis", "cargo", "curl", "make"]


def blocks():
    """The documents' blocks of commands, each with where it is."""
    for document in DOCUMENTS:
        text = document.read_text()
        for found in BLOCK.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            indent = found.group(1)
            code = "".join(each.removeprefix(indent) for each in found.group(2).splitlines(keepends=True))
            yield f"{document.relative_to(ROOT)}:{line}", code


def check(tools, expect, objects):
    """Runs all blocks. `objects` are those of all overlays, as Kind/name in small letters."""
    home = tools / "commands"
    shutil.rmtree(home, ignore_errors=True)
    copy, programs, record = home / "copy", home / "bin", home / "record"
    for folder in ("deploy", "k8s", "scripts"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("Makefile", "Dockerfile", "docker-compose.multi-tenant.yml"):
        shutil.copy(ROOT / file, copy)
    programs.mkdir(parents=True)
    for name in PROGRAMS:
        stand_in = programs / name
        stand_in.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).resolve()}" "{name}" "$@"\n')
        stand_in.chmod(0o755)
    built = copy / "target/debug"
    built.mkdir(parents=True)
    for name in ("averis", "averis-tenant", "averis-product"):
        (built / name).symlink_to(programs / "averis")
    asked = 0
    environment = {
        # An operator's own cluster is not to be asked.
        "HOME": os.environ["HOME"],
        "KUBECONFIG": "/nowhere",
        "PATH": f"{programs}:{os.environ['PATH']}",
        "AVERIS_TOOLS": str(tools),
        "AVERIS_RECORD": str(record),
        "AVERIS_REAL_PATH": os.environ["PATH"],
    }
    for place, code in blocks():
        record.write_text("")
        shell = ["bash", "-euc", code]
        done = subprocess.run(shell, stdin=subprocess.DEVNULL, cwd=copy, env=environment, capture_output=True, text=True, timeout=300)
        expect(done.returncode == 0, f"{place}: {done.stdout}{done.stderr}")
        for line in record.read_text().splitlines():
            said = json.loads(line)
            asked += 1
            expect(said["fine"], f"{place}: {said['command']}: {said['why']}")
            for kind, name in re.findall(r"\b(job|deployment|service|secret)s?[/ ](averis-[\w-]+)", said["command"]):
                expect(f"{kind}/{name}" in objects, f"{place}: {said['command']}: there is no {kind}/{name}")
    expect(asked > 20, f"only {asked} commands were found in the documents")
    print(f"{asked} commands of {len(DOCUMENTS)} documents are understood")


def real(name):
    """The program that a stand-in stands for."""
    tools = Path(os.environ["AVERIS_TOOLS"])
    if name == "averis":
        return str(ROOT / "target/debug/averis")
    if (tools / "bin" / name).exists():
        return str(tools / "bin" / name)
    return shutil.which(name, path=os.environ["AVERIS_REAL_PATH"])


def asks(name, arguments):
    """What is run for a command, and what is right for it to say; none where the command itself runs."""
    if name == "averis":
        # Help comes once all before it is understood.
        return [*arguments, "--help"], ""
    if name == "cargo":
        return [*arguments, "--help"], ""
    if name == "make":
        return ["--dry-run", *arguments], ""
    if name == "curl":
        return ["--proxy", NOWHERE, "--noproxy", "", *arguments], r"Failed to connect|Couldn't connect"
    if name == "kubectl":
        if arguments[0] == "kustomize":
            return arguments, ""
        if "create" in arguments and "-f" not in arguments:
            return [*arguments, "--dry-run=client", "-o", "yaml"], ""
        return ["--server", NOWHERE, *arguments], AWAY[name]
    return arguments, AWAY[name]


def stand_in(name, arguments):
    command = " ".join([name, *arguments])
    if name == "docker" and arguments[0] == "compose":
        name, arguments = "docker-compose", arguments[1:]
    program = real(name)
    arguments, expected = asks(name, arguments)
    if not program or not Path(program).exists():
        note(command, False, f"{name} is not there to be asked")
        return
    environment = {**os.environ, "PATH": os.environ["AVERIS_REAL_PATH"], "DOCKER_HOST": "unix:///nowhere", "PGHOST": "/nowhere"}
    content = sys.stdin.read()
    if name == "kubectl" and "-" in arguments and not content:
        # What should have come from a stand-in.
        content = "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Namespace, metadata: {name: a}}]\n"
    done = subprocess.run([program, *arguments], input=content, env=environment, capture_output=True, text=True)
    said = done.stdout + done.stderr
    fine = bool(re.search(expected, said)) if expected else done.returncode == 0
    note(command, fine, said[-400:])
    if name == "kubectl" and "kustomize" in arguments:
        print(done.stdout)


def note(command, fine, why):
    with Path(os.environ["AVERIS_RECORD"]).open("a") as record:
        record.write(json.dumps({"command": command, "fine": fine, "why": why}) + "\n")


if __name__ == "__main__":
    stand_in(sys.argv[1], sys.argv[2:])
