#!/usr/bin/env python3
"""What the SQL of some requests takes by itself: the floor under the services.

    floor.py begin URL            lets the server of URL, a superuser's, log each statement from now on
    floor.py end URL TENANT NAME  has pgbench run what TENANT's statements have been, and prints what that takes

Each service's statements are run by themselves, in their order, prepared, as that tenant's role, and the times are added up. Ids that
were made meanwhile are made anew each time. Events that were delivered are looked for, and not read again.
"""
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from run import find, psql

SECONDS = 4
CLIENTS = 8
# What a line begins with: when, as whom, in which process.
PREFIX = "%m %u %p "
LINE = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) UTC (\S+) (\d+) (LOG|DETAIL):  (.*)", re.S)
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
# Ids that were made meanwhile, and their numbers.
KNOWN = {}
MARK = Path(tempfile.gettempdir()) / "averis-bench-floor"


def log_of(url):
    data = Path(psql(url, "SHOW data_directory").strip())
    return next(place / "postgres.log" for place in data.parents if (place / "postgres.log").exists())


def begin(url):
    psql(url, f"ALTER SYSTEM SET log_line_prefix = '{PREFIX}'; ALTER SYSTEM SET log_timezone = 'UTC';")
    psql(url, "ALTER SYSTEM SET log_statement = 'all'; SELECT pg_reload_conf();")
    time.sleep(0.3)
    MARK.write_text(f"{log_of(url).stat().st_size} {int(time.time() * 1000)}")


def entries(text):
    """The log's entries: a line that begins with a tab goes on with the one before."""
    for entry in re.split(r"\n(?!\t)", text):
        found = LINE.match(entry.replace("\n\t", "\n"))
        if found:
            yield found.groups()


def values(detail):
    """The parameters of a statement, in their order; none for NULL."""
    found = re.findall(r"\$(\d+) = (?:NULL|'((?:[^']|'')*)')(?:, |$)", detail, re.S)
    nulls = set(re.findall(r"\$(\d+) = NULL", detail))
    return {number: None if number in nulls and not value else value.replace("''", "'") for number, value in found}


def renewed(uuid):
    """The beginning of an id that is another each time: those of one moment begin alike, so each gets a number of its own."""
    return f"{KNOWN.setdefault(uuid, len(KNOWN)):08x}{uuid[8:24]}"


def literal(value, since):
    """A value as pgbench sends it: with ids of its own where it was made meanwhile."""
    if value is None:
        return "NULL"
    is_new = lambda uuid: int(uuid[:13].replace("-", ""), 16) >= since
    if UUID.fullmatch(value) and is_new(value):
        return f"('{renewed(value)}' || :n)::uuid"
    if re.fullmatch(r"\{" + UUID.pattern + r"\}", value) and is_new(value[1:-1]):
        return f"('{{{renewed(value[1:-1])}' || :n || '}}')::uuid[]"
    if re.fullmatch(r"\\x[0-9a-f]{64}", value):
        return f"('\\x{value[2:54]}' || :n)::bytea"
    if value.startswith("pi_"):
        return f"('{value}' || :n)"
    # pgbench takes a colon for the beginning of a variable, in strings too.
    plain = value.replace("\\", "\\\\").replace("'", "''").replace(":", "\\072")
    return f"E'{plain}'"


def replayed(sql, given, since):
    """A statement with its values in it."""
    own = dict(given)
    if "pg_try_advisory_xact_lock(" in sql:
        sql = re.sub(r"pg_try_advisory_xact_lock\(\$\d+\)", "pg_try_advisory_xact_lock(:n)", sql)
    # Of the parameters' types nothing is logged; only here does PostgreSQL not know them by itself.
    sql = re.sub(r"\bunnest\((\$\d+)\)", r"unnest((\1)::text[])", sql)
    past = re.search(r'"outbox_events"\."seq" > \$(\d+)', sql)
    if past:
        own[past.group(1)] = str(2**62)
    return re.sub(r"\$(\d+)", lambda found: literal(own.get(found.group(1)), since), sql)


def sent(text, since):
    """Each statement with its place in the log, its login and its process. A prepared one's values stand in the entry after it."""
    waiting = {}
    for place, (_, user, process, level, said) in enumerate(entries(text)):
        if level == "DETAIL":
            if process in waiting and said.startswith("parameters: "):
                own_place, sql = waiting.pop(process)
                yield own_place, user, process, replayed(sql, values(said.removeprefix("parameters: ")), since)
            continue
        if process in waiting:
            yield waiting[process][0], user, process, waiting.pop(process)[1]
        prepared = re.match(r"execute [^:]+: (.*)", said, re.S)
        simple = re.match(r"statement: (.*)", said, re.S)
        if prepared:
            waiting[process] = (place, prepared.group(1))
        elif simple and not simple.group(1).startswith("SET ROLE"):
            # Who acts is set for the trail, in the packet of BEGIN.
            for part in map(str.strip, simple.group(1).split(";")):
                if part and not part.startswith("SET LOCAL averis."):
                    yield place, user, process, part


def scripts(text, tenant, since):
    """What each login has sent for the tenant, transaction by transaction, in the order in which they began."""
    done, under_way = [], {}
    for place, user, process, sql in sorted(sent(text, since)):
        own = under_way.setdefault(process, (place, user, []))
        own[2].append(sql)
        if own[2][0] != "BEGIN" or sql in ("COMMIT", "ROLLBACK"):
            done.append(under_way.pop(process))
    found = {}
    for _, user, statements in sorted(done):
        if any(f"/* {tenant} */" in sql for sql in statements):
            found.setdefault(user, []).extend(statements)
    return found


def end(url, tenant, name):
    size, since = map(int, MARK.read_text().split())
    psql(url, "ALTER SYSTEM RESET log_statement; ALTER SYSTEM RESET log_line_prefix; SELECT pg_reload_conf();")
    time.sleep(0.3)
    with log_of(url).open("rb") as log:
        log.seek(size)
        text = log.read().decode()
    total, count = 0.0, 0
    with tempfile.TemporaryDirectory() as folder:
        for user, sent in sorted(scripts(text, tenant, since).items()):
            schema = f"tenant_{tenant}_{user.removeprefix('averis_')}"
            script = Path(folder) / f"{user}.sql"
            lines = [re.sub(r"/\* \w+ \*/ ", "", sql).replace("\n", " ") for sql in sent]
            script.write_text("\\set c :c + 1\n\\set n 100000000000 * (:client_id + 1) + :c\n" + "".join(f"{line};\n" for line in lines))
            done = subprocess.run(
                [find("pgbench"), "-n", "-M", "prepared", f"-c{CLIENTS}", "-j2", f"-T{SECONDS}", "-D", "c=0", "-f", str(script), url],
                env={**os.environ, "PGOPTIONS": f"-c role={schema} -c search_path={schema},pg_temp"},
                capture_output=True, text=True,
            )
            rate = re.search(r"tps = ([\d.]+)", done.stdout)
            if not rate or "ERROR" in done.stderr:
                sys.exit(f"floor: {user}: {done.stderr[-2000:]}")
            print(f"  {user}\t{len(lines)} statements\t{float(rate.group(1)):.0f}/s")
            total, count = total + 1 / float(rate.group(1)), count + len(lines)
    print(f"floor, {name}: {1 / total:.0f}/s, {count} statements, {CLIENTS} at once")


if __name__ == "__main__":
    command, url, *rest = sys.argv[1:]
    if command == "begin":
        begin(url)
    else:
        end(url, *rest)
