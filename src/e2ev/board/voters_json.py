"""Who may vote as the JSON export says it (specs/json-export.md, "eligibility.json")."""

from e2ev.board.contents import Contents, Posted
from e2ev.record.archive import Json
from e2ev.record.eligibility import CheckInBody, RegisterBody, RegistrarAdmittedBody


def eligibility_json(contents: Contents) -> Json:
    """Return everything about who may vote but the keys of the roll, which are on the board."""
    held = contents.eligibility
    sections = [
        {"style": one.style, "unit": one.unit, "weight": one.weight, "rows": rows} for one, rows in held.roll.sizes()
    ]
    return {
        "registrars": [_registrar(contents, posted) for posted in held.registrars.values()],
        "roll": {"rows": held.roll.rows, "root": held.roll.tree.root().hex(), "sections": sections},
        "endorsed": [{"entry": one.index, "registrar": one.header.author.hex()} for one in held.endorsements.values()],
        "authorized": list(_authorized(contents)),
        "registers": [_register(posted) for posted in held.registers.values()],
        "check_ins": [_check_in(contents, posted) for posted in held.check_ins.values()],
    }


def _registrar(contents: Contents, posted: Posted[RegistrarAdmittedBody]) -> Json:
    body = posted.body.form
    label = contents.place(body.unit) if body.unit else None
    return {"entry": posted.index, "name": body.name, "key": body.author.hex(), "unit": body.unit, "unit_label": label}


def _authorized(contents: Contents) -> "list[Json]":
    rows = ((code, contents.eligibility.row(number)) for number, code in enumerate(contents.ballots))
    return [
        {"H_C": code.hex(), "row": row, "superseded": contents.is_superseded(code)}
        for code, row in rows
        if row is not None
    ]


def _register(posted: Posted[RegisterBody]) -> Json:
    units = [{"unit": one.unit, "size": one.size, "root": one.root.hex()} for one in posted.body.form.units]
    return {"entry": posted.index, "registrar": posted.header.author.hex(), "units": units}


def _check_in(contents: Contents, posted: Posted[CheckInBody]) -> Json:
    body = posted.body.form
    return {
        "entry": posted.index,
        "unit": body.unit,
        "unit_label": contents.place(body.unit),
        "registered": body.registered,
        "checked_in": body.checked_in,
        "matched": body.matched,
        "override": body.override,
        "refused": body.refused,
        "root": body.root.hex(),
    }
