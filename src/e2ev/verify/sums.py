"""Partials added up, and what only all ballots together can say: repeated values, and exclusions that are not founded.

Addition is associative and commutative, so the sum does not depend on how the ballots were cut, nor on who was first.
"""

from collections.abc import Iterator
from pathlib import Path

from e2ev.board.contents import Contents
from e2ev.counting import Pile, Place
from e2ev.verify.check import Finding, Findings
from e2ev.verify.runs import Spool, repeated
from e2ev.verify.segments import DIGEST_WIDTH, IDENTIFIER_WIDTH, Partial

REPETITIONS = frozenset({"5.A", "I.2", "I.4"})
"""Checks that a ballot fails because of another one."""


class Sum:
    """What many partials gave. Their sorted runs stand in a folder, so that memory does not grow with the board.

    Args:
        folder: Where runs are written; whoever made it removes it.
    """

    def __init__(self, folder: Path) -> None:
        self.ballots = 0
        self.findings, self.excluded = Findings(), Findings()
        self.reproduced: set[int] = set()
        self.subjects: dict[str, int] = {}
        self.piles: dict[Place, Pile] = {}
        self.identifiers = Spool(folder, "identifiers", IDENTIFIER_WIDTH)
        self.ciphertexts = Spool(folder, "ciphertexts", DIGEST_WIDTH)
        self.commitments = Spool(folder, "commitments", DIGEST_WIDTH)

    def add(self, part: Partial) -> None:
        """Take in a partial."""
        self.ballots += part.ballots
        self.findings.add(part.findings, dict(part.counts))
        self.excluded.add(part.excluded, dict(part.excluded_counts))
        self.reproduced.update(part.reproduced)
        for check, number in part.subjects:
            self.subjects[check] = self.subjects.get(check, 0) + number
        for place, pile in part.piles:
            self.piles[place] = self.piles[place] + pile if place in self.piles else pile
        self.identifiers.add(part.identifiers)
        self.ciphertexts.add(part.ciphertexts)
        self.commitments.add(part.commitments)

    @property
    def spools(self) -> tuple[Spool, Spool, Spool]:
        """The three runs of what must not stand on the board twice."""
        return self.identifiers, self.ciphertexts, self.commitments

    def summary(self) -> Partial:
        """Return everything but the runs, in one order: two sums of the same ballots give the same."""
        return Partial(
            self.ballots,
            tuple(self.findings),
            tuple(sorted(self.findings.counts.items())),
            tuple(self.excluded),
            tuple(sorted(self.excluded.counts.items())),
            tuple(sorted(self.reproduced)),
            tuple(sorted(self.subjects.items())),
            tuple(sorted(self.piles.items(), key=lambda item: item[0])),
        )

    def conclude(self, contents: Contents, disabled: frozenset[str]) -> None:
        """Take in what all ballots together say (5.A, I.2, I.4, D.3)."""
        void = frozenset(self._void(contents))
        for check, found, spool in (
            ("5.A", "id_B is that of another ballot", self.identifiers),
            ("I.2", "a part of a ciphertext, or a ratio of two, is that of another ballot, or twice on this one",
             self.ciphertexts),
            ("I.4", "a proof's commitment is that of another ballot, or twice on this one", self.commitments),
        ):  # fmt: skip
            if check not in disabled:
                self._repeated(contents, check, found, repeated(spool, void))
        if "D.3" not in disabled:
            self.findings.take(self._unfounded(contents, disabled))

    def _void(self, contents: Contents) -> Iterator[int]:
        """Yield rows of ballots that are excluded for what they fail by themselves.

        A copy that somebody else posts first, without knowing its nonces, must not make the true ballot the second.
        """
        for code, posted in contents.exclusions.items():
            row = contents.ballots.row(code)
            if row in self.reproduced and posted.body.form.check not in REPETITIONS:
                yield row

    def _repeated(self, contents: Contents, check: str, found: str, pairs: Iterator[tuple[int, int]]) -> None:
        """Take in a finding for each ballot that has a value which stands on the board before."""
        ballots = contents.ballots
        for row, first in pairs:
            code, before = ballots.code(row), ballots.at(first).index
            excluded = contents.exclusions.get(code)
            place = ballots.at(row)
            device = f"device {contents.devices[place.author].name} at {contents.station(place.author)}"
            where = f"ballot {code.hex()[:12]}, {device}"
            finding = Finding(check, f"{found} (entry {before})", place.index, where, device, code)
            (self.excluded if excluded else self.findings).take((finding,))
            if excluded and excluded.body.form.check == check:
                self.reproduced.add(row)

    def _unfounded(self, contents: Contents, disabled: frozenset[str]) -> Iterator[Finding]:
        """D.3: an excluded ballot fails the check that it is excluded for; one switched off cannot be judged."""
        for code, posted in contents.exclusions.items():
            check = posted.body.form.check
            if contents.ballots.row(code) not in self.reproduced and check not in disabled:
                found = f"ballot {code.hex()[:12]} is excluded for {check} and does not fail it"
                yield Finding("D.3", found, posted.index)
