#!/usr/bin/env python3
"""Times how programs start: the same JavaScript under `chalcid` and under the other runtimes that are installed.

    benches/start.py [--packages DIR] [--runs N] [--chalcid PATH] [--out docs/benchmarks] [RUNTIME ...]

A RUNTIME is a path or a name on PATH; without any, `node`, `bun` and `deno` are tried (npm has packages of these names). With `--packages`, the directory in
which `npm i esbuild-wasm pyodide @sqlite.org/sqlite-wasm canvaskit-wasm sql.js @resvg/resvg-wasm` was run, large modules and short real tasks are timed as well, and
instances of small modules and of sql.js's are made by the thousand; what is not there is left out. Nothing is downloaded.

In each row the runtimes take turns, so that a change in the machine's speed meets all of them; one round is not counted. A row gives medians, and for the others in
brackets the median of `chalcid` over them, round by round: below 1 `chalcid` is faster, or smaller. `chalcid` runs with its code cache in a directory of its own: empty
before each run where it says "first", filled by an earlier run where it says "cached"; the others have no such thing and do the same in both rows. Programs must print
the same everywhere. The table is printed, and with `--out` written there as `start.md`, with a plot. Linux or macOS; needs Python 3.8 and nothing else.
"""

import argparse
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import report

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = HERE / "programs"
MODULES = [
    ("esbuild.wasm", "esbuild-wasm/esbuild.wasm"),
    ("pyodide.asm.wasm", "pyodide/pyodide.asm.wasm"),
    ("canvaskit.wasm", "canvaskit-wasm/bin/canvaskit.wasm"),
    ("sqlite3.wasm", "@sqlite.org/sqlite-wasm/sqlite-wasm/jswasm/sqlite3.wasm"),
]
TASKS = [
    ("queries in sql.js", "sqlite.mjs", "sql.js"),
    ("resvg draws a PNG", "drawing.mjs", "@resvg/resvg-wasm"),
    ("esbuild transforms 80 kB", "esbuild.mjs", "esbuild-wasm"),
]
INSTANCES = [("a small module", "small.wasm", 10_000), ("sql.js", "sql.js/dist/sql-wasm.wasm", 1_000)]
ALIVE = 20


class Runtime:
    """A runtime and how to start a program in it."""

    def __init__(self, path):
        self.path, self.name = path, pathlib.Path(path).name
        self.is_chalcid = self.name.startswith("chalcid")
        self.prefix = [path, "run", "--allow-all"] if self.name.startswith("deno") else [path]

    def version(self):
        found = re.search(r"\d+(\.\d+)+", subprocess.run([self.path, "--version"], capture_output=True, text=True).stdout)
        return f"{self.name} {found.group()}" if found else self.name

    def run(self, program, arguments, caches):
        """One process: what it printed, seconds from start to exit, peak resident memory in MiB."""
        command = [*self.prefix, str(PROGRAMS / program), *map(str, arguments)]
        environment = {**os.environ, "XDG_CACHE_HOME": str(caches)} if self.is_chalcid else os.environ
        with tempfile.TemporaryFile() as output:
            start = time.perf_counter()
            pid = os.posix_spawn(command[0], command, environment, file_actions=[(os.POSIX_SPAWN_DUP2, output.fileno(), 1)])
            _, status, usage = os.wait4(pid, 0)
            seconds = time.perf_counter() - start
            output.seek(0)
            printed = output.read().decode()
        if status != 0:
            sys.exit(f"{' '.join(command)}: failed with status {status}")
        return printed, seconds, usage.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


class Measurement:
    """The runtimes, and the rows measured so far."""

    def __init__(self, runtimes, runs, work):
        self.runtimes, self.runs, self.work = runtimes, runs, work
        self.rows = []

    def alternate(self, program, arguments, cached, runs=None):
        """Of every counted run of each runtime: printed, seconds, MiB."""
        caches = self.work / "caches"
        shutil.rmtree(caches, ignore_errors=True)
        samples = {runtime.name: [] for runtime in self.runtimes}
        for round_ in range((runs or self.runs) + 1):
            for runtime in self.runtimes:
                if runtime.is_chalcid and not cached:
                    shutil.rmtree(caches, ignore_errors=True)
                sample = runtime.run(program, arguments, caches)
                if round_:
                    samples[runtime.name].append(sample)
        return samples

    def row(self, title, unit, samples):
        """Adds a row of numbers, one of each run of each runtime."""
        ours = samples[self.runtimes[0].name]
        cells = []
        for runtime in self.runtimes:
            numbers = samples[runtime.name]
            ratio = statistics.median(a / b for a, b in zip(ours, numbers) if b > 0) if any(numbers) else None
            cells.append((statistics.median(numbers), ratio))
        self.rows.append((title, unit, cells))
        print(report.line(title, unit, cells), flush=True)

    def same_output(self, samples):
        printed = {name: {sample[0] for sample in of} for name, of in samples.items()}
        if len(set().union(*printed.values())) != 1:
            sys.exit(f"the runtimes do not agree: {printed}")


