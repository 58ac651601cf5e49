"""Checks of the board itself and of who may post what: their findings come from the reader and from `board.rules`."""

from e2ev.verify.check import Check, Scope

ENTRY_CHECKS = (
    Check("R.1", "every body is the canonical encoding of its kind", "record.md, Bytes", Scope.ENTRY),
    Check("R.2", "every kind of entry is known", "record.md, Kinds", Scope.ENTRY),
    Check("B.1", "the file can be read to its end, and ends with a checkpoint", "board.md, File", Scope.ENTRY),
    Check("B.2", "the log signed every checkpoint, over exactly the entries before it", "board.md, Checkpoints",
          Scope.ENTRY),
    Check("B.3", "every header is signed by its author", "record.md, Headers", Scope.ENTRY),
    Check("B.4", "every body is the one that its header signs", "record.md, Headers", Scope.ENTRY),
    Check("B.5", "every author's entries form one chain", "record.md, Headers", Scope.ENTRY),
    Check("B.6", "every entry belongs to this election, which has one genesis", "record.md, Headers", Scope.ENTRY),
    Check("B.7", "every entry is posted by whom it is for", "record.md, Rules", Scope.ENTRY),
    Check("B.8", "every entry comes in its time, once", "record.md, Rules", Scope.ENTRY),
    Check("B.9", "every device closed its chain over the ballots that it posted, and posted none after",
          "record.md, Rules", Scope.ENTRY),
    Check("B.10", "ballots are posted while voting is open", "record.md, Rules", Scope.ENTRY),
    Check("D.1", "every ballot is decided about once", "record.md, Rules", Scope.ENTRY),
    Check("D.2", "a ballot is decided about by the device that posted it", "record.md, Rules", Scope.ENTRY),
    Check("D.3", "an excluded ballot fails the check that it is excluded for", "record.md, Rules",
          Scope.ENTRY),
    Check("D.4", "the close states the counts of the board", "record.md, Rules", Scope.ENTRY),
    Check("T.1", "the quorum and state of the board were decided before decryption, attempt by attempt",
          "record.md, Rules", Scope.ENTRY),
    Check("T.2", "commitments, openings and responses come in this order, of the whole quorum", "EGDS §3.6.5",
          Scope.ENTRY),
    Check("I.2", "no two ballots have a ciphertext in common", "protocol.md, Independence", Scope.ENTRY),
    Check("I.3", "no two ballots have one confirmation code", "EGDS §3.4.2", Scope.ENTRY),
    Check("5.A", "no two ballots have one id_B", "EGDS V5", Scope.ENTRY),
)  # fmt: skip
