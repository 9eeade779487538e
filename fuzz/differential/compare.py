#!/usr/bin/env python3
"""Runs random programs in two JavaScript engines and compares what they write down.

    compare.py --programs PROGRAMS --one 'node' --other 'chalcid' --seeds 0..200000 [--subject common] [--chunk 500]

PROGRAMS is the built `chalcid-differential`. Every engine runs `run.mjs` on the same files. Two accounts of a program agree when they are the same
up to the first `exhausted` of either. Prints every difference, then what was covered; exits 1 when anything differs.
"""

import argparse
import collections
import concurrent.futures
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent


def accounts(command, file, only=None, timeout=600):
    """What an engine writes about each program of a file, by seed; and how it ended, where that was not well."""
    arguments = [*shlex.split(command), str(HERE / "run.mjs"), str(file)]
    if only is not None:
        arguments.append(str(only))
    try:
        done = subprocess.run(arguments, capture_output=True, timeout=timeout)
        text, ended = done.stdout, None if done.returncode == 0 else f"exit {done.returncode}: {done.stderr.decode(errors='replace')[-500:]}"
    except subprocess.TimeoutExpired as expired:
        text, ended = expired.stdout or b"", f"no end after {timeout} s"
    found, lines = {}, None
    for line in text.decode(errors="replace").split("\n"):
        start = re.fullmatch(r"program (\d+)", line)
        if start:
            lines = found[int(start[1])] = []
        elif lines is not None and line:
            lines.append(line)
    return found, ended


def difference(one, other):
    """The first place where two accounts differ, or None."""
    for left, right in zip(one, other):
        if left == "exhausted" or right == "exhausted":
            return None
        if left != right:
            return left, right
    if len(one) != len(other):
        longer = one if len(one) > len(other) else other
        rest = longer[min(len(one), len(other))]
        if rest == "exhausted":
            return None
        return (rest, "(nothing)") if longer is one else ("(nothing)", rest)
    return None


def chunk(arguments, first, last):
    differences, covered = [], collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "programs"
        made = subprocess.run([arguments.programs, "make", str(first), str(last), str(file), arguments.subject])
        if made.returncode != 0:
            return [f"seeds {first}..{last}: no programs"], covered
        (one, one_ended), (other, other_ended) = accounts(arguments.one, file), accounts(arguments.other, file)
        for name, ended in (("one", one_ended), ("other", other_ended)):
            if ended:
                reached = max(one if name == "one" else other, default=None)
                differences.append(f"seeds {first}..{last}: {name} ended at program {reached} with {ended}")
        for seed, left in one.items():
            right = other.get(seed)
            if right is None:
                continue
            covered["programs"] += 1
            for line in left:
                if " = " in line and not line.startswith(" "):
                    covered["returned"] += 1
                elif re.search(r"\): trap", line):
                    covered["trapped"] += 1
                elif re.search(r"\): an exception", line):
                    covered["threw"] += 1
            covered["exhausted"] += "exhausted" in left or "exhausted" in right
            found = difference(left, right)
            if found:
                differences.append(f"seed {seed}: {found[0][:200]}\n    other: {found[1][:200]}")
    return differences, covered


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", required=True)
    parser.add_argument("--one", required=True)
    parser.add_argument("--other", required=True)
    parser.add_argument("--seeds", required=True)
    parser.add_argument("--subject", default="common")
    parser.add_argument("--chunk", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    first, last = map(int, arguments.seeds.split(".."))
    began, total, different = time.time(), collections.Counter(), 0
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        starts = range(first, last, arguments.chunk)
        for differences, covered in pool.map(lambda at: chunk(arguments, at, min(at + arguments.chunk, last)), starts):
            for text in differences:
                print(text, flush=True)
            different += len(differences)
            total += covered
    hours = (time.time() - began) / 3600
    print(f"{total['programs']} programs in {hours:.2f} h: {total['returned']} calls returned, {total['trapped']} trapped, "
          f"{total['threw']} threw, {total['exhausted']} programs ended early; {different} differences")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
