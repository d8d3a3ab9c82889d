"""Constants that are written out in code: lists, sets, tuples and objects of them. Nothing is run."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from inspection.code import Source, trees

FEWEST = 20  # constants in a row that are worth a look
MOST_LITERALS = 2_000  # of one source


@dataclass(frozen=True, kw_only=True)
class Literal:
    """A list, set or tuple of constants, or an object's keys and values.

    Attributes:
        line: of the source's text, from 1.
        items: the constants as text, in order; those in lists and tuples within it follow each other; of an object
            key, value, key, value, ...
        keys: of an object, how many keys; 0 for others.
    """

    line: int
    items: tuple[str, ...]
    keys: int


def literals(source: Source) -> Iterator[Literal]:
    """Give the literals of at least FEWEST constants, the outermost of those within each other."""
    found = 0
    for above, tree in trees(source):
        waiting: list[ast.AST] = [tree]
        while waiting and found < MOST_LITERALS:
            node = waiting.pop()
            literal = _literal(node, above)
            if literal is not None and len(literal.items) >= FEWEST:
                found += 1
                yield literal
            else:
                waiting.extend(ast.iter_child_nodes(node))


def _literal(node: ast.AST, above: int) -> Literal | None:
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        items, keys = _constants(node.elts), 0
    elif isinstance(node, ast.Dict):
        pairs = [entry for pair in zip(node.keys, node.values, strict=True) for entry in pair if entry is not None]
        items, keys = _constants(pairs), len(node.keys)
    else:
        return None
    return None if items is None else Literal(line=above + node.lineno, items=tuple(items), keys=keys)


def _constants(nodes: "list[ast.expr]", depth: int = 0) -> list[str] | None:
    """Give constants as text; None where something else is among them, or they are nested deeper than pairs are."""
    items = []
    for node in nodes:
        value = _constant(node)
        if value is not None:
            items.append(value)
        elif isinstance(node, ast.List | ast.Tuple) and depth < 2:
            inner = _constants(node.elts, depth + 1)
            if inner is None:
                return None
            items += inner
        else:
            return None
    return items


def _constant(node: ast.expr) -> str | None:
    sign = ""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        sign, node = "-", node.operand
    if not isinstance(node, ast.Constant) or isinstance(node.value, bytes | complex | type(...) | None):
        return None
    if isinstance(node.value, int) and abs(node.value) >= 10**30:  # of thousands of digits, perhaps
        return None
    return sign + str(node.value)
