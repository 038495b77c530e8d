#!/usr/bin/env python3
"""Which changes to a folder's code no test notices. Run by hand; docs/mutants.md has the findings and the commands.

A copy of the tree is made in which every mutant of the folder is present behind a switch, `crate::mutant(N)`, read once from PLAN_MUTANT:
one build serves hundreds of mutants, and each costs a run of the tests that are to kill it. The mutants are those that cargo-mutants lists, and
three kinds more, of which rules are made: a finding not told, a guard (`if … { continue }`) never taken, a filter that lets everything pass.

What cannot be switched (in a `const fn`, a field) is listed; `--plain` builds and tests each of those.

Needs cargo-mutants (`cargo install cargo-mutants --locked`) and, for Python, tree-sitter and tree-sitter-rust (`pip install`). An example:

    tests/mutants/run.py src/check --tests 'lib check::' --tests 'all check:: language:: --skip program::' --tests 'all codes::'

Each `--tests` is a test binary and its arguments, run in this order until one fails; `--only survivors` repeats those after a fixture was added.
`--properties` are run before them, and what they kill is counted apart; `--only examples` tries new properties on what only examples kill.
`--sample` draws so many of all mutants by `--seed`; the copy then has no others, and is built faster.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import tree_sitter
import tree_sitter_rust

ROOT = Path(__file__).resolve().parents[2]
RUST = tree_sitter.Parser(tree_sitter.Language(tree_sitter_rust.language()))
SWITCH = """
/// Whether this mutant is the one that is on.
pub fn mutant(number: u32) -> bool {
    static ON: std::sync::OnceLock<Option<u32>> = std::sync::OnceLock::new();
    // Tests that start the program clear its environment: then that of the test counts.
    let above = || {
        let environment = std::fs::read_to_string(format!("/proc/{}/environ", std::os::unix::process::parent_id())).ok()?;
        environment.split('\\0').find_map(|one| one.strip_prefix("PLAN_MUTANT=").map(str::to_owned))
    };
    *ON.get_or_init(|| std::env::var("PLAN_MUTANT").ok().or_else(above)?.parse().ok()) == Some(number)
}
"""
# A mutant that eats memory dies of it, and that is noticed.
SHELL = ["nice", "sh", "-c", 'ulimit -v 8000000; exec "$@"', "sh"]


# What is changed.


def listed(folders):
    """cargo-mutants' list, each with its place in bytes."""
    command = ["cargo", "mutants", "--list", "--json", *(part for folder in folders for part in ("--file", f"{folder}/**"))]
    answer = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for mutant in json.loads(answer):
        lines = (ROOT / mutant["file"]).read_text().split("\n")
        byte = lambda at: len("\n".join([*lines[: at["line"] - 1], lines[at["line"] - 1][: at["column"] - 1]]).encode())
        place = (byte(mutant["span"]["start"]), byte(mutant["span"]["end"]))
        yield {"file": mutant["file"], "kind": mutant["genre"], "place": place, "name": mutant["name"], "to": mutant["replacement"]}


def ours(file, source, tree):
    """The three kinds of which rules are made."""

    def mutant(node, kind, what):
        row, text = node.start_point[0] + 1, " ".join(source[node.start_byte : node.end_byte].decode().split())
        name = f"{file}:{row}:{node.start_point[1] + 1}: {what} {text[:90]}"
        return {"file": file, "kind": kind, "place": (node.start_byte, node.end_byte), "name": name, "to": ""}

    for node in walk(tree.root_node):
        text = lambda field: (part := node.child_by_field_name(field)) and part.text.decode()
        if node.type == "call_expression" and re.fullmatch(r"found\s*\.(push|extend)", text("function")):
            yield mutant(node, "Told", "leave out")
        elif node.type == "if_expression" and re.fullmatch(r"\{\s*(continue|return\b[^;{]*);?\s*(//.*)?\s*\}", text("consequence")) and not text("alternative"):
            yield mutant(node.child_by_field_name("condition"), "Guard", "never take")
        elif node.type == "call_expression" and re.search(r"\.(filter|retain)$", text("function")):
            closure = node.child_by_field_name("arguments").named_children[0]
            if closure.type == "closure_expression":
                yield mutant(closure.child_by_field_name("body"), "Filter", "let everything pass")


