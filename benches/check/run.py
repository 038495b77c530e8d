#!/usr/bin/env python3
"""How long `plan check --offline` takes, as a whole process and stage by stage, for plans of 10 to 100,000 lines and texts with 1 to 10,000 errors.

Plans are the example's services, phases and gates again and again; compose files grow with them until one is as large as Dokploy takes, and
from there on it is externals and gates that grow. docs/performance.md has the figures and the command.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HEAD = """rollout bench

dokploy {
  url env("DOKPLOY_URL")
  api-key secret("DOKPLOY_API_KEY")
}

app backend {
  project "Backend"
  environment "staging"
  compose "backend"
}

let host = env("STAGING_HOST", "127.0.0.1")
"""
SERVICE = """
service web-{n} {{ # number {n}
  note "Service {n}, pre-built image"
  expect http "http://{{host}}:{port}/health/" {{
    status in [200, 302]
    time < 2s
    body contains '"status":"ok"'
  }}
  hint "web-{n} needs its database: check DATABASE_URL"
}}
"""
EXTERNAL = """
external outside-{n} {{
  expect tcp "{{host}}:{port}"
  hint "Is the shared database {n} of this host up?"
}}

gate gate-{n} {{
  note "Before anything else"
  expect external outside-{n}
}}
"""
PHASE = """
phase phase-{n}{after} {{
  note "Number {n}"
  deploy backend from "phase{n}.yml" within 10m
  settle within 3m
  soak 30s
}}
"""
COMPOSE = """  web-{n}:
    image: registry.example/web-{n}:1.4.{n}
    restart: unless-stopped
    environment:
      DATABASE_URL: postgresql://web@db/{n}
    ports:
      - "{port}:8000"
"""
PHASES = 4
# As many services as the largest compose file that Dokploy takes can have.
MOST_SERVICES = 480


def plan(folder, lines):
    """A valid plan of about so many lines, with its compose files."""
    folder.mkdir()
    head = HEAD.count("\n")
    phases = PHASES if lines >= 100 else 1
    services = max(1, min(MOST_SERVICES, (lines - head - phases * PHASE.count("\n")) // SERVICE.count("\n")))
    text = [HEAD]
    text += [SERVICE.format(n=n, port=8000 + n) for n in range(services)]
    while sum(part.count("\n") for part in text) < lines - phases * PHASE.count("\n") - EXTERNAL.count("\n"):
        left = lines - phases * PHASE.count("\n") - sum(part.count("\n") for part in text)
        many = max(1, left // EXTERNAL.count("\n"))
        text += [EXTERNAL.format(n=n, port=10000 + n % 50000) for n in range(many)]
    for n in range(phases):
        text.append(PHASE.format(n=n, after=f" after phase-{n - 1}" if n else ""))
        shown = services * (n + 1) // phases
        entries = "".join(COMPOSE.format(n=n, port=8000 + n) for n in range(shown))
        (folder / f"phase{n}.yml").write_text("services:\n" + (entries or COMPOSE.format(n=0, port=8000)))
    path = folder / "rollout.plan"
    path.write_text("".join(text))
    return path


ERRORS = {
    "unknown names": lambda n: f"gate g{n} {{\n  expect external nobody-{n}\n}}\n",
    "duplicates": lambda n: "external twice {\n  expect tcp \"127.0.0.1:1\"\n}\n",
    "misspelt keywords": lambda n: f"gaet g{n} {{\n  expetc tcp \"127.0.0.1:1\"\n}}\n",
    "unclosed blocks": lambda n: f"gate g{n} {{\n  approve \"go?\"\n",
    "bare numbers": lambda n: "run within 5\n",
    "garbage": lambda n: "%&/ (=) 12\n",
}


def broken(folder, kind, errors):
    """A text with about so many errors of one kind, after a head that is right."""
    folder.mkdir()
    path = folder / "rollout.plan"
    path.write_text(HEAD + "".join(ERRORS[kind](n) for n in range(errors)) + PHASE.format(n=0, after=""))
    (folder / "phase0.yml").write_text("services:\n" + COMPOSE.format(n=0, port=8000))
    return path


def process(binary, path, runs):
    """The median time of the whole process in milliseconds, and its peak memory in MB."""
    taken, peak = [], 0
    for _ in range(runs):
        start = time.perf_counter()
        pid = os.posix_spawn(
            binary, [binary, "check", "--offline", str(path)], os.environ, file_actions=[
                (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0),
            ])
        _, status, usage = os.wait4(pid, 0)
        taken.append((time.perf_counter() - start) * 1000)
        peak = max(peak, usage.ru_maxrss)
        if os.waitstatus_to_exitcode(status) not in (0, 2):
            sys.exit(f"{path}: {status}")
    return statistics.median(taken), peak / 1024


def stages(bench, path):
    return json.loads(subprocess.run([bench, str(path)], capture_output=True, text=True, check=True).stdout)


def newest(pattern):
    found = sorted(Path("target/release/deps").glob(pattern), key=lambda path: path.stat().st_mtime)
    found = [path for path in found if path.suffix != ".d" and os.access(path, os.X_OK)]
    return str(found[-1]) if found else None


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def shown(milliseconds):
    return f"{milliseconds:.2f}" if milliseconds < 10 else f"{milliseconds:.1f}" if milliseconds < 100 else f"{milliseconds:.0f}"


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--plan", default="target/release/plan")
    options.add_argument("--bench", default=newest("check-*"))
    options.add_argument("--runs", type=int, default=21)
    options.add_argument("--example", default="examples/bizosaas/rollout.plan")
    given = options.parse_args()
    if not given.bench:
        sys.exit("cargo build --release --bench check")
    names = ["whole process", "peak, MB", "parse", "lower", "check", "all three, MiB/s", "render"]

    def measure(label, path):
        taken, peak = process(given.plan, path, given.runs)
        inside = stages(given.bench, path)
        speed = inside["bytes"] / 1024 / 1024 / (inside["all"] / 1000)
        row(*label, inside["bytes"], inside["found"], shown(taken), f"{peak:.0f}", *(shown(inside[name]) for name in ("parse", "lower", "check")),
            f"{speed:.1f}", shown(inside["human"]))

    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        row("plan", "bytes", "found", *names)
        row(*["---"] * (3 + len(names)))
        measure(["the example"], given.example)
        for lines in (10, 100, 1_000, 10_000, 100_000):
            path = plan(folder / f"lines-{lines}", lines)
            measure([f"{path.read_text().count(chr(10)):,} lines"], path)
        for kind in ERRORS:
            for errors in (1, 10, 100, 1_000, 10_000):
                measure([f"{errors:,} × {kind}"], broken(folder / f"{kind}-{errors}", kind, errors))
        path = folder / "nested.plan"
        path.write_text("".join("  " * level + 'expect http "http://a/" {\n' for level in range(20)))
        measure(["20 unclosed blocks"], path)


if __name__ == "__main__":
    main()
