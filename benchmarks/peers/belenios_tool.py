"""How long Debian's `belenios-tool` takes for a ballot of one question with four answers, where it is installed.

    python -m benchmarks.peers.belenios_tool [--ballots 20]

    apt install belenios-tool

Its group is another one: BELENIOS-2048, integers modulo a prime of 2048 bits, where ours has 4096. Its ballots are
signed with a credential, prove 0 or 1 for each answer and for the sum, and have no proof about a nonce. So this is
the time of another protocol, and no ratio is printed.

A ballot's time is the difference between runs with many ballots and with none: the CPU time of the tool's processes,
divided by the ballots. Each ballot is made by a process of its own; the time of a process that does nothing is taken
off.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import tempfile
from pathlib import Path
from statistics import median

TOOL = "belenios-tool"
GROUP = "BELENIOS-2048"
QUESTIONS = {
    "description": "benchmark",
    "name": "benchmark",
    "questions": [{"answers": ["A", "B", "C", "D"], "min": 1, "max": 1, "question": "contest"}],
    "administrator": "nobody",
    "credential_authority": "nobody",
}


class Tool:
    """The command in one folder, with the CPU time that its processes have taken."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *arguments: str, given: str | None = None) -> str:
        """Return what it prints."""
        done = subprocess.run([TOOL, *arguments], cwd=self.folder, input=given, text=True, capture_output=True,
                              env={**os.environ, "BELENIOS_USE_URANDOM": "1"}, check=False)  # fmt: skip
        if done.returncode:
            raise SystemExit(f"{TOOL} {' '.join(arguments)} failed:\n{done.stderr}")
        return done.stdout.strip()

    def timed(self, *arguments: str) -> tuple[float, str]:
        """Return the seconds of CPU time that it takes, and what it prints."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        printed = self.run(*arguments)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, printed


def _set_up(tool: Tool, voters: int) -> list[str]:
    """Make an election with one trustee; return the voters' private credentials."""
    folder, common = tool.folder, ("--group", GROUP)
    uuid = ("--uuid", tool.run("setup", "generate-token"))
    (folder / "voters.txt").write_text("".join(f"voter{i}@example.org\n" for i in range(voters)))
    tool.run("setup", "generate-credentials", *uuid, *common, "--file", "voters.txt")
    next(folder.glob("*.pubcreds")).rename(folder / "public_creds.json")
    private = next(folder.glob("*.privcreds")).read_text()
    tool.run("setup", "generate-trustee-key", *common)
    shutil.copy(next(folder.glob("*.pubkey")), folder / "public_keys.jsons")
    tool.run("setup", "make-trustees")
    (folder / "public_keys.jsons").unlink()
    (folder / "questions.json").write_text(json.dumps(QUESTIONS))
    tool.run("setup", "make-election", *uuid, *common, "--template", "questions.json")
    tool.run("archive", "init")
    return [line.split()[1] for line in private.splitlines()]


def _measure(ballots: int) -> tuple[float, float]:
    """Return the seconds to make a ballot, and to verify one."""
    with tempfile.TemporaryDirectory(prefix="belenios-") as folder:
        tool = Tool(Path(folder))
        credentials = _set_up(tool, ballots)
        (tool.folder / "choice.json").write_text("[[1,0,0,0]]")
        nothing = median(tool.timed("--version")[0] for _ in range(5))
        empty = median(tool.timed("election", "verify")[0] for _ in range(3))
        making = []
        for credential in credentials:
            (tool.folder / "credential").write_text(credential)
            taken, made = tool.timed(
                "election", "generate-ballot", "--privcred", "credential", "--ballot", "choice.json"
            )
            making.append(taken - nothing)
            tool.run("archive", "add-event", "--type=Ballot", given=made)
        verifying = median(tool.timed("election", "verify")[0] for _ in range(3)) - empty
        return median(making), verifying / ballots


def main() -> None:
    """Print the times, or that there is no such tool here."""
    parser = argparse.ArgumentParser(description=f"times of {TOOL}, ballot by ballot")
    parser.add_argument("--ballots", type=int, default=20, help="how many")
    given = parser.parse_args()
    if shutil.which(TOOL) is None:
        print(f"{TOOL} is not installed here: apt install {TOOL}")
        return
    from benchmarks.table import machine

    print(machine())
    version = subprocess.run([TOOL, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    print(f"{TOOL} {version}: one ballot of one question with four answers, CPU time, {given.ballots} ballots\n")
    making, verifying = _measure(given.ballots)
    print(f"{GROUP}: make {1000 * making:.1f} ms, verify {1000 * verifying:.1f} ms")


if __name__ == "__main__":
    main()
