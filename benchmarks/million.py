"""A board of 1,000,000 entries, verified: `python -m benchmarks.million [ENTRIES] [--jobs N]`. It takes half an hour.

The board is one of clones (`clones`). It is made and verified in processes of their own, and what is told is the most
memory that any one of them had: the one that reads the log, and the workers.
"""

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.clones import OBJECTING, cloned_board
from e2ev.demo.toy import TOY
from e2ev.verify.check import KEPT
from e2ev.verify.run import Options, verify

LIMIT_MIB = 400
"""The most memory that one process may have."""
TOLD_SECONDS = 30.0


def peak_bytes() -> int:
    """Return the most memory that this process ever had."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux counts what the parent had at the fork into the other number
        return 1024 * int(re.findall(r"^VmHWM:\s+(\d+) kB$", status.read_text(), re.MULTILINE)[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def measure(board: Path, jobs: int) -> dict[str, object]:
    """Return what a verification in this process found, and what it took."""
    started = last = time.monotonic()

    def progress(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= TOLD_SECONDS or done == total:
            last = now
            print(f"{done:,} of {total:,} ballots after {now - started:.0f} s", file=sys.stderr, flush=True)

    report = verify(board, Options(jobs=jobs, groups=(TOY,), need_anchors=False, progress=progress))
    return {
        "entries": report.entries,
        "ballots": report.ballots[0],
        "objecting": sorted(report.tripped()),
        "failures": report.failures,
        "findings": len(report.findings),
        "seconds": round(time.monotonic() - started, 1),
        "MiB": round(peak_bytes() / (1 << 20), 1),
    }


def watched(board: Path, jobs: int) -> dict[str, object]:
    """Return what a verification in a process of its own found and took, with the most memory of any worker."""
    command = [sys.executable, "-m", "benchmarks.million", "--measure", str(board), "--jobs", str(jobs)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    workers: dict[int, float] = {}
    while process.poll() is None:
        workers |= {pid: max(mib, workers.get(pid, 0)) for pid, mib in _descendants(process.pid).items()}
        time.sleep(1)
    said = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise SystemExit(process.returncode)
    result: dict[str, object] = json.loads(said)
    return result | {"workers_MiB": sorted(round(mib, 1) for mib in workers.values())}


def _descendants(pid: int) -> dict[int, float]:
    """Return the peak memory so far of all processes below one, where the system tells (/proc)."""
    parents, peaks = dict[int, int](), dict[int, float]()
    for entry in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":", 1) for line in entry.read_text().splitlines())
            parents[int(fields["Pid"])] = int(fields["PPid"])
            peaks[int(fields["Pid"])] = int(fields["VmHWM"].split()[0]) / 1024
        except (OSError, KeyError, ValueError):
            continue
    below, known = {pid}, 0
    while len(below) > known:
        known = len(below)
        below |= {child for child, parent in parents.items() if parent in below}
    return {child: peaks[child] for child in below - {pid} if child in peaks}


def main() -> None:
    """Make the board, verify it, and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("entries", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure is not None:
        print(json.dumps(measure(given.measure, given.jobs)))
        return
    with tempfile.TemporaryDirectory(prefix="e2ev-million-") as folder:
        started = time.monotonic()
        board = cloned_board(Path(folder), given.entries)
        print(
            f"made in {time.monotonic() - started:.0f} s: {board.stat().st_size:,} bytes", file=sys.stderr, flush=True
        )
        result = watched(board, given.jobs)
    print(json.dumps(result, indent=2))
    workers = result["workers_MiB"] if isinstance(result["workers_MiB"], list) else []
    most = max([float(str(result["MiB"])), *workers])
    small = most < LIMIT_MIB and int(str(result["findings"])) <= KEPT * len(OBJECTING)
    right = set(OBJECTING) == set(map(str, result["objecting"] if isinstance(result["objecting"], list) else ()))
    print(f"at most {most:.0f} MiB in one process, {LIMIT_MIB} allowed: {'yes' if small and right else 'NO'}")
    raise SystemExit(0 if small and right else 1)


if __name__ == "__main__":
    main()
