"""Which variable a call's result is bound to, read from the source of the line that runs."""

import ast
import functools
import linecache


@functools.lru_cache(maxsize=16)
def _parents(file):
    """{node: its parent} of a source file's syntax tree, and its calls by (line, column, end line, end
    column).
    """
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return {}, {}
    parents, calls = {}, {}
    for node in ast.walk(tree):
        parents.update((child, node) for child in ast.iter_child_nodes(node))
        if isinstance(node, ast.Call):
            calls[node.lineno, node.col_offset, node.end_lineno, node.end_col_offset] = node
    return parents, calls


def _running_call(frame):
    """(the ast.Call that ``frame`` is in, the parents of its tree), or (None, {})."""
    positions = list(frame.f_code.co_positions())
    line, end_line, column, end_column = positions[frame.f_lasti // 2]
    parents, calls = _parents(frame.f_code.co_filename)
    return calls.get((line, column, end_line, end_column)), parents


def _target(target, index):
    """The text of an assignment's target, of its element ``index`` when the value is a tuple's element."""
    if index is None:
        return None if isinstance(target, (ast.Tuple, ast.List)) else ast.unparse(target)
    if not isinstance(target, (ast.Tuple, ast.List)) or index >= len(target.elts):
        return None
    return None if any(isinstance(e, ast.Starred) for e in target.elts) else ast.unparse(target.elts[index])


def bound_name(frame):
    """The variable the call running in ``frame`` will be bound to, through ``return``s up the stack; None
    when it is none.
    """
    index = None
    while frame is not None:
        call, parents = _running_call(frame)
        if call is None:
            return None
        node, holder = call, parents.get(call)
        if (
            isinstance(holder, (ast.Tuple, ast.List))
            and index is None
            and isinstance(parents.get(holder), (ast.Assign, ast.Return))
        ):
            index = holder.elts.index(node)
            node, holder = holder, parents[holder]
        if isinstance(holder, ast.Return):
            frame = frame.f_back
            continue
        return _named(holder, node, index)
    return None


def _named(holder, node, index):
    """The name that the statement or expression ``holder`` gives to ``node``."""
    if isinstance(holder, ast.Assign):
        return _target(holder.targets[0], index)
    if isinstance(holder, (ast.AnnAssign, ast.NamedExpr)):
        return _target(holder.target, index)
    if isinstance(holder, ast.keyword):
        return holder.arg
    if isinstance(holder, ast.Dict):
        key = holder.keys[holder.values.index(node)]
        return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None
    return None
