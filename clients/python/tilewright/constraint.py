"""Constraints of a space: expressions over its parameters, such as "block_x * block_y <= 1024".

Python's own syntax, but only numbers, texts, the parameters' names, arithmetic, comparisons, `and`,
`or`, `not`, `in` and `... if ... else ...`: a space from somewhere else runs nothing.
"""

from __future__ import annotations

import ast
from typing import Any, Mapping, Sequence

MOST_CHARACTERS = 2000
_ALLOWED = (
    ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.UAdd,
    ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod,
    ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn,
    ast.IfExp, ast.Tuple, ast.List, ast.Name, ast.Load, ast.Constant,
)


class Constraint:
    """Holds for some configs. `names`: the parameters it speaks of."""

    def __init__(self, text: str, parameters: Mapping[str, Sequence[Any]]):
        if len(text) > MOST_CHARACTERS:
            raise ValueError(f"a constraint of {len(text)} characters, allowed are "
                             f"{MOST_CHARACTERS}")
        self.text = text
        try:
            tree = ast.parse(text.strip(), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise ValueError(f"constraint {text!r} is no expression: {error}") from None
        self.names = frozenset(self._check(tree, parameters))
        self._code = compile(tree, "<constraint>", "eval")  # of what _check has let through

    def _check(self, tree: ast.AST, parameters: Mapping[str, Sequence[Any]]) -> set[str]:
        names = set()
        for node in ast.walk(tree):
            if not isinstance(node, _ALLOWED):
                raise ValueError(f"constraint {self.text!r} has a {type(node).__name__}; allowed "
                                 "are arithmetic, comparisons, and, or, not, in")
            if isinstance(node, ast.Name):
                if node.id not in parameters:
                    raise ValueError(f"constraint {self.text!r} speaks of {node.id}; the "
                                     f"parameters are: {', '.join(parameters)}")
                names.add(node.id)
            # A text times a number may be a text of any length.
            if isinstance(node, ast.BinOp) and any(_is_text(one, parameters)
                                                   for one in ast.walk(node)):
                raise ValueError(f"constraint {self.text!r} computes with a text or a list")
        return names

    def holds(self, config: dict[str, Any]) -> bool:
        """For values that it cannot be computed of (a division by 0, a text in a product) it does
        not hold."""
        try:
            return bool(eval(self._code, {"__builtins__": {}}, config))
        except (ArithmeticError, TypeError):
            return False


def _is_text(node: ast.AST, parameters: Mapping[str, Sequence[Any]]) -> bool:
    if isinstance(node, ast.Name):
        return any(isinstance(value, str) for value in parameters.get(node.id, ()))
    return (isinstance(node, (ast.List, ast.Tuple))
            or isinstance(node, ast.Constant) and not isinstance(node.value, (int, float)))
