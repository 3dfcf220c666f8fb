"""The mutants of a module: one changed comparison or constant each."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
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
_SIGNS = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
    ast.In: "in", ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not",
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """A changed module: the changed line as it was, what was changed in it, and the syntax tree after the change.

    `number` tells apart equal changes of equal lines. `function_lines` are the lines of the innermost function's body;
    there are none where the change is of what runs at import.
    """

    line: str
    change: str
    number: int
    tree: ast.Module
    line_number: int
    function_lines: range

    @property
    def is_in_function(self) -> bool:
        return bool(self.function_lines)

    @property
    def key(self) -> tuple[str, str, int]:
        return self.line, self.change, self.number


def mutants(source: str) -> Iterator[Mutant]:
    """Change every comparison, number and Boolean of a source, one at a time.

    Numbers become one more and one less. Annotations and default `False` of decorators are left as they are: they do
    not run.
    """
    lines, seen = source.splitlines(), dict[tuple[str, str], int]()
    total = sum(1 for _ in _places(ast.parse(source)))
    for place in range(total):
        for variant in range(2):
            tree = ast.parse(source)
            change = next(found for number, found in enumerate(_places(tree)) if number == place)
            said = change.apply(variant)
            if said is None:
                continue
            line = lines[change.line - 1].strip()
            number = seen[line, said] = seen.get((line, said), -1) + 1
            yield Mutant(line, said, number, tree, change.line, _function_lines(tree, change.line))


def _function_lines(tree: ast.Module, line: int) -> range:
    """Return the lines of the innermost function whose body holds a line."""
    functions = [each for each in ast.walk(tree) if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef))]
    bodies = [range(each.body[0].lineno, (each.end_lineno or 0) + 1) for each in functions]
    return max((body for body in bodies if line in body), key=lambda body: body.start, default=range(0))


@dataclass(frozen=True)
class _Place:
    """A comparison or a constant in a syntax tree."""

    node: ast.Compare | ast.Constant
    index: int = 0

    @property
    def line(self) -> int:
        return self.node.lineno

    def apply(self, variant: int) -> str | None:
        """Change the tree here; returns what was changed, or None where there is no such variant."""
        if isinstance(self.node, ast.Compare):
            if variant:
                return None
            before = type(self.node.ops[self.index])
            after = COMPARISONS[before]
            self.node.ops[self.index] = after()
            return f"{_SIGNS[before]} -> {_SIGNS[after]}"
        value = self.node.value
        if isinstance(value, bool):
            if variant:
                return None
            self.node.value = not value
        else:
            assert isinstance(value, (int, float))
            self.node.value = value + 1 - 2 * variant
        return f"{value!r} -> {self.node.value!r}"


def _places(tree: ast.AST) -> Iterator[_Place]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Compare):
            yield from (_Place(node, index) for index in range(len(node.ops)))
        if isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float)):
            yield _Place(node)
        for child in _running(node):
            yield from _places(child)


def _running(node: ast.AST) -> list[ast.AST]:
    """Return the node, wrapped for the walk, without the parts that do not run: annotations and decorators."""
    parts: list[ast.AST] = []
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        parts += [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, ast.AST)]
    return [_Parts(parts)] if parts else []


class _Parts(ast.AST):
    """Some parts of a node, to be walked."""

    _fields = ("parts",)

    def __init__(self, parts: list[ast.AST]) -> None:
        self.parts = parts
