"""Which tests own which module: those that are run against its mutants."""

_BALLOTS = ("test_ballot.py", "test_tally.py", "test_ceremony.py", "test_chaining.py", "test_sharing.py")
_JUDGED = ("test_ballot_checks.py", "test_tamper.py", "test_verify_honest.py")

OWNERS: dict[str, tuple[str, ...]] = {
    "e2ev.sigma": ("test_sigma.py", "test_batch.py", *_BALLOTS, "test_prepared.py"),
    "e2ev.proofs": ("test_sigma.py", *_BALLOTS),
    "e2ev.hashing": (*_BALLOTS, "test_vectors.py", "test_egds_vectors.py", "test_contest_data.py"),
    "e2ev.counting": ("test_counting.py", "test_tally.py"),
    "e2ev.record.codec": ("test_codec.py", "test_entry.py"),
    "e2ev.verify.tally": _JUDGED,
    "e2ev.verify.result": _JUDGED,
    "e2ev.verify.ballots": (*_JUDGED, "test_batch.py", "test_commitments.py"),
    "e2ev.verify.setup": _JUDGED,
    "e2ev.verify.opened": _JUDGED,
    "e2ev.verify.batch": ("test_batch.py", "test_commitments.py"),
    "e2ev.verify.check": (*_JUDGED, "test_partial.py", "test_answers.py"),
    "e2ev.verify.conclude": (*_JUDGED, "test_answers.py", "test_levels.py"),
    "e2ev.verify.anchors": ("test_anchors.py", *_JUDGED),
    "e2ev.verify.cases": _JUDGED,
    "e2ev.verify.segments": (*_JUDGED, "test_batch.py", "test_commitments.py", "test_partial.py"),
    "e2ev.verify.sums": ("test_sums.py", *_JUDGED, "test_partial.py", "test_executors.py"),
    "e2ev.verify.log": (*_JUDGED, "test_levels.py", "test_cosigners.py", "test_scale.py"),
    "e2ev.verify.setting": _JUDGED,
    "e2ev.board.rules": ("test_rules.py", "test_stations.py", "test_tamper.py"),
    "e2ev.accountability.admission": ("test_comparing.py", "test_channels.py"),
    "e2ev.accountability.comparing": ("test_comparing.py", "test_channels.py"),
    "e2ev.accountability.reconcile": ("test_comparing.py", "test_channels.py"),
    "e2ev.accountability.standing": ("test_comparing.py", "test_channels.py"),
    "e2ev.accountability.rows": ("test_tables.py", "test_mapping.py"),
}