def measure(measurement, packages):
    for title, program in [("empty program", "empty.mjs"), ("41-byte module, one call", "small-module.mjs")]:
        samples = measurement.alternate(program, [], cached=True)
        measurement.same_output(samples)
        measurement.row(f"{title}: start to end", "ms", {name: [s[1] * 1e3 for s in of] for name, of in samples.items()})
        measurement.row(f"{title}: peak memory", "MiB", {name: [s[2] for s in of] for name, of in samples.items()})

    for title, path in MODULES:
        file = packages and packages / path
        if not file or not file.exists():
            continue
        for cached in (False, True):
            samples = measurement.alternate("module.mjs", [file], cached)
            milliseconds = {name: [float(s[0]) for s in of] for name, of in samples.items()}
            measurement.row(f"`new Module` of {title}, {'cached' if cached else 'first'}", "ms", milliseconds)

    for title, program, package in TASKS:
        if not packages or not (packages / package).exists():
            continue
        for cached in (False, True):
            samples = measurement.alternate(program, [packages.parent], cached, runs=max(3, measurement.runs // 2))
            measurement.same_output(samples)
            measurement.row(f"{title}, {'cached' if cached else 'first'}", "ms", {name: [s[1] * 1e3 for s in of] for name, of in samples.items()})

    small = re.search(r"new Uint8Array\(\[(.*?)\]\)", (PROGRAMS / "small-module.mjs").read_text(), re.DOTALL).group(1)
    (measurement.work / "small.wasm").write_bytes(bytes(int(byte, 16) for byte in re.findall(r"0x\w+", small)))
    for title, path, many in INSTANCES:
        file = measurement.work / path if "/" not in path else packages and packages / path
        if not file or not file.exists():
            continue
        samples = measurement.alternate("instances.mjs", [file, ALIVE, many], cached=True, runs=max(3, measurement.runs // 4))
        for at, (what, unit, scale) in enumerate([(f"one more instance of {title}, {ALIVE} alive", "µs", 1), (f"memory of each of {many:,} instances of {title}", "kB", 1e-3)]):
            measurement.row(what, unit, {name: [float(s[0].split()[at]) * scale for s in of] for name, of in samples.items()})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=pathlib.Path)
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--chalcid", default=str(HERE.parent / "target/release/chalcid"))
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("runtimes", nargs="*", default=["node", "bun", "deno"])
    options = parser.parse_args()
    if not os.access(options.chalcid, os.X_OK):
        sys.exit(f"{options.chalcid}: not there; build it with `cargo build --release`")
    paths = [options.chalcid] + [found for name in options.runtimes if (found := shutil.which(name))]
    runtimes = [Runtime(path) for path in paths]
    packages = options.packages and options.packages.resolve() / "node_modules"

    with tempfile.TemporaryDirectory() as work:
        measurement = Measurement(runtimes, options.runs, pathlib.Path(work))
        versions = [runtime.version() for runtime in runtimes]
        print(report.head(versions), flush=True)
        measure(measurement, packages)
    if options.out:
        table = "\n".join([report.head(versions), *(report.line(*row) for row in measurement.rows)])
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "start.md").write_text(
            f"# Starting\n\n{report.machine()}.\nMade by `benches/start.py` ({options.runs} runs, alternating; medians, and `chalcid` over the others in brackets).\n\n"
            f"{table}\n\n![ratios](start.svg)\n")
        others = len(runtimes) - 1
        ratios = {title: [cells[at + 1][1] for at in range(others)] for title, _, cells in measurement.rows}
        (options.out / "start.svg").write_text(report.ratios(ratios, versions[1:], "chalcid over the others (lower is better)"))


if __name__ == "__main__":
    main()
