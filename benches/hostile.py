#!/usr/bin/env python3
"""What hostile modules cost: CPU time and peak memory of compiling, instantiating and calling each, beyond what making its bytes costs.

    benches/hostile.py target/release/chalcid [--arguments '--wasm-tier=optimizing'] [NAME…]

The budget is 10 µs and 1 kB a byte, and 50 ms and a megabyte beside, whichever tier compiles.
"""

import argparse
import os
import pathlib
import shlex
import subprocess
import sys

SCRIPT = pathlib.Path(__file__).resolve().parent.parent / "tests/hostile/run.mjs"


def run(command, *arguments):
    """What a process prints, its CPU time in seconds, and its exit status."""
    child = subprocess.Popen([*command, str(SCRIPT), *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = child.stdout.read().decode(errors="replace")
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = status
    return text.strip().split("\n"), usage.ru_utime + usage.ru_stime, status


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command")
    parser.add_argument("--arguments", default="--no-code-cache")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_intermixed_args()
    command = [arguments.command, *shlex.split(arguments.arguments)]
    names = arguments.names or run([arguments.command], "all")[0]
    print("| module | bytes | how it ended | CPU time | a byte | memory | a byte | |\n|---|---|---|---|---|---|---|---|")
    over = 0
    for name in names:
        _, base_time, _ = run(command, name, "--make")
        lines, time, status = run(command, name)
        size, time = int(lines[0]), max(time - base_time, 0)
        ended, memory = (lines[1], int(lines[2]) * 1024) if status == 0 else (f"status {status}: {lines[-1]}", 0)
        late = time > 10e-6 * size + 0.05 or memory > 1000 * size + 1_000_000 or status != 0
        over += late
        print(f"| {name} | {size:,} | {ended[:90]} | {time:.2f} s | {time / size * 1e6:.2f} µs | {memory / 1e6:.0f} MB | {memory / size:.0f} B "
              f"| {'over' if late else ''} |", flush=True)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
