"""Has a shell run what the documents tell people to type, in a copy of the repository, where all that it finds are a few plain tools, and
stand-ins for programs that need an engine, a cluster, a database or a running platform. A stand-in has the real program read its
arguments, and lets it get no further."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OPERATIONS = sorted((ROOT / "docs/operations").glob("*.md"))
# Where nobody listens, and no address of this machine.
NOWHERE = "http://127.0.0.1:1"
ELSEWHERE = "192.0.2.1"
BLOCK = re.compile(r"^( *)```sh\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
# Commands within sentences, but for those that leave something to be filled in.
INLINE = re.compile(r"`((?:kubectl|docker|averis|make|sh) [^`]+)`")
OPEN = re.compile(r"\.\.\.|\[|averis-SERVICE|averis secrets( --database)?$")
# What people put their own for.
FILLED = {"KEY": "acme"}
PLAIN = "base64 bash cat chmod dirname grep head mkdir openssl rm sed sh tail tr".split()
SERVICES = ["averis-tenant", "averis-product"]
# What each program says when its arguments were right, and what it needs is away.
AWAY = {
    "curl": r"Failed to connect|Couldn't connect",
    "docker": r"Cannot connect to the Docker daemon",
    "docker-compose": r"Cannot connect to the Docker daemon",
    "kubectl": r"connection refused|was refused",
    "pg_dump": r"connection to server",
    # What should have been dumped by a stand-in is empty.
    "pg_restore": r"input file is too short",
    "psql": r"connection to server",
    # It has read all its variables when it begins to listen.
    **dict.fromkeys(SERVICES, rf"listening on {re.escape(ELSEWHERE)}"),
}


def commands():
    """What the documents tell people to type, each with where that is."""
    for document in [ROOT / "README.md", *OPERATIONS]:
        text = document.read_text()
        for found in BLOCK.finditer(text):
            indent = found.group(1)
            code = "".join(line.removeprefix(indent) for line in found.group(2).splitlines(keepends=True))
            yield document, text.count("\n", 0, found.start()) + 1, code
        if document in OPERATIONS:
            for found in INLINE.finditer(BLOCK.sub(lambda block: "\n" * block.group().count("\n"), text)):
                if not OPEN.search(found.group(1)):
                    yield document, text.count("\n", 0, found.start()) + 1, found.group(1)


def check(tools, expect, objects):
    """Runs all of them. `objects` are those of all overlays, as kind/name."""
    home = tools / "commands"
    shutil.rmtree(home, ignore_errors=True)
    copy, programs, record = home / "copy", home / "bin", home / "record"
    for folder in ("deploy", "k8s", "scripts"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("Makefile", "Dockerfile", "docker-compose.multi-tenant.yml"):
        shutil.copy(ROOT / file, copy)
    programs.mkdir(parents=True)
    for name in PLAIN:
        (programs / name).symlink_to(shutil.which(name))
    for name in [*AWAY, "averis", "cargo", "make"]:
        stand_in = programs / name
        stand_in.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).resolve()}" "{name}" "$@"\n')
        stand_in.chmod(0o755)
    built = copy / "target/debug"
    built.mkdir(parents=True)
    for name in ("averis", *SERVICES):
        (built / name).symlink_to(programs / name)
    environment = {
        "HOME": str(home),
        "PATH": str(programs),
        "DB": "127.0.0.1:5432/averis",
        "AVERIS_TOOLS": str(tools),
        "AVERIS_RECORD": str(record),
        "AVERIS_REAL_HOME": os.environ["HOME"],
        "AVERIS_REAL_PATH": os.environ["PATH"],
    }
    asked = 0
    for document, line, code in commands():
        place = f"{document.relative_to(ROOT)}:{line}"
        record.write_text("")
        for name, own in FILLED.items():
            code = re.sub(rf"\b{name}\b", own, code)
        shell = [programs / "bash", "-euc", code]
        done = subprocess.run(shell, stdin=subprocess.DEVNULL, cwd=copy, env=environment, capture_output=True, text=True, timeout=300)
        # A cluster would have answered with what is in it.
        for file in copy.glob(".averis/*/secrets.json"):
            if not file.stat().st_size:
                file.unlink()
        # Nothing is found where nothing is said.
        sought = done.returncode == 1 and re.search(r"\| grep [^|]*$", code)
        expect(done.returncode == 0 or sought, f"{place}: {done.stdout}{done.stderr}")
        for each in record.read_text().splitlines():
            said = json.loads(each)
            asked += 1
            expect(said["fine"], f"{place}: {said['command']}: {said['why']}")
            for kind, name in re.findall(r"\b(job|deploy(?:ment)?|secret)s?[/ ](averis-[\w-]+)", said["command"]):
                known = f"{'deployment' if kind == 'deploy' else kind}/{name}"
                expect(known in objects, f"{place}: {said['command']}: there is no {known}")
    expect(asked > 40, f"only {asked} commands were found in the documents")
    print(f"{asked} commands of {1 + len(OPERATIONS)} documents are understood")


def real(name):
    """The program that a stand-in stands for."""
    tools = Path(os.environ["AVERIS_TOOLS"])
    if name == "averis" or name in SERVICES:
        return ROOT / "target/debug" / name
    found = shutil.which(name, path=f"{tools / 'bin'}:{os.environ['AVERIS_REAL_PATH']}")
    return found or next(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), None)


def asks(name, arguments):
    """What is run for a command, and what is right for it to say; nothing where it just has to end well."""
    if name == "cargo":
        return [*arguments, "--help"], None
    if name == "make":
        return ["--dry-run", *arguments], None
    if name == "curl":
        return ["--proxy", NOWHERE, "--noproxy", "", *arguments], AWAY[name]
    if name == "kubectl":
        if arguments[0] == "kustomize":
            return arguments, None
        if "create" in arguments and "-f" not in arguments:
            return [*arguments, "--dry-run=client", "-o", "yaml"], None
        return ["--server", NOWHERE, *arguments], AWAY[name]
    return arguments, AWAY.get(name)


def stand_in(name, arguments):
    command = " ".join([name, *arguments])
    if name == "docker" and arguments[0] == "compose":
        name, arguments = "docker-compose", arguments[1:]
    program = real(name)
    if not program or not Path(program).exists():
        note(command, False, f"{name} is not there to be asked")
        return
    arguments, expected = asks(name, arguments)
    environment = {
        **os.environ,
        "PATH": os.environ["AVERIS_REAL_PATH"],
        "DOCKER_HOST": "unix:///nowhere",
        "PGHOST": "/nowhere",
        "AVERIS_URL": NOWHERE,
        "AVERIS_HTTP_BIND": ELSEWHERE,
    }
    if name == "cargo":
        environment["HOME"] = os.environ["AVERIS_REAL_HOME"]
    if name == "averis":
        environment["AVERIS_DATABASE_URL"] = "postgres://averis@127.0.0.1:1/averis"
    done = subprocess.run([program, *arguments], input=sys.stdin.read(), env=environment, capture_output=True, text=True)
    said = done.stdout + done.stderr
    if name == "averis":
        # The command line was understood, and it has to end somehow where nothing answers.
        fine = done.returncode != 2
    else:
        fine = bool(re.search(expected, said)) if expected else done.returncode == 0
    note(command, fine, said[-400:])
    if done.returncode == 0:
        print(done.stdout, end="")


def note(command, fine, why):
    with Path(os.environ["AVERIS_RECORD"]).open("a") as record:
        record.write(json.dumps({"command": command, "fine": fine, "why": why}) + "\n")


if __name__ == "__main__":
    stand_in(sys.argv[1], sys.argv[2:])
