"""What the scripts of this folder have in common: the machine's description, tables and plots."""

import datetime
import os
import platform

COLOURS = ["#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#9c6b4e"]


def machine():
    """The machine in a line."""
    cpu = platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as info:
            cpu = next((line.split(":")[1].strip() for line in info if line.startswith("model name")), cpu)
    return f"{cpu}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, {datetime.date.today()}"


def head(versions):
    """The head of a table of what is measured by runtimes."""
    return f"| | {' | '.join(versions)} |\n|---|{'---|' * len(versions)}"


def line(title, unit, cells):
    """A row of it: of every runtime the number and the ratio of the first to it."""
    texts = [f"{number:.{0 if number >= 1000 else 1}f} {unit}" + (f" ({ratio:.2f})" if at and ratio is not None else "") for at, (number, ratio) in enumerate(cells)]
    return f"| {title} | {' | '.join(texts)} |"


def ratios(rows, names, title):
    """Horizontal bars of ratios, a group a row, with a line at 1. Bars end at 2."""
    bar, gap, left, width, top = 9, 8, 330, 420, 44
    group = bar * len(names) + gap
    height = top + group * len(rows) + 16
    x = lambda ratio: left + width * min(ratio, 2) / 2
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 50} {height}" font-family="sans-serif" font-size="10">',
             f'<rect width="{left + width + 50}" height="{height}" fill="white"/>', f'<text x="6" y="34">{title}</text>']
    for index, name in enumerate(names):
        parts.append(f'<rect x="{left + index * 110}" y="10" width="10" height="10" fill="{COLOURS[index % 6]}"/><text x="{left + 14 + index * 110}" y="19">{name}</text>')
    for value in (0.5, 1, 1.5, 2):
        stroke = "#888" if value == 1 else "#ddd"
        parts.append(f'<line x1="{x(value)}" x2="{x(value)}" y1="{top - 4}" y2="{height - 14}" stroke="{stroke}"/><text x="{x(value)}" y="{height - 3}" text-anchor="middle">{value:g}</text>')
    for at, (what, row) in enumerate(rows.items()):
        y = top + at * group
        parts.append(f'<text x="{left - 6}" y="{y + bar * len(names) / 2 + 3:.0f}" text-anchor="end">{what.replace("`", "")}</text>')
        for index, ratio in enumerate(row):
            if ratio is not None:
                parts.append(f'<rect x="{left}" y="{y + index * bar}" width="{x(ratio) - left:.1f}" height="{bar - 1}" fill="{COLOURS[index % 6]}"/><text x="{x(ratio) + 3:.1f}" y="{y + index * bar + bar - 2}" font-size="8">{ratio:.2f}</text>')
    parts.append("</svg>")
    return "\n".join(parts)
