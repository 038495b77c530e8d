#!/usr/bin/env python3
"""Probes side by side: plan, hurl and prometheus-blackbox-exporter ask the same endpoints on loopback, a fresh connection a sample.

A thousand endpoints, a tenth of which accept and never answer. Measured are samples per CPU-second (user and system time of the prober's
process alone), how late a sample is on its schedule, and peak memory. Samples and their times are the endpoints' own count, the same for
all three. docs/performance.md has the figures and the command.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ONE_HANGS_OF = 10
TIMEOUT_MS = 800


def address(target):
    return f"127.1.{target // 250}.{1 + target % 250}"


class Endpoints:
    """The endpoints, while one prober asks them."""

    def __init__(self, peer, port, targets, log):
        self.log = log
        command = [peer, "serve", str(port), str(targets), log]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline().strip() != "ready":
            sys.exit("the endpoints do not come up")

    def end(self):
        """When each connection was accepted, in ns, and by which target."""
        self.process.communicate("")
        return [tuple(map(int, line.split())) for line in Path(self.log).read_text().splitlines()]


class Measured:
    """A prober's process: its CPU time and peak memory, when it has ended."""

    def __init__(self, command, **options):
        self.process = subprocess.Popen(command, **options)
        self.peak_kb = 0
        self.watch = threading.Thread(target=self.sample_memory, daemon=True)
        self.watch.start()

    def sample_memory(self):
        # Not ru_maxrss: that begins with what the parent had when it forked.
        status = Path(f"/proc/{self.process.pid}/status")
        while True:
            try:
                found = re.search(r"VmHWM:\s+(\d+)", status.read_text())
            except OSError:
                return
            if found is None:
                return
            self.peak_kb = max(self.peak_kb, int(found[1]))
            time.sleep(0.05)

    def cpu_so_far(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def wait(self):
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.watch.join()
        self.cpu = usage.ru_utime + usage.ru_stime
        self.user, self.system = usage.ru_utime, usage.ru_stime
        return self.process.returncode


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


def lateness(seen, began, offset):
    """How late each connection is, in ms: the n-th of a target is due n seconds after its first was to be."""
    count, late = {}, []
    for at, target in seen:
        n = count[target] = count.get(target, -1) + 1
        late.append((at - began - int(n * 1e9) - offset(target)) / 1e6)
    return late


def row(name, measured, seen, late):
    return {
        "prober": name,
        "samples": len(seen),
        "cpu_s": round(measured.cpu, 2),
        "user_s": round(measured.user, 2),
        "system_s": round(measured.system, 2),
        "samples_per_cpu_s": round(len(seen) / measured.cpu),
        "late_ms": None if late is None else {str(p): round(percentile(late, p), 1) for p in (0.5, 0.99, 1)},
        "peak_mb": round(measured.peak_kb / 1024, 1),
    }


def ask_plan(program, port, targets, seconds, folder):
    plan = [
        'rollout probes\ndokploy {\n  url "http://127.0.0.1:9"\n  api-key secret("DOKPLOY_API_KEY")\n}',
        'app backend {\n  project "p"\n  environment "e"\n  compose "c"\n}',
        f"sampling {{\n  every 1s\n  timeout {TIMEOUT_MS}ms\n  healthy after {seconds} passes\n  unhealthy after {seconds} failures\n}}",
        "external endpoints {",
        *(f'  expect http "http://{address(target)}:{port}/health" {{ status == 200 }}' for target in range(targets)),
        '}\nservice web {\n  expect tcp "127.0.0.1:9"\n}\nphase one {\n  deploy backend from "one.yml"\n}\n',
    ]
    file = Path(folder, "rollout.plan")
    file.write_text("\n".join(plan))
    Path(folder, "one.yml").write_text("services:\n  web:\n    image: registry.example/web:1.0\n")
    command = [program, "health", "--offline", "--only", "endpoints", "--format", "json", str(file)]
    result = Path(folder, "plan.json")
    with result.open("w") as out:
        measured = Measured(command, stdout=out, stderr=subprocess.DEVNULL, cwd=folder, env={**os.environ, "DOKPLOY_API_KEY": "x"})
        code = measured.wait()
    return measured, f"exit {code}", result


def ask_hurl(program, port, targets, repeat, folder, jobs):
    # Ten to a file: cheaper for hurl than files of one, and no dearer than longer ones.
    files = []
    for first in range(0, targets, 10):
        file = Path(folder, f"{first}.hurl")
        some = range(first, min(first + 10, targets))
        file.write_text("".join(f"GET http://{address(target)}:{port}/health\nHTTP 200\n" for target in some))
        files.append(str(file))
    options = ["--no-output", "--continue-on-error", "--parallel", "--jobs", str(jobs), "--repeat", str(repeat)]
    command = [program, *options, "--max-time", f"{TIMEOUT_MS}ms", *files]
    measured = Measured(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
    return measured, f"exit {measured.wait()}"


def ask_blackbox(program, peer, port, targets, seconds, folder):
    config = Path(folder, "blackbox.yml")
    http = "{ preferred_ip_protocol: ip4, valid_status_codes: [200], follow_redirects: false }"
    config.write_text(f"modules:\n  status:\n    prober: http\n    timeout: {TIMEOUT_MS}ms\n    http: {http}\n")
    listen = "127.0.0.1:19115"
    measured = Measured([program, f"--config.file={config}", f"--web.listen-address={listen}", "--log.level=error"], stderr=subprocess.DEVNULL)
    time.sleep(1)
    driver = subprocess.run([peer, "scrape", listen, str(port), str(targets), str(seconds)], capture_output=True, text=True)
    if driver.returncode != 0:
        print(driver.stderr, file=sys.stderr)
    measured.process.terminate()
    measured.wait()
    return measured, json.loads(driver.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plan", default=str(HERE.parents[1] / "target/release/plan"))
    parser.add_argument("--peer", help="what `cargo build --release --bench probes` makes; the newest by default")
    parser.add_argument("--hurl", help="path to hurl; left out if not given")
    parser.add_argument("--blackbox", help="path to prometheus-blackbox-exporter; left out if not given")
    parser.add_argument("--targets", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--port", type=int, default=18080)
    parser.add_argument("--hurl-jobs", type=int, default=100)
    given = parser.parse_args()
    if given.peer is None:
        built = [file for file in HERE.parents[1].glob("target/release/deps/probes-*") if file.suffix != ".d"]
        if not built:
            sys.exit("build it first: cargo build --release --bench probes")
        given.peer = str(max(built, key=lambda file: file.stat().st_mtime))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        log = str(Path(folder, "log"))

        # As src/drive/pace.rs has it: fifty samples at once, ten milliseconds apart.
        place = lambda target: target // 50 * 10_000_000
        endpoints = Endpoints(given.peer, given.port, given.targets, log)
        measured, note, result = ask_plan(given.plan, given.port, given.targets, given.seconds, folder)
        seen = endpoints.end()
        rows.append(row("plan", measured, seen, lateness(seen, seen[0][0], place)))
        found = re.findall(r'"verdict": *"([a-z]+)"', result.read_text())
        print(f"plan: {note}, verdicts {({word: found.count(word) for word in sorted(set(found))})}", file=sys.stderr)

        if given.hurl:
            endpoints = Endpoints(given.peer, given.port, given.targets, log)
            measured, note = ask_hurl(given.hurl, given.port, given.targets, given.seconds, folder, given.hurl_jobs)
            seen = endpoints.end()
            rows.append(row("hurl", measured, seen, None))
            print(f"hurl: {note}", file=sys.stderr)

        if given.blackbox:
            endpoints = Endpoints(given.peer, given.port, given.targets, log)
            measured, told = ask_blackbox(given.blackbox, given.peer, given.port, given.targets, given.seconds, folder)
            seen = endpoints.end()
            spread = lambda target: int(target * 1e9 / given.targets)
            rows.append(row("blackbox", measured, seen, lateness(seen, told["began"], spread)))
            print(f"blackbox: {told}", file=sys.stderr)

    print(f"machine load after: {os.getloadavg()[0]:.2f}", file=sys.stderr)
    print("| prober | samples | samples per CPU-second | CPU, µs a sample | late: p50 / p99 / max, ms | peak memory, MB |")
    print("| --- | --- | --- | --- | --- | --- |")
    for one in rows:
        late = one["late_ms"]
        late = "no schedule" if late is None else " / ".join(str(late[p]) for p in ("0.5", "0.99", "1"))
        cost = round(1e6 / one["samples_per_cpu_s"])
        print(f"| {one['prober']} | {one['samples']} | {one['samples_per_cpu_s']} | {cost} | {late} | {one['peak_mb']} |")
    others = [one["samples_per_cpu_s"] for one in rows[1:]]
    if others:
        print(f"\nplan makes {rows[0]['samples_per_cpu_s'] / max(others):.2f} × the samples of the better of the others in one CPU-second")


main()
