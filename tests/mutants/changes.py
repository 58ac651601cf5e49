"""What a mutant is: one small change of one module's source, as its syntax tree allows it.

Changed are comparisons, connectives, conditions, arithmetic, numbers, truth values, bytes, results, items of tuples and
lists, parts of hash inputs; left out are statements that raise, yield, call, go on or stop. Texts of messages, what is
raised, defaults, annotations, decorators and `strict=` are left alone: they are no decisions.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,), ast.NotIn: (ast.In,), ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
}  # fmt: skip
COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult,
    ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
    ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr, ast.BitXor: ast.BitAnd,
}  # fmt: skip
CALLED = {"any": "all", "all": "any", "min": "max", "max": "min", "sorted": "list"}
SILENT = frozenset({"strict", "where", "remedy", "found", "message"})
"""Keywords whose values are texts for people, or assertions."""

Make = Callable[[], ast.AST]


@dataclass(frozen=True)
class Mutant:
    """One change.

    Attributes:
        number: Of the node that is replaced, in the order of `ast.walk`.
        variant: Which of its replacements.
        function: Qualified name of the outermost function that it is in; of the constant, at module level.
        lines: The lines on which its node or its statement's first line stand.
        text: What is replaced, and by what.
    """

    number: int
    variant: int
    function: str
    lines: frozenset[int]
    text: str

    @property
    def name(self) -> str:
        """What it is called in the list of survivors; line numbers change too often."""
        return f"{self.function}: {self.text}"


@dataclass(frozen=True)
class _Spot:
    """A node where it stands; `owner` is the class that it is in, `returns` what its function says that it returns."""

    node: ast.AST
    parent: ast.AST
    field: str
    position: int | None
    statement: ast.stmt
    function: str = ""
    owner: str = ""
    returns: str = ""


def mutants(source: str) -> Iterator[Mutant]:
    """Yield every mutant of a module's source."""
    tree = ast.parse(source)
    numbers = {id(node): number for number, node in enumerate(ast.walk(tree))}
    varied = _takes_any(tree)
    for spot in _spots(tree):
        for variant, (text, _) in enumerate(_changes(spot, varied)):
            first, last = getattr(spot.node, "lineno", 0), getattr(spot.node, "end_lineno", 0)
            lines = frozenset({spot.statement.lineno, *range(first, last + 1)})
            yield Mutant(numbers[id(spot.node)], variant, spot.function, lines, text)


def mutated(source: str, mutant: Mutant) -> ast.Module:
    """Return the module's tree with this one change."""
    tree = ast.parse(source)
    wanted = next(node for number, node in enumerate(ast.walk(tree)) if number == mutant.number)
    spot = next(spot for spot in _spots(tree) if spot.node is wanted)
    _, make = list(_changes(spot, _takes_any(tree)))[mutant.variant]
    new = ast.copy_location(make(), spot.node)
    if spot.position is None:
        setattr(spot.parent, spot.field, new)
    else:
        getattr(spot.parent, spot.field)[spot.position] = new
    return ast.fix_missing_locations(tree)


def _takes_any(tree: ast.Module) -> frozenset[str]:
    """Return the names of the module's functions that take any number of arguments: whose calls may lose one."""
    return frozenset(one.name for one in tree.body if isinstance(one, ast.FunctionDef) and one.args.vararg)


# Where


def _spots(tree: ast.Module) -> Iterator[_Spot]:
    for position, one in enumerate(tree.body):
        yield from _visit(_Spot(one, tree, "body", position, one))


def _visit(spot: _Spot) -> Iterator[_Spot]:
    if _is_left_alone(spot):
        return
    spot = _entered(spot)
    yield spot
    for field, value in ast.iter_fields(spot.node):
        if field in _UNSEEN.get(type(spot.node), ()):
            continue
        for position, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.AST):
                statement = child if isinstance(child, ast.stmt) else spot.statement
                yield from _visit(replace(spot, node=child, parent=spot.node, field=field, position=position,
                                          statement=statement))  # fmt: skip


def _entered(spot: _Spot) -> _Spot:
    """Return the spot with the names that begin at its node."""
    match spot.node:
        case ast.ClassDef(name=name) if not spot.function:
            return replace(spot, owner=f"{spot.owner}{name}.")
        case ast.FunctionDef(name=name, returns=returns):
            named = spot.function or f"{spot.owner}{name}"
            return replace(spot, function=named, returns=ast.unparse(returns) if returns else "")
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)) if not spot.function:
            return replace(spot, function=name)
    return spot


_UNSEEN: dict[type[ast.AST], tuple[str, ...]] = {
    ast.FunctionDef: ("args", "decorator_list", "returns"),
    ast.ClassDef: ("bases", "keywords", "decorator_list"),
    ast.Lambda: ("args",),
    ast.AnnAssign: ("annotation",),
    ast.Raise: ("exc", "cause"),
}


