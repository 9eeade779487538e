#!/usr/bin/env python3
"""Times the kernels of `benches/kernels` in several engines against the same C compiled to native code.

    kernels.py --native DIR --engine 'node=node' --engine 'baseline=chalcid --wasm-tier=baseline --no-code-cache' [--rounds 5] [--runs 3] [--out docs/benchmarks]

DIR is what `kernels/build.sh native DIR` built. Every run of an engine is a process of its own; runs alternate between engines, so that what else the machine does
meets all alike. `first` is the first call from a cold process, the making of the module included; `steady` the fastest of the later calls. Results have to be the same.
Prints a table of ratios over native code, with geometric means, and writes it and a plot to `--out`.
"""

import argparse
import json
import math
import pathlib
import shlex
import subprocess
import sys

import report

HERE = pathlib.Path(__file__).resolve().parent
KERNELS = HERE / "kernels"


def times(command):
    """Result and seconds of each round."""
    lines = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600).stdout.split()
    return lines[0], [float(line) for line in lines[1:]]


def geometric(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def measure(arguments, engines):
    sizes = json.loads((KERNELS / "sizes.json").read_text())
    table = {}
    for kernel, size in sizes.items():
        if arguments.only and kernel not in arguments.only:
            continue
        native = [str(pathlib.Path(arguments.native) / kernel), str(size), str(arguments.rounds)]
        commands = {"native": native}
        for name, command in engines.items():
            commands[name] = [*shlex.split(command), str(KERNELS / "run.mjs"), str(KERNELS / f"{kernel}.wasm"), str(size), str(arguments.rounds)]
        first, steady, results = {}, {}, {}
        for _ in range(arguments.runs):
            for name, command in commands.items():
                result, seconds = times(command)
                results[name] = result
                first[name] = min(first.get(name, math.inf), seconds[0])
                steady[name] = min(steady.get(name, math.inf), *seconds[1:])
        wrong = {name: result for name, result in results.items() if result != results["native"]}
        if wrong:
            sys.exit(f"{kernel}: {wrong}, native {results['native']}")
        base = min(first["native"], steady["native"])
        table[kernel] = {name: (first[name] / base, steady[name] / base) for name in engines} | {"native": base}
        print(kernel, f"{base * 1000:.1f} ms", *(f"{name} {table[kernel][name][0]:.2f}/{table[kernel][name][1]:.2f}" for name in engines), flush=True)
    return table


def markdown(table, engines):
    lines = ["| kernel | native | " + " | ".join(f"{name} first | {name} steady" for name in engines) + " |", "|---|" + "---|" * (1 + 2 * len(engines))]
    for kernel, row in table.items():
        lines.append(f"| {kernel} | {row['native'] * 1000:.1f} ms | " + " | ".join(f"{row[name][0]:.2f} | {row[name][1]:.2f}" for name in engines) + " |")
    means = [f"**{geometric([row[name][at] for row in table.values()]):.2f}**" for name in engines for at in (0, 1)]
    lines.append("| **geometric mean** | | " + " | ".join(means) + " |")
    return "\n".join(lines)


def plot(table, engines):
    """Bars of the steady ratios, a group a kernel."""
    bar, gap, height, top = 9, 14, 240, 40
    group = bar * len(engines) + gap
    width = 60 + group * len(table)
    most = max(min(row[name][1], 6) for row in table.values() for name in engines)
    y = lambda value: top + height - height * min(value, 6) / most
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top + height + 90}" font-family="sans-serif" font-size="10">',
             f'<rect width="{width}" height="{top + height + 90}" fill="white"/>']
    step = 1 if most > 2.5 else 0.5
    value = 0.0
    while value <= most:
        parts.append(f'<line x1="40" x2="{width}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#ddd"/><text x="34" y="{y(value) + 3:.1f}" text-anchor="end">{value:g}</text>')
        value += step
    for at, (kernel, row) in enumerate(table.items()):
        x = 46 + at * group
        for index, name in enumerate(engines):
            parts.append(f'<rect x="{x + index * bar}" y="{y(row[name][1]):.1f}" width="{bar - 1}" height="{top + height - y(row[name][1]):.1f}" fill="{report.COLOURS[index % 6]}"><title>{kernel}, {name}: {row[name][1]:.2f}</title></rect>')
        parts.append(f'<text transform="translate({x + bar * len(engines) / 2},{top + height + 8}) rotate(60)">{kernel}</text>')
    for index, name in enumerate(engines):
        parts.append(f'<rect x="{46 + index * 130}" y="10" width="10" height="10" fill="{report.COLOURS[index % 6]}"/><text x="{60 + index * 130}" y="19">{name}</text>')
    parts.append(f'<text x="40" y="34">steady time over native clang -O3 (lower is better)</text></svg>')
    return "\n".join(parts)


def machine():
    clang = subprocess.run(["clang", "--version"], capture_output=True, text=True).stdout.split("\n")[0]
    return f"{report.machine()}, {clang}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--native", required=True)
    parser.add_argument("--engine", action="append", required=True, help="NAME=COMMAND")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", action="append")
    parser.add_argument("--out")
    arguments = parser.parse_args()
    engines = dict(engine.split("=", 1) for engine in arguments.engine)
    table = measure(arguments, engines)
    text = markdown(table, engines)
    print(text)
    if arguments.out:
        out = pathlib.Path(arguments.out)
        out.mkdir(parents=True, exist_ok=True)
        (out / "kernels.svg").write_text(plot(table, engines))
        commands = "\n".join(f"- {name}: `{command.replace(str(pathlib.Path.home()), '~')}`" for name, command in engines.items())
        (out / "kernels.md").write_text(
            f"# Kernels\n\nTime over native `clang -O3`; {machine()}.\nMade by `benches/kernels.py` ({arguments.runs} runs of {arguments.rounds} rounds, alternating).\n\n"
            f"{text}\n\n![steady times over native](kernels.svg)\n\n{commands}\n")


if __name__ == "__main__":
    main()
