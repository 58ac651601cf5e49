"""What the checks compare with: everything that follows from the pinned group, the manifest and the trustees' messages.

Nothing that the administrator states beside them (H_P, H_B, K, K̂, H_G, H_E) enters here: those are what checks 1, 3
and 4 compare. So one wrong statement trips one check, not all that come after it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from e2ev import ceremony
from e2ev.ballot import BallotContext
from e2ev.board.contents import Contents
from e2ev.record import bodies
from e2ev.record.codec import Judged, Path, judge_all

SPECIFICATION = "v2.1.0"


@dataclass(frozen=True, slots=True)
class Setting:
    """The election as a verifier computes it.

    Attributes:
        contents: What stands on the board.
        election: Its parameters and H_P, H_B.
        keys: Each trustee's message of round 1, judged, in order; those that are there.
        joint: K, K̂, H_G, H_E as they follow from the keys; None while some are missing or not in the group.
    """

    contents: Contents
    election: ceremony.Election
    keys: tuple[Judged[bodies.KeysBody], ...]
    joint: ceremony.JointKeys | None

    @property
    def ballot_context(self) -> BallotContext | None:
        """What ballots are judged with, the keys with tables."""
        if self.joint is None:
            return None
        return BallotContext(
            self.contents.manifest,
            self.joint.vote_key.prepared(),
            self.joint.data_key.prepared(),
            self.joint.extended_hash,
        )

    def trustee_keys(self) -> tuple[ceremony.TrusteeKeys, ...]:
        """Return all messages of round 1; only where `joint` is there."""
        return tuple(judged.value.keys for judged in self.keys)


def setting_of(contents: Contents, trusted: Callable[[Path], bool]) -> Setting:
    """Return the setting of a board.

    Args:
        contents: What stands on it.
        trusted: Leaves that are not judged, for controls.
    """
    election = contents.election
    posted = [contents.ceremony.keys[i] for i in election.everyone() if i in contents.ceremony.keys]
    keys = tuple(judge_all([item.body for item in posted], trusted))
    complete = len(keys) == election.trustees and not any(judged.failures for judged in keys)
    even = complete and all(
        len(item.value.keys.vote_commitments) == len(item.value.keys.data_commitments) == election.quorum
        for item in keys
    )
    joint = ceremony.joint_keys(election, [judged.value.keys for judged in keys]) if even else None
    return Setting(contents, election, keys, joint)
