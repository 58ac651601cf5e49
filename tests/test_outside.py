"""Programs of others judge a small log that we wrote, those that are installed; `python -m tests.outside` a large one.

E2EV_OUTSIDE names a folder that `python -m tests.outside --keep FOLDER` has filled.
"""

import os
import sys
from pathlib import Path

import pytest

from tests.outside.cases import Case, write_cases
from tests.outside.clients import CLIENTS, NODE_PACKAGE, Client, Place
from tests.outside.judging import judge

SEED = 20261122


def place() -> Place:
    kept = os.environ.get("E2EV_OUTSIDE")
    if kept is None:
        return Place(Path(sys.executable))
    return Place(Path(kept) / "bin" / "python", Path(kept) / "node_modules")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("outside")


@pytest.fixture(scope="module")
def cases(folder: Path) -> list[Case]:
    return write_cases(folder, 700, SEED)


def test_cases_are_good_ones_and_many_tampered_ones_of_every_kind(cases: list[Case]) -> None:
    assert {case.kind for case in cases if case.good} == {"inclusion", "consistency", "note", "tile"}
    assert {case.kind for case in cases if not case.good} == {"inclusion", "consistency", "note", "tile"}
    assert sum(not case.good for case in cases) > 300
    assert {what for client in CLIENTS for what in client.overlooks} <= {case.what for case in cases}


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_program_of_others_accepts_what_is_good_and_refuses_what_is_not(
    client: Client, folder: Path, cases: list[Case]
) -> None:
    if not client.is_there(place()):
        pytest.skip(f"{client.name} is not installed: python -m tests.outside --keep FOLDER")
    judged = judge(client, place(), folder, cases)
    assert judged.wrong == ()
    assert judged.accepted > 10
    assert judged.refused > 200


def test_client_that_is_not_installed_is_not_taken_for_one_that_is() -> None:
    (node,) = (client for client in CLIENTS if client.name == NODE_PACKAGE)
    assert not node.is_there(Place(Path(sys.executable)))
    assert not node.is_there(Place(Path(sys.executable), Path("/nonexistent")))
