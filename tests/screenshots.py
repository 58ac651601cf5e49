"""Pictures of a report in every language, for people to look at (`python -m tests.screenshots FOLDER [BOARD]`).

Each language on a screen, light and dark, and on a telephone, and as it is printed. Needs Chromium; the board is one of
this repository's small elections, or any other whose anchors stand beside it.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from html import escape, unescape
from pathlib import Path
from typing import Any

from e2ev.demo.toy import TOY
from e2ev.report.html import Made, html_report
from e2ev.report.messages import LANGUAGES
from e2ev.verify.anchors import read_anchors
from e2ev.verify.check import Report
from e2ev.verify.run import Options, verify
from tests.elections import finished

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
DARK = "--blink-settings=preferredColorScheme=0"
WIDE, NARROW = "1000,5200", "500,9000"
MADE = Made("e2ev verify council.board --expect council.anchors.json", (("council.anchors.json", "00" * 32),))
MEASURE = """
<!doctype html><meta charset="utf-8"><iframe id="page" style="width:{width}px;height:800px;border:0" srcdoc="{page}">
</iframe><pre id="seen"></pre><script>
onload = () => {{
  const page = document.getElementById("page").contentDocument, root = page.documentElement;
  const left = (at) => page.querySelector(at).getBoundingClientRect();
  const first = left(".answers li:nth-child(1)"), second = left(".answers li:nth-child(2)");
  const heading = page.createRange(); heading.selectNodeContents(page.querySelector("h2"));
  const words = heading.getBoundingClientRect();
  document.getElementById("seen").textContent = JSON.stringify({{
    direction: getComputedStyle(page.body).direction, language: root.lang,
    wide: root.scrollWidth, room: root.clientWidth, first: first.left, second: second.left,
    before: words.left, behind: root.clientWidth - words.right,
    loaded: performance.getEntriesByType("resource").length,
  }});
}};
</script>
"""


def run(*arguments: str) -> bytes:
    """Run Chromium, and return what it printed."""
    with tempfile.TemporaryDirectory(prefix="e2ev-chromium-") as profile:
        command = [str(CHROMIUM), *ARGUMENTS, f"--user-data-dir={profile}", *arguments]
        return subprocess.run(command, capture_output=True, check=True, timeout=120).stdout


def measured(page: bytes, folder: Path, width: int = 1000) -> Any:
    """Return how a page lies in a window: direction, language, widths, where its first two answers stand."""
    path = folder / "measure.html"
    path.write_text(MEASURE.format(width=width, page=escape(page.decode())), "utf-8")
    shown = run("--virtual-time-budget=4000", "--dump-dom", path.as_uri()).decode()
    found = re.search('<pre id="seen">(.+?)</pre>', shown, re.DOTALL)
    return json.loads(unescape(found[1])) if found else None


def draw(report: Report, folder: Path) -> Iterator[Path]:
    """Write pages and pictures of a report, and yield the pictures' paths."""
    folder.mkdir(parents=True, exist_ok=True)
    for language in LANGUAGES:
        page = folder / f"{language}.html"
        page.write_bytes(html_report(report, MADE, language))
        for name, arguments in (("light", (f"--window-size={WIDE}",)), ("dark", (f"--window-size={WIDE}", DARK)),
                                ("narrow", (f"--window-size={NARROW}",))):  # fmt: skip
            picture = folder / f"{language}-{name}.png"
            run(*arguments, f"--screenshot={picture}", page.as_uri())
            yield picture
        printed = folder / f"{language}.pdf"
        run(f"--print-to-pdf={printed}", "--no-pdf-header-footer", page.as_uri())
        yield printed


def report_of(board: Path | None) -> Report:
    """Return the report of a board, by default of a small election in a toy group."""
    if board is None:
        election = finished(TOY)
        known = election.board.with_suffix(".anchors.json")
        return verify(election.board, Options(groups=(TOY,), anchors=read_anchors(known.read_bytes(), str(known))))
    known = board.with_suffix(".anchors.json")
    return verify(board, Options(anchors=read_anchors(known.read_bytes(), str(known))))


def main(folder: str, board: str = "") -> None:
    """Draw everything."""
    if CHROMIUM is None:
        sys.exit("Chromium is not installed: apt install chromium fonts-noto-core")
    for path in draw(report_of(Path(board) if board else None), Path(folder)):
        print(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
