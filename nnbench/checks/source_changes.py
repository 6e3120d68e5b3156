"""What one place of a source may be turned into: each change is a mistake that somebody might make."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from typing import Any

Change = tuple[str, ast.AST]  # what it says in words, and what stands in the place


def changes_of(node: ast.AST) -> list[Change]:
    """What a node may be turned into, each told in words."""
    for kinds, change in CHANGES:
        if isinstance(node, kinds):
            made = [(one, _fixed(one, node)) for one in change(node)]
            return [(f"{_text(node)} -> {_text(one)}", fixed) for one, fixed in made]
    return []


def _fixed(made: ast.AST, node: ast.AST) -> ast.AST:
    return ast.fix_missing_locations(ast.copy_location(made, node))


def _text(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())[:70]


OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.MatMult: ast.Mult,
}
COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
METHODS = {
    "sum": "mean",
    "mean": "sum",
    "amax": "amin",
    "amin": "amax",
    "argmax": "argmin",
    "argmin": "argmax",
    "exp": "expm1",
    "sqrt": "square",
    "add_": "sub_",
    "sub_": "add_",
    "mul_": "div_",
    "maximum": "minimum",
    "minimum": "maximum",
    "ceil": "floor",
    "floor": "ceil",
}


# What gives the same with its first two arguments swapped.
COMMUTATIVE = ("min", "max", "minimum", "maximum", "logaddexp", "hypot", "promote_types", "broadcast_shapes")


def _of_operation(node: ast.BinOp) -> Iterator[ast.AST]:
    """Another operator, each side alone, and what is added to a root moved into it."""
    other = OPERATORS.get(type(node.op))
    if other is not None:
        yield ast.BinOp(node.left, other(), node.right)
    yield node.left
    yield node.right
    if isinstance(node.op, ast.Add) and _is_root(node.left):
        root = copy.deepcopy(node.left)
        assert isinstance(root, ast.Call)
        if isinstance(root.func, ast.Attribute) and not root.args:
            root.func.value = ast.BinOp(root.func.value, ast.Add(), node.right)
        else:
            root.args[0] = ast.BinOp(root.args[0], ast.Add(), node.right)
        yield root


def _is_root(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("sqrt", "sqrt_")


def _of_comparison(node: ast.Compare) -> Iterator[ast.AST]:
    for other in COMPARISONS.get(type(node.ops[0]), ()):
        yield ast.Compare(node.left, [other(), *node.ops[1:]], node.comparators)


def _of_constant(node: ast.Constant) -> Iterator[ast.AST]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield ast.Constant(value + 1)
    elif isinstance(value, float):
        yield ast.Constant(value * 1.01 if value else 0.01)


def _of_sign(node: ast.UnaryOp) -> Iterator[ast.AST]:
    if isinstance(node.op, ast.USub | ast.Not):
        yield node.operand


def _of_call(node: ast.Call) -> Iterator[ast.AST]:
    """Another method, the first two arguments swapped, a method's call left out."""
    function = node.func
    if isinstance(function, ast.Attribute):
        if function.attr in METHODS:
            other = ast.Attribute(function.value, METHODS[function.attr], function.ctx)
            yield ast.Call(other, node.args, node.keywords)
        if function.attr in ("detach", "clone", "contiguous", "square", "sqrt", "abs"):
            yield function.value
    name = getattr(function, "attr", getattr(function, "id", ""))
    if (
        len(node.args) > 1
        and name not in COMMUTATIVE
        and not any(isinstance(one, ast.Starred) for one in node.args[:2])
    ):
        yield ast.Call(function, [node.args[1], node.args[0], *node.args[2:]], node.keywords)


def _of_branch(node: ast.If | ast.IfExp) -> Iterator[ast.AST]:
    turned = copy.copy(node)
    turned.test = ast.UnaryOp(ast.Not(), node.test)
    yield turned


def _of_logic(node: ast.BoolOp) -> Iterator[ast.AST]:
    yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)


def _of_attribute(node: ast.Attribute) -> Iterator[ast.AST]:
    if node.attr == "training" and isinstance(node.ctx, ast.Load):
        yield ast.Constant(True)
        yield ast.Constant(False)


def _of_assignment(node: ast.Assign) -> Iterator[ast.AST]:
    """What is put into a place that is there already (a buffer, a state, an element) left as it was."""
    if all(isinstance(target, ast.Subscript) for target in node.targets):
        yield ast.Pass()


def _of_statement(node: ast.AugAssign | ast.Expr) -> Iterator[ast.AST]:
    """Left out: what changes something in place."""
    if isinstance(node, ast.AugAssign) or isinstance(node.value, ast.Call):
        yield ast.Pass()


CHANGES: tuple[tuple[Any, Callable[[Any], Iterator[ast.AST]]], ...] = (
    (ast.BinOp, _of_operation),
    (ast.Compare, _of_comparison),
    (ast.Constant, _of_constant),
    (ast.UnaryOp, _of_sign),
    (ast.Call, _of_call),
    ((ast.If, ast.IfExp), _of_branch),
    (ast.BoolOp, _of_logic),
    (ast.Attribute, _of_attribute),
    (ast.Assign, _of_assignment),
    ((ast.AugAssign, ast.Expr), _of_statement),
)