def walk(node):
    if node.type == "mod_item" and node.child_by_field_name("name").text == b"tests":
        return
    yield node
    for child in node.children:
        yield from walk(child)


# The copy with all of them.


class Woven:
    """One file with its mutants behind their switches."""

    def __init__(self, source, tree, mutants):
        self.source, self.at = source, collections.defaultdict(list)
        self.unplaced = []
        for mutant in mutants:
            node = self.node(tree, mutant)
            if node is None:
                self.unplaced.append(mutant)
            else:
                self.at[node.start_byte, node.end_byte, node.type].append(mutant)
        self.text = self.render(tree.root_node)

    @staticmethod
    def node(tree, mutant):
        """What is rewritten for a mutant."""
        start, end = mutant["place"]
        node = tree.root_node.descendant_for_byte_range(start, end)
        wanted = {
            "FnValue": ["function_item"],
            "BinaryOperator": ["binary_expression", "compound_assignment_expr"],
            "UnaryOperator": ["unary_expression"],
            "MatchArm": ["match_arm"],
            "MatchArmGuard": ["match_arm"],
        }.get(mutant["kind"])
        if mutant["kind"] == "BinaryOperator" and node.parent.type not in wanted:
            return None  # The `&&` of a chain with `let`.
        if wanted is None:
            return None if mutant["kind"] == "StructField" else node
        while node and node.type not in wanted:
            node = node.parent
        if mutant["kind"] == "MatchArm" and not any(map(takes_all, node.parent.named_children)):
            return None  # Without it the match is not exhaustive.
        return node

    def slice(self, start, end):
        return self.source[start:end].decode()

    def inside(self, node, begin=None, end=None):
        """A node's text, or a part of it, with what is in it rendered."""
        at, end, out = node.start_byte if begin is None else begin, node.end_byte if end is None else end, []
        for child in node.children:
            if at <= child.start_byte and child.end_byte <= end:
                out += [self.slice(at, child.start_byte), self.render(child)]
                at = child.end_byte
        return "".join(out) + self.slice(at, end)

    def render(self, node):
        mutants = self.at.get((node.start_byte, node.end_byte, node.type), [])
        of = lambda *kinds: [mutant for mutant in mutants if mutant["kind"] in kinds]
        if operators := of("BinaryOperator", "UnaryOperator"):
            operator = node.child_by_field_name("operator") or node.children[0]
            before = self.inside(node, end=operator.start_byte) if operator.start_byte > node.start_byte else ""
            after, written = self.inside(node, begin=operator.end_byte), operator.text.decode()
            text = "(" + "".join(f"if {on(m)} {{ ({before}{m['to']}{after}) }} else " for m in operators) + f"{{ ({before}{written}{after}) }})"
        elif node.type == "function_item" and mutants:
            text = self.function(node, mutants)
        elif node.type == "match_arm" and mutants:
            text = self.arm(node, of("MatchArm"), of("MatchArmGuard"))
        else:
            text = self.inside(node)
        for mutant in of("Told"):
            text = f"if !{on(mutant)} {{ {text} }}"
        for mutant in of("Guard"):
            text = f"{text} && !{on(mutant)}" if "let" in node.type else f"({text}) && !{on(mutant)}"
        for mutant in of("Filter"):
            text = f"({on(mutant)} || ({text}))"
        return text

    def function(self, node, mutants):
        """What a mutant gives instead comes first. An iterator's type is not written, so what it gives instead is chained to it."""
        block = node.child_by_field_name("body")
        head, body = self.slice(node.start_byte, block.start_byte), self.inside(block)
        if "impl Iterator" not in head.partition("->")[2]:
            early = "".join(f" if {on(m)} {{ return {m['to']}; }}" for m in mutants)
            return f"{head}{{{early}{body[1:]}"
        instead = [(on(m), re.fullmatch(r"::std::iter::once\((.*)\)", m["to"])) for m in mutants]
        chained = "".join(f".chain({switch}.then(|| {once[1]}))" for switch, once in instead if once)
        return f"{head}{{ (!({' || '.join(switch for switch, _ in instead)})).then(move || {body}).into_iter().flatten(){chained} }}"

    def arm(self, node, deleted, guards):
        pattern, value = node.child_by_field_name("pattern"), node.child_by_field_name("value")
        condition = pattern.child_by_field_name("condition")
        guard = self.render(condition) if condition else None
        for mutant in guards:
            guard = f"(if {on(mutant)} {{ {mutant['to']} }} else {{ {guard} }})"
        for mutant in deleted:
            guard = f"!{on(mutant)}" + (f" && ({guard})" if guard else "")
        matched = self.slice(node.start_byte, pattern.children[0].end_byte)
        return f"{matched} if {guard} => {self.render(value)}{self.slice(value.end_byte, node.end_byte)}"


