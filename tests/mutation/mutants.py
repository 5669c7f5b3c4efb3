"""Mutants of a module: each is its syntax tree with one node changed, inside of a function."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

from attrs import frozen

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_CALCULATED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Div: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}


@frozen
class Mutant:
    """A module with one node changed.

    * ``file``: the path of the module, from the folder of the package.
    * ``function``: the name and first line of the innermost function with the change, decorators included.
    * ``name``: what it is called in lists: module, function, the code before and after, and which of its kind it is.
    * ``line``: the line of the change.
    * ``number``: which change of the module it is, in the order of its tree.
    """

    file: str
    function: tuple[str, int]
    name: str
    line: int
    number: int


class _Changer(ast.NodeVisitor):
    """Visits the places of a tree that may be changed; changes the one of a number, and tells of all others.

    A message that people read, a docstring, a log line and an annotation are no rule, so they stay.
    """

    def __init__(self, chosen: int | None = None) -> None:
        self._chosen, self._number = chosen, 0
        self._functions: list[tuple[str, int]] = []
        self._path: list[str] = []
        self.found: list[tuple[tuple[str, int], str, int, str, str]] = []

    # -- where a change may be ---------------------------------------------------------------------

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_FunctionDef(self, node: Any) -> None:
        first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
        self._functions.append((node.name, first))
        self._path.append(node.name)
        for index, statement in enumerate(node.body):
            if not (index == 0 and _is_text(statement)):
                self._statement(node.body, index)
        self._path.pop()
        self._functions.pop()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._path.append(node.name)
        for statement in node.body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                self.visit(statement)
        self._path.pop()

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """A text with values in it is for people, or a key that its reader makes the same way."""

    def generic_visit(self, node: ast.AST) -> None:
        for name, value in ast.iter_fields(node):
            if isinstance(value, list):
                if name in ("body", "orelse", "finalbody") and value and isinstance(value[0], ast.stmt):
                    for index in range(len(value)):
                        self._statement(value, index)
                else:
                    for each in value:
                        if isinstance(each, ast.AST):
                            self.visit(each)
            elif isinstance(value, ast.AST):
                self.visit(value)

    def _statement(self, body: list[ast.stmt], index: int) -> None:
        node = body[index]
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Await):
            if not _is_log(node.value) and self._is_chosen(node, "pass"):
                body[index] = ast.copy_location(ast.Pass(), node)
                return
        elif isinstance(node, ast.Raise) and node.exc is not None:
            if self._is_chosen(node, "pass"):
                body[index] = ast.copy_location(ast.Pass(), node)
            return  # what the error says is checked where it is said
        elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
            if self._is_chosen(node, "return None"):
                node.value = ast.copy_location(ast.Constant(None), node.value)
                return
        elif isinstance(node, ast.Break | ast.Continue) and self._is_chosen(node, "pass"):
            body[index] = ast.copy_location(ast.Pass(), node)
            return
        self.visit(node)

    # -- what is changed ----------------------------------------------------------------------------

    def visit_Compare(self, node: ast.Compare) -> None:
        for index, each in enumerate(node.ops):
            other = _COMPARED[type(each)]
            if self._is_chosen(node, other.__name__):
                node.ops[index] = other()
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        other = ast.And if isinstance(node.op, ast.Or) else ast.Or
        if self._is_chosen(node, other.__name__):
            node.op = other()
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not) and self._is_chosen(node, "without not"):
            node.op, node.operand = ast.Not(), ast.copy_location(ast.UnaryOp(ast.Not(), node.operand), node)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        other = _CALCULATED.get(type(node.op))
        if other is not None and self._is_chosen(node, other.__name__):
            node.op = other()
        self.generic_visit(node)

    def visit_If(self, node: Any) -> None:
        for says in (True, False):
            if self._is_chosen(node.test, f"if {says}"):
                node.test = ast.copy_location(ast.Constant(says), node.test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self.visit_If(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            if self._is_chosen(node, str(not node.value)):
                node.value = not node.value
        elif isinstance(node.value, int):
            if self._is_chosen(node, str(node.value + 1)):
                node.value += 1
        elif isinstance(node.value, str) and _is_word(node.value) and self._is_chosen(node, "another text"):
            node.value = f"{node.value}_"

    def _is_chosen(self, node: ast.AST, after: str) -> bool:
        """Count a place; return whether it is the one to be changed."""
        if not self._functions:
            return False
        number, self._number = self._number, self._number + 1
        if self._chosen is None:
            before = " ".join(ast.unparse(node).split())
            where = getattr(node, "lineno", 0)
            self.found.append((self._functions[-1], ".".join(self._path), where, before[:80], after))
        return number == self._chosen


def mutants_of(root: Path, file: str) -> list[Mutant]:
    """Return all mutants of a module; ``root``: the folder of the package."""
    changer = _Changer()
    changer.visit(ast.parse((root / file).read_text("utf-8")))
    seen: dict[str, int] = {}
    made = []
    for number, (function, path, line, before, after) in enumerate(changer.found):
        name = f"{file}: {path}: {before} -> {after}"
        seen[name] = seen.get(name, 0) + 1
        made.append(Mutant(file, function, name if seen[name] == 1 else f"{name} ({seen[name]})", line, number))
    return made


def code_of(root: Path, mutant: Mutant) -> dict[tuple[str, int], Any]:
    """Return the code of all functions of a mutant's module, by name and first line."""
    tree = deepcopy(ast.parse((root / mutant.file).read_text("utf-8")))
    _Changer(mutant.number).visit(tree)
    compiled = compile(ast.fix_missing_locations(tree), str(root / mutant.file), "exec", dont_inherit=True)
    return {(code.co_name, code.co_firstlineno): code for code in _codes(compiled)}


def _codes(code: Any) -> Iterator[Any]:
    for each in code.co_consts:
        if hasattr(each, "co_code"):
            yield each
            yield from _codes(each)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_log(node: ast.expr) -> bool:
    call = node.func if isinstance(node, ast.Call) else None
    return isinstance(call, ast.Attribute) and isinstance(call.value, ast.Name) and call.value.id == "_log"


def _is_word(text: str) -> bool:
    """Return whether a text is a name or a key, and not a sentence."""
    return bool(text) and " " not in text
