#!/usr/bin/env python3
"""How much memory `plan watch` takes, and that it takes no more the longer it watches.

Serves a make-believe Dokploy with many services (`plan sandbox`), delivers them (`plan run`), and watches them, a round each second, while one of
them after the other falls for twenty seconds and stands up again, which is told to a command. The memory of the watching process is read five
times a second and written down each minute. docs/performance.md has the figures.

    cargo build && benches/watch/run.py [--plan target/debug/plan] [--services 200] [--minutes 10] [--every 1s]
"""

import argparse
import json
import os
import pathlib
import subprocess
import tempfile
import time
import urllib.request

HEAD = """rollout watched

dokploy {
  url env("DOKPLOY_URL")
  api-key secret("DOKPLOY_API_KEY")
}

app backend {
  project "Backend"
  environment "staging"
  compose "backend"
}

sampling {
  every SECONDS
  timeout SECONDS
}
"""


def write(folder, services):
    plan, compose = [HEAD], ["services:"]
    for at in range(services):
        name, port = f"service-{at:03}", 20000 + at
        plan.append(f'\nservice {name} {{\n  expect http "http://127.0.0.1:{port}/health" {{ status == 200 }}\n}}\n')
        compose.append(f'  {name}:\n    image: registry.example/{name}:1.0\n    ports: ["{port}:80"]\n    x-sandbox: {{ build: 1s, boot: 1s }}')
    plan.append('\nphase all {\n  deploy backend from "all.yml" within 5m\n  settle within 3m\n  soak 3s\n}\n\nnotify exec ["true"] about unhealthy, recovered, end\n')
    # Delivering takes its time on a machine that has much to do; watching is what is measured.
    for name, seconds in (("rollout.plan", "1s"), ("deliver.plan", "10s")):
        (folder / name).write_text("".join(plan).replace("SECONDS", seconds).replace("soak 3s", "soak 20s"))
    (folder / "all.yml").write_text("\n".join(compose) + "\n")


def status(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith(("VmRSS", "RssAnon"))}


def post(url, path, text=""):
    urllib.request.urlopen(urllib.request.Request(url + path, data=text.encode(), method="POST")).read()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", default="target/debug/plan")
    parser.add_argument("--services", type=int, default=200)
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--every", default="1s")
    options = parser.parse_args()
    plan = os.path.abspath(options.plan)
    with tempfile.TemporaryDirectory() as home:
        folder = pathlib.Path(home)
        write(folder, options.services)
        clean = {"HOME": home, "PATH": os.environ["PATH"]}
        sandbox = subprocess.Popen([plan, "sandbox", "--speed", "20"], cwd=home, env=clean, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        watch = None
        try:
            exports = [sandbox.stdout.readline().strip().removeprefix("export ").split("=", 1) for _ in range(3)]
            clean.update(exports)
            subprocess.run([plan, "run", "deliver.plan", "--yes", "--format", "plain"], cwd=home, env=clean, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            length = f"{options.minutes}m"
            arguments = [plan, "watch", "--every", options.every, "--for", length, "--format", "json"]
            with open(folder / "lines", "w") as lines:
                watch = subprocess.Popen(arguments, cwd=home, env=clean, stdout=lines, stderr=subprocess.DEVNULL)
                began, minute, falls, seen = time.monotonic(), 1, 0, []
                print("| minute | its own memory, MB: least / median / most | resident with the program's file, MB: most |\n| --- | --- | --- |")
                while watch.poll() is None:
                    elapsed = time.monotonic() - began
                    try:
                        seen.append(status(watch.pid))
                    except FileNotFoundError:
                        break
                    if elapsed >= 60 * minute:
                        own = sorted(memory.get("RssAnon", 0) for memory in seen)
                        whole = max(memory.get("VmRSS", 0) for memory in seen)
                        print(f"| {minute} | {own[0] / 1000:.1f} / {own[len(own) // 2] / 1000:.1f} / {own[-1] / 1000:.1f} | {whole / 1000:.1f} |", flush=True)
                        minute, seen = minute + 1, []
                    # Down for twenty seconds of forty, one after the other.
                    half = int(elapsed // 20)
                    if half > falls and elapsed < 60 * options.minutes - 30:
                        falls = half
                        if half % 2:
                            post(exports[0][1], "/sandbox/fault", f"service-{half // 2 % options.services:03}: http-500")
                        else:
                            post(exports[0][1], "/sandbox/clear-faults")
                    time.sleep(0.2)
                code = watch.wait()
            events = [json.loads(line) for line in (folder / "lines").read_text().splitlines()]
            told = {kind: sum(event["event"] == kind for event in events) for kind in ("unhealthy", "recovered")}
            end = events[-1]
            print(f"\n{options.services} services, {end['rounds']} rounds in {end['took_ms'] / 1000:.0f} s, {(falls + 1) // 2} falls, told: {told}; exit {code}, notices {end['notices']}")
        finally:
            for process in (watch, sandbox):
                if process and process.poll() is None:
                    process.terminate()
                    process.wait()


if __name__ == "__main__":
    main()