def takes_all(arm):
    pattern = arm.child_by_field_name("pattern")
    return pattern is not None and re.fullmatch(r"_|[a-z]\w*", pattern.text.decode()) is not None


def on(mutant):
    return f"crate::mutant({mutant['number']})"


def write(path, content):
    """Writes what differs only: cargo goes by the time of a file."""
    content = content.encode() if isinstance(content, str) else content
    if not path.exists() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def copy(tree, woven):
    """The tree as git has it or would, the woven files in place of theirs."""
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    names = [name for name in names.split("\0") if name and (ROOT / name).is_file()]
    # What was moved since would be there twice.
    for stale in (tree / "src").rglob("*.rs"):
        if str(stale.relative_to(tree)) not in names:
            stale.unlink()
    for name in names:
        if name not in woven:
            own = (ROOT / name).read_bytes() + (SWITCH.encode() if name == "src/lib.rs" else b"")
            write(tree / name, own)
            shutil.copymode(ROOT / name, tree / name)
    for name, text in woven.items():
        write(tree / name, text)


def cargo(tree, *arguments):
    """Cargo's messages, and whether it went well."""
    command = ["nice", "cargo", *arguments, "--message-format=json"]
    ran = subprocess.run(command, cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")], ran.returncode == 0


def culprits(tree, messages):
    """The mutants that the compiler's errors are about: the switch before each in its line, the one after it, or the one above."""
    found = set()
    for message in (message["message"] for message in messages if message["reason"] == "compiler-message"):
        for span in message["spans"] if message["level"] == "error" else []:
            source = (tree / span["file_name"]).read_bytes() if (tree / span["file_name"]).exists() else b""
            begin, end = source.rfind(b"\n", 0, span["byte_end"]) + 1, source.find(b"\n", span["byte_end"])
            numbers = lambda text: [int(number) for number in re.findall(rb"crate::mutant\((\d+)\)", text)]
            before, after, above = numbers(source[begin : span["byte_end"]]), numbers(source[span["byte_end"] : end]), numbers(source[:begin])
            if span["is_primary"]:
                found |= set(before[-1:] or after[:1] or above[-1:])
    return found


def weave(mutants, out):
    """Each file with the mutants that are not out, and those that have no switch."""
    woven, unplaced = {}, []
    for file in sorted({mutant["file"] for mutant in mutants}):
        source = (ROOT / file).read_bytes()
        of_file = [mutant for mutant in mutants if mutant["file"] == file and mutant["number"] not in out]
        made = Woven(source, RUST.parse(source), of_file)
        woven[file], unplaced = made.text, unplaced + made.unplaced
    return woven, unplaced


def built(tree, mutants):
    """The test binaries of the copy, the mutants that need a build of their own, and those that do not compile."""
    # What was found out before is not tried again: it would build everything anew.
    kept = tree / "target" / "not-switched.json"
    names = set(json.loads(kept.read_text())) if kept.exists() else set()
    out = {mutant["number"] for mutant in mutants if mutant["name"] in names}
    while True:
        woven, unplaced = weave(mutants, out)
        copy(tree, woven)
        messages, well = cargo(tree, "build", "--lib")
        if well:
            break
        wrong = culprits(tree, messages) - out
        if not wrong:
            sys.exit("\n".join(message["message"]["rendered"] for message in messages if message.get("message", {}).get("level") == "error"))
        out |= wrong
        kept.write_text(json.dumps(sorted(names | {mutant["name"] for mutant in mutants if mutant["number"] in out})))
        print(f"{len(out)} do not compile behind a switch", file=sys.stderr)
    without = [mutant for mutant in mutants if mutant["number"] in out or mutant in unplaced]
    return binaries(tree), [mutant for mutant in without if may_compile(mutant)], [mutant for mutant in without if not may_compile(mutant)]


def may_compile(mutant):
    """Whether one that does not compile behind a switch may do so alone: a value of a type that is written compiles in both places or in none."""
    head = RUST.parse((ROOT / mutant["file"]).read_bytes()).root_node.descendant_for_byte_range(*mutant["place"])
    while head and head.type != "function_item":
        head = head.parent
    head = head.text[: head.child_by_field_name("body").start_byte - head.start_byte].decode() if head else ""
    return mutant["kind"] == "StructField" or "const fn" in head or (mutant["kind"] == "FnValue" and "impl " in head.partition("->")[2].replace("impl Iterator", ""))


def binaries(tree):
    messages, well = cargo(tree, "test", "--no-run", "--lib", "--test", "all")
    tests = [message for message in messages if message["reason"] == "compiler-artifact" and message["profile"]["test"] and message["executable"]]
    return {"lib" if "lib" in test["target"]["kind"] else test["target"]["name"]: test["executable"] for test in tests} if well else None


# The tests.


def killer(tree, tests, number, stages, limit):
    """The first test that fails with the mutant on; `None` when all pass."""
    for binary, *arguments in (stage.split() for stage in stages):
        environment = {**os.environ, "PLAN_MUTANT": str(number), "PROPTEST_FAILURE_PERSISTENCE": "off", "RUST_BACKTRACE": "0"}
        command = [*SHELL, tests[binary], *arguments, "--test-threads=1"]
        ran = subprocess.Popen(command, cwd=tree, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace", start_new_session=True)
        late = threading.Event()
        timer = threading.Timer(limit, lambda: (late.set(), os.killpg(ran.pid, signal.SIGKILL)))
        timer.start()
        failed, last = None, ""
        for line in ran.stdout:
            name = re.match(r"test (\S+)(?: - .*?)? \.\.\. (.*)", line)
            last = name[1] if name else last
            if name and name[2] == "FAILED":
                failed = name[1]
                os.killpg(ran.pid, signal.SIGKILL)
                break
        code = ran.wait()
        timer.cancel()
        if failed or late.is_set() or code != 0:
            return failed or (f"not done after {limit} s" if late.is_set() else f"ended by {code}, after {last or 'nothing'}")
    return None


def fate(tree, tests, number, options):
    """What kills a mutant, and whether that is a property."""
    for kind, stages in (("property", options.properties), ("example", [] if options.only == "examples" else options.tests)):
        if killed := killer(tree, tests, number, stages, options.limit):
            return f"{kind}: {killed}"
    return "survived"


def plain(tree, mutant, options):
    """The same with the mutant alone in its file, built anew."""
    source = (ROOT / mutant["file"]).read_bytes()
    start, end = mutant["place"]
    write(tree / mutant["file"], source[:start] + mutant["to"].encode() + source[end:])
    try:
        tests = binaries(tree) if cargo(tree, "build", "--lib")[1] else None
        return fate(tree, tests, "", options) if tests else "does not compile"
    finally:
        write(tree / mutant["file"], source)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folders", nargs="+", help="what is mutated, like src/check")
    arguments.add_argument("--match", default="", help="a pattern: only mutants whose names have it are run and reported")
    arguments.add_argument("--tests", action="append", default=[], help="a binary (lib, all) and its arguments")
    arguments.add_argument("--properties", action="append", default=[], help="the same, of tests that hold of whatever is drawn or explored; run first")
    arguments.add_argument("--tree", type=Path, default=Path("/tmp/plan-mutants"), help="where the copy is made; a target/ there is used")
    arguments.add_argument("--every", type=int, default=1, help="a sample: each so manieth mutant")
    arguments.add_argument("--sample", type=int, help="a sample: so many, drawn by --seed")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--only", choices=["survivors", "examples", "new"], help="those that survived before, that only examples killed, or not run before")
    arguments.add_argument("--plain", action="store_true", help="build and test what cannot be switched, one by one")
    arguments.add_argument("--jobs", type=int, default=2)
    arguments.add_argument("--limit", type=int, default=120, help="seconds for one run of the tests")
    options = arguments.parse_args()

    mutants = list(listed(options.folders))
    for file in (file for folder in options.folders for file in sorted((ROOT / folder).rglob("*.rs"))):
        source = file.read_bytes()
        mutants += ours(str(file.relative_to(ROOT)), source, RUST.parse(source))
    if options.sample:
        mutants = random.Random(options.seed).sample(sorted(mutants, key=lambda mutant: mutant["name"]), options.sample)
    for number, mutant in enumerate(mutants):
        mutant["number"] = number
    tests, unswitched, broken = built(options.tree, mutants)
    kept = options.tree / "target" / "mutants.json"
    results = json.loads(kept.read_text()) if kept.exists() else {}

    for stage in options.properties + ([] if options.only == "examples" else options.tests):
        began = time.monotonic()
        if failed := killer(options.tree, tests, "", [stage], 10 * options.limit):
            sys.exit(f"without any mutant, {failed} fails")
        print(f"{time.monotonic() - began:.1f} s without any mutant: {stage}", file=sys.stderr, flush=True)
    results |= {mutant["name"]: "does not compile" for mutant in broken}
    mutants, unswitched = ([mutant for mutant in of if re.search(options.match, mutant["name"])] for of in (mutants, unswitched))
    switched = [mutant for mutant in mutants if mutant not in unswitched + broken][:: options.every]
    wanted = {
        None: lambda end: True,
        "survivors": lambda end: end in (None, "survived"),
        "examples": lambda end: (end or "").startswith("example"),
        "new": lambda end: end is None,
    }[options.only]
    switched = [mutant for mutant in switched if wanted(results.get(mutant["name"]))]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        runs = {pool.submit(fate, options.tree, tests, mutant["number"], options): mutant for mutant in switched}
        for run in concurrent.futures.as_completed(runs):
            name, end = runs[run]["name"], run.result()
            # What no property kills stays what it was: examples were not run.
            if end != "survived" or options.only != "examples":
                results[name] = end
            print(f"{end}: {name}", file=sys.stderr, flush=True)
            kept.write_text(json.dumps(results, indent=1))
    for mutant in unswitched if options.plain else []:
        results[mutant["name"]] = plain(options.tree, mutant, options)
        print(f"{results[mutant['name']]}: {mutant['name']}", file=sys.stderr, flush=True)
        kept.write_text(json.dumps(results, indent=1))
    report(mutants, unswitched, results)


def report(mutants, unswitched, results):
    print("| file | mutants | by properties | only by examples | survived | do not compile |\n| --- | ---: | ---: | ---: | ---: | ---: |")
    files = sorted({mutant["file"] for mutant in mutants})
    for file in [*files, *sorted({"/".join(file.split("/")[:2]) for file in files})]:
        ends = [results.get(mutant["name"]) for mutant in mutants if mutant["file"].startswith(file)]
        ran = [end for end in ends if end and end != "does not compile"]
        count = lambda kind: sum(end.startswith(kind) for end in ran)
        print(f"| {file} | {len(ran)} | {count('property')} | {count('example')} | {count('survived')} | {ends.count('does not compile')} |")
    for end in ("example", "survived"):
        print(f"\n{end}:", *(f"{mutant['name']} ({results[mutant['name']]})" for mutant in mutants if results.get(mutant["name"], "").startswith(end)), sep="\n- ")
    print("\nnot switched, not run:", *(mutant["name"] for mutant in unswitched if mutant["name"] not in results), sep="\n- ")


if __name__ == "__main__":
    main()
