"""clone: expressions copied with parts replaced, without compiling anything."""

from __future__ import annotations

from typing import Any

from tgen.graph import walk
from tgen.graph.nodes import Constant, Variable
from tgen.graph.shared import SharedVariable

from .replace import again_cast, fitted, replacement_pairs
from .shared import shared


def clone(
    output: Any,
    replace: Any = None,
    strict: bool = True,
    share_inputs: bool = True,
    copy_inputs: bool | None = None,
) -> Any:
    """A copy of ``output`` (a variable, or a list of them) in which each key of ``replace`` is replaced.

    ``replace`` is a dict or pairs of variables; a new value that is no variable becomes a shared one. With
    ``strict`` it must have the type of what it replaces (TypeError), otherwise types are inferred anew.
    Unless ``share_inputs`` the inputs are fresh variables, too.

    >>> import tgen, tgen.tensor as T
    >>> x, y = T.dscalars("xy")
    >>> tgen.clone(x * 2, replace={x: y}).eval({y: 4.})
    array(8.)
    """
    outputs = list(output) if isinstance(output, (list, tuple)) else [output]
    table = {}
    for old, new in replacement_pairs(replace, "replace"):
        if not isinstance(old, Variable):
            raise TypeError("replace keys must be Variable", old)
        new = new if isinstance(new, Variable) else shared(new)
        table[old] = fitted(old, new) if strict else new
    if not share_inputs if copy_inputs is None else copy_inputs:
        for v in walk.leaves(outputs, table):
            if v not in table and not isinstance(v, (Constant, SharedVariable)):
                table[v] = Variable(v.type, v.name)
    made = walk.Copies(table, walk.again if strict else again_cast).of(outputs)
    return made if isinstance(output, (list, tuple)) else made[0]
