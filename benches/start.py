#!/usr/bin/env python3
"""Times whole processes: the same JavaScript program under `chalcid` and under the other runtimes that are installed.

    benches/start.py [--runs N] [--chalcid PATH] [RUNTIME ...]

A RUNTIME is a path or a name on PATH; without any, `node`, `bun` and `deno` are tried (npm has packages of these names). For each
program the runtimes take turns, so that a change in the machine's speed meets all of them; one round is not counted. The table gives
the median wall time from start to exit, the median of the ratios to the first other runtime round by round, and the peak
resident memory. Linux or macOS; needs Python 3.8 and nothing else.
"""

import argparse
import os
import pathlib
import shutil
import statistics
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = [("empty program", "empty.mjs"), ("41-byte module, one call", "small-module.mjs")]


def run(command):
    """One process: seconds from start to exit, peak resident memory in MiB."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    start = time.perf_counter()
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, devnull, 1)])
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - start
    os.close(devnull)
    if status != 0:
        sys.exit(f"{' '.join(command)}: failed with status {status}")
    scale = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return seconds, usage.ru_maxrss / scale


def command_for(path, program):
    name = pathlib.Path(path).name
    return [path, "run", "--allow-all", program] if name.startswith("deno") else [path, program]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=21)
    parser.add_argument("--chalcid", default=str(HERE.parent / "target/release/chalcid"))
    parser.add_argument("runtimes", nargs="*", default=["node", "bun", "deno"])
    options = parser.parse_args()
    if not os.access(options.chalcid, os.X_OK):
        sys.exit(f"{options.chalcid}: not there; build it with `cargo build --release`")
    paths = [options.chalcid] + [found for name in options.runtimes if (found := shutil.which(name))]

    print("| program | runtime | median | chalcid over it | peak memory | chalcid over it |")
    print("|---|---|---|---|---|---|")
    for title, file in PROGRAMS:
        program = str(HERE / "programs" / file)
        samples = {path: [] for path in paths}
        for round_ in range(options.runs + 1):
            for path in paths:
                sample = run(command_for(path, program))
                if round_:
                    samples[path].append(sample)
        ours = samples[options.chalcid]
        for path in paths:
            times = [seconds for seconds, _ in samples[path]]
            memory = [mib for _, mib in samples[path]]
            time_ratio = statistics.median(a[0] / b[0] for a, b in zip(ours, samples[path]))
            memory_ratio = statistics.median(a[1] / b[1] for a, b in zip(ours, samples[path]))
            print(
                f"| {title} | {pathlib.Path(path).name} | {statistics.median(times) * 1000:.1f} ms | {time_ratio:.2f} "
                f"| {statistics.median(memory):.1f} MiB | {memory_ratio:.2f} |"
            )


if __name__ == "__main__":
    main()
