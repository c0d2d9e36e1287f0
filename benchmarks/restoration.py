"""Restoration beside everybody else's: same pictures, same prior, one table.

    benchmarks/.venv/bin/python benchmarks/restoration.py --quick
    benchmarks/.venv/bin/python benchmarks/restoration.py --faces faces-64 --photos photos --write

In an environment of its own (`benchmarks/requirements.txt`). Every row is kept in a JSON file
under `--out` as soon as it is measured, so that a run can be stopped and continued, and a method
measured again (`--again ours`). Everything runs on one thread; seconds are the CPU's, so that they
mean much the same on a busy machine. `--write` puts the tables and the plot into docs/; nothing
else does. What a person wrote between the marks of the page, why ours loses where it does, stays.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from restoration import curve, tables  # noqa: E402
from restoration.cases import load_pictures, make_cases  # noqa: E402
from restoration.measure import Job, key, measure, one_thread  # noqa: E402
from restoration.prior import Prior  # noqa: E402
from restoration.registry import all_methods  # noqa: E402

from ddpm_demo.checkpoints.library import find  # noqa: E402

KINDS = ("faces", "photos")
DOCS = ROOT / "docs"
PAGE = DOCS / "restoration_benchmark.md"
REASONS = ("<!-- reasons: begin -->", "<!-- reasons: end -->")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", default="faces-64", help="checkpoint, or a folder")
    parser.add_argument("--photos", default="photos", help="checkpoint, or a folder")
    parser.add_argument("--num-faces", type=int, default=8)
    parser.add_argument("--quick", action="store_true", help="4 faces, a crop of one photograph")
    parser.add_argument("--num-photos", type=int, default=4)
    parser.add_argument(
        "--long", action="store_true", help="also DPS and RePaint as published: hours"
    )
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--only", default="", help="families that contain one of these, by comma")
    parser.add_argument("--tasks", default="", help="tasks that contain one of these, by comma")
    parser.add_argument("--without", default="", help="settings to leave out, likewise")
    parser.add_argument("--curve", action="store_true", help="also ours at 5 to 100 steps")
    parser.add_argument("--plot", type=Path, help="file for the curve, without writing docs/")
    parser.add_argument("--again", default="", help="families to measure again, by comma")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "restoration")
    parser.add_argument("--table", action="store_true", help="measure nothing, print the tables")
    parser.add_argument("--write", action="store_true", help="also write docs/")
    parser.add_argument("--worker", action="store_true", help="(used internally)")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.num_faces = min(arguments.num_faces, 4)
    return arguments


def contains(text: str, parts: str) -> bool:
    return any(part in text for part in parts.split(",") if part)


def jobs_of(arguments: argparse.Namespace, kind: str) -> list[Job]:
    """All that is asked for on one kind of picture, whether measured already or not."""
    weight_hash = find(getattr(arguments, kind)).weight_hash
    numbers = arguments.num_faces, arguments.num_photos
    pictures = load_pictures(kind, *numbers, arguments.quick)
    cases = list(make_cases(kind, pictures))
    jobs = []
    for method in all_methods(arguments.long):
        if method.extra and not arguments.curve:
            continue
        if arguments.only and not contains(method.family, arguments.only):
            continue
        if contains(method.setting, arguments.without):
            continue
        for case in cases:
            wanted = not arguments.tasks or contains(case.task, arguments.tasks)
            if wanted and case.task in method.tasks:
                jobs.append(Job(method, case, key(method, case, weight_hash)))
    return jobs


def work(arguments: argparse.Namespace) -> None:
    """In a process of its own: measures what it is told to, prints rows as JSON lines."""
    one_thread()
    kind, keys = json.load(sys.stdin)
    jobs = {job.key: job for job in jobs_of(arguments, kind)}
    wanted = [jobs[k] for k in keys]
    prior = None
    if any(job.method.uses_prior for job in wanted):
        prior = Prior.load(getattr(arguments, kind), wanted[0].case.clean.shape[0])
    for row in measure(wanted, prior, arguments.out):
        print("ROW " + json.dumps(row), flush=True)


def run_worker(
    arguments: argparse.Namespace, kind: str, keys: list[str], rows: dict[str, Any], file: Path
) -> None:
    """Starts a worker and keeps each of its rows as it comes."""
    command = [sys.executable, __file__, *sys.argv[1:], "--worker"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        json.dump([kind, keys], process.stdin)
        process.stdin.close()
        for line in process.stdout:
            if not line.startswith("ROW "):
                continue
            row = json.loads(line[4:])
            rows[row["key"]] = row
            save(rows, file)
            print(
                f"{row['kind']}, {row['task']}, {row['name']}: {row['family']}, {row['setting']}: "
                f"{row['psnr_db']:.2f} dB in {row['cpu_seconds']:.1f} s",
                file=sys.stderr,
                flush=True,
            )
    if process.returncode:
        print(f"a worker ended with {process.returncode}; its rows are missing", file=sys.stderr)


def save(rows: dict[str, Any], file: Path) -> None:
    temporary = file.with_suffix(".part")
    temporary.write_text(json.dumps(rows, indent=0))
    temporary.replace(file)


def report(rows: Sequence[dict[str, Any]], arguments: argparse.Namespace) -> str:
    priors = "; ".join(
        f"{kind}: {info.name}, weights {info.weight_hash}"
        for kind in arguments.kinds.split(",")
        for info in [find(getattr(arguments, kind))]
    )
    words = sys.argv[1:]
    if "--out" in words:  # where rows are kept is nobody else's business
        del words[words.index("--out") : words.index("--out") + 2]
    command = " ".join(["python benchmarks/restoration.py", *words])
    parts = ["# Restoration, beside others", f"Made by `{command}`. Priors: {priors}."]
    parts += [NOTES, reasons(), "## Ours against the best of the others", tables.summary(rows)]
    for kind, task in dict.fromkeys((row["kind"], row["task"]) for row in rows):
        own = [row for row in rows if (row["kind"], row["task"]) == (kind, task)]
        parts += [f"## {kind}: {task}", tables.task_table(own)]
    return "\n\n".join(parts) + "\n"


def reasons() -> str:
    """The hand-written part of the page as it is, with its marks."""
    begin, end = REASONS
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(begin)
    return f"{begin}{rest.partition(end)[0]}{end}"


NOTES = """\
Everybody gets the same 8-bit file. Of a family with several settings the one with the best mean
PSNR on these very pictures is shown; ours has its defaults. Known pixels are put back for
everybody. "Faithful" is `perception` 0, the posterior mean; "sharp" is 1, one sample, to be judged
by features. Feature distance: |f(restored) - f(clean)| / |f(clean)| with the pooled features of
EfficientNet-Lite0. Evaluations count pixels that went through the U-Net, in pictures. Seconds are
those of one CPU core, memory is the peak above the loaded program. "Ours is better by": faithful,
on the same pictures. Where a row has fewer pictures than others, it has not been run on more.
"""


def main() -> None:
    arguments = parse()
    if arguments.worker:
        work(arguments)
        return
    arguments.out.mkdir(parents=True, exist_ok=True)
    file = arguments.out / "rows.json"
    rows: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    asked = []
    for kind in arguments.kinds.split(","):
        jobs = jobs_of(arguments, kind)
        asked += [job.key for job in jobs]
        again = {j.key for j in jobs if contains(j.method.family, arguments.again)}
        missing = [job.key for job in jobs if job.key not in rows or job.key in again]
        if missing and not arguments.table:
            run_worker(arguments, kind, missing, rows, file)
    found = [rows[k] for k in asked if k in rows]
    text = report(found, arguments)
    print(text)
    if arguments.write:
        PAGE.write_text(text, encoding="utf-8")
    plot = arguments.plot or (DOCS / "restoration_steps.png" if arguments.write else None)
    if arguments.curve and plot:
        curve.plot(found, plot)


if __name__ == "__main__":
    main()