def _is_left_alone(spot: _Spot) -> bool:
    node, parent = spot.node, spot.parent
    if isinstance(node, ast.JoinedStr | ast.Import | ast.ImportFrom | ast.Assert):
        return True
    if isinstance(node, ast.keyword) and node.arg in SILENT:
        return True
    if isinstance(parent, ast.ClassDef) and isinstance(node, ast.Assign | ast.AnnAssign):
        return True
    return (isinstance(node, ast.Assign) and isinstance(parent, ast.Module)
            and (ast.unparse(node.targets[0]) == "__all__" or isinstance(node.value, ast.Subscript)))  # fmt: skip


# What


def _changes(spot: _Spot, varied: frozenset[str]) -> Iterator[tuple[str, Make]]:
    node = spot.node
    for new in (*_of_expressions(node, spot.parent, varied), *_of_conditions(spot), *_of_statements(spot)):
        yield _told(node, new), lambda new=new: new  # type: ignore[misc]  # a default of a lambda


def _told(node: ast.AST, new: ast.AST) -> str:
    match node, new:
        case (ast.Tuple(elts=all_), ast.Tuple(elts=left)) | (ast.List(elts=all_), ast.List(elts=left)):
            pass
        case (ast.Call(args=all_), ast.Call(args=left)) if len(left) < len(all_):
            pass
        case _:
            return f"`{_short(node)}` -> `{_short(new)}`"
    lost = next(one for one in all_ if not any(one is other for other in left))
    return f"`{_short(node)}` without `{_short(lost)}`"


def _short(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 110 else f"{text[:80]} ... {text[-25:]}"


def _of_expressions(node: ast.AST, parent: ast.AST, varied: frozenset[str]) -> Iterator[ast.AST]:
    match node:
        case ast.Compare():
            for position, held in enumerate(node.ops):
                for other in COMPARED[type(held)]:
                    ops = [*node.ops[:position], other(), *node.ops[position + 1 :]]
                    yield ast.Compare(node.left, ops, node.comparators)
        case ast.BoolOp():
            yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield node.operand
        case ast.BinOp() if type(node.op) in COMPUTED:
            yield ast.BinOp(node.left, COMPUTED[type(node.op)](), node.right)
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(number)):
            yield ast.Constant(number + 1)
        case ast.Constant(value=str(text)) if isinstance(parent, ast.Compare | ast.Subscript):
            yield ast.Constant(f"{text}x")
        case ast.Constant(value=bytes(data)):
            yield ast.Constant(bytes([data[0] ^ 1]) + data[1:] if data else b"\1")
        case ast.Tuple() | ast.List() if _may_lose_one(node, parent):
            for position in range(len(node.elts)):
                yield type(node)([*node.elts[:position], *node.elts[position + 1 :]], ast.Load())
        case ast.Call(func=ast.Name(id=name)):
            yield from _of_calls(node, name, varied)


def _may_lose_one(node: ast.Tuple | ast.List, parent: ast.AST) -> bool:
    # what is taken apart, or is a key, cannot lose an item without a crash: such mutants would only better the share
    taken_apart = isinstance(parent, ast.Subscript) or (
        isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Tuple)
    )
    return isinstance(node.ctx, ast.Load) and len(node.elts) > 1 and not taken_apart


def _of_calls(node: ast.Call, name: str, varied: frozenset[str]) -> Iterator[ast.AST]:
    if name in CALLED:
        keywords = [] if name == "sorted" else node.keywords
        yield ast.Call(ast.Name(CALLED[name], ast.Load()), node.args, keywords)
    if name in varied and len(node.args) > 1:
        for position in range(len(node.args)):
            yield ast.Call(node.func, [*node.args[:position], *node.args[position + 1 :]], node.keywords)


def _of_conditions(spot: _Spot) -> Iterator[ast.AST]:
    """Yield the opposite of a condition that is no comparison, which is turned round by itself."""
    node, parent = spot.node, spot.parent
    is_test = spot.field == "test" and isinstance(parent, ast.If | ast.While | ast.IfExp)
    if (is_test or (spot.field == "ifs" and isinstance(parent, ast.comprehension))) and _has_no_own(node):
        yield ast.UnaryOp(ast.Not(), node)  # type: ignore[arg-type]  # a test is an expression


def _has_no_own(node: ast.AST) -> bool:
    return not isinstance(node, ast.Compare | ast.UnaryOp | ast.Constant)


def _of_statements(spot: _Spot) -> Iterator[ast.AST]:
    node = spot.node
    match node:
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            if spot.returns != "bool":
                yield ast.Return(ast.Constant(None))
            elif _has_no_own(value):
                yield ast.Return(ast.UnaryOp(ast.Not(), value))
        case ast.Expr(value=ast.Yield() | ast.YieldFrom()):
            yield ast.Expr(ast.IfExp(ast.Constant(False), node.value, ast.Constant(None)))
        case ast.Expr(value=ast.Call()) | ast.Raise() | ast.Break():
            yield ast.Pass()
        case ast.Continue():
            yield ast.Break()
        case ast.AugAssign() if type(node.op) in COMPUTED:
            yield ast.AugAssign(node.target, COMPUTED[type(node.op)](), node.value)
