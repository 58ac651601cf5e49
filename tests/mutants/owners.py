"""Which tests own which module: those that are run against its mutants."""

_BALLOTS = ("test_ballot.py", "test_tally.py", "test_ceremony.py", "test_chaining.py", "test_sharing.py")
_JUDGED = ("test_verify_honest.py", "test_tamper.py", "test_batch.py", "test_commitments.py")

OWNERS: dict[str, tuple[str, ...]] = {
    "e2ev.sigma": ("test_sigma.py", "test_batch.py", *_BALLOTS, "test_prepared.py"),
    "e2ev.proofs": ("test_sigma.py", *_BALLOTS),
    "e2ev.hashing": (*_BALLOTS, "test_vectors.py", "test_egds_vectors.py", "test_contest_data.py"),
    "e2ev.counting": ("test_counting.py", "test_tally.py"),
    "e2ev.record.codec": ("test_codec.py", "test_entry.py"),
}
