"""How passes make new blocks: ``rebuild`` (rewrite in one sweep), ``bottom_up`` (a change on every block),
``refresh`` (a copy), and the maps they look things up in (definitions, users). Nothing here recurses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from tgen.core import dims
from tgen.core.maps import WHOLE, Axis
from tgen.ir.nodes import Block, Value, fresh_like, substitute_type
from tgen.ir.origin import RUNNING, Origin, making

if TYPE_CHECKING:
    from tgen.core.dims import Extent, Sym
    from tgen.ir.nodes import Instr


Env: TypeAlias = dict[Value, Value]  # what stands for a value
Answer: TypeAlias = "tuple[Sequence[Instr], Sequence[Value]] | None"
Visit: TypeAlias = "Callable[[Instr, Env], Answer]"


def rebuild(block: Block, visit: Visit, env: Env | None = None) -> Block:
    """A new Block: ``visit(instr, env)`` sees each instruction, its operands already replaced, in order.

    It returns None (keep it), or ``(instrs, values)``: the instructions that take its place and the values
    that stand for its results from here on. ``env`` maps replaced values to their replacements; entries put
    in before the sweep count too. The very same block comes back when nothing changed.
    """
    env = {} if env is None else env
    running = RUNNING.get()
    with making(running):
        return _rebuilt(block, visit, env, running)


def _rebuilt(block: Block, visit: Visit, env: Env, running: Origin | None) -> Block:
    kept, changed = [], False
    for old in block.instrs:
        instr = substitute(old, env)
        changed = changed or instr is not old
        if running is not None:
            RUNNING.set(Origin(running.by, running.rule, (old.results,)))
        answer = visit(instr, env)
        if answer is None:
            kept.append(instr)
            continue
        instrs, values = answer
        kept.extend(instrs)
        env.update((r, v) for r, v in zip(instr.results, values) if r is not v)
        changed = True
    results = tuple(replaced(v, env) for v in block.results)
    if not changed and results == block.results:
        return block
    return Block(block.params, tuple(kept), results)


def replaced(value: Value, env: Env) -> Value:
    """What stands for ``value``; a chain of replacements is followed to its end."""
    while value in env:
        value = env[value]
    return value


def substitute(instr: Instr, env: Env) -> Instr:
    """``instr`` with its operands replaced; itself when none is."""
    if not env or env.keys().isdisjoint(instr.operands):
        return instr
    return instr.with_(operands=tuple(replaced(v, env) for v in instr.operands))


def bottom_up(block: Block, change: Callable[[Block, int], Block]) -> Block:
    """``change(block, level) -> block`` applied to every nested block, inner ones first, and then to the
    block itself (level 0).
    """
    done: dict[Block, Block] = {}
    stack = [(block, 0, False)]
    while stack:
        current, level, ready = stack.pop()
        nested = [b for i in current.instrs if i.blocks for b in i.blocks]
        if nested and not ready:
            stack.append((current, level, True))
            stack.extend((b, level + 1, False) for b in nested)
            continue
        done[current] = change(_with_blocks(current, done) if nested else current, level)
    return done[block]


def _with_blocks(block: Block, done: dict[Block, Block]) -> Block:
    if all(done[b] is b for i in block.instrs for b in i.blocks):
        return block
    instrs = tuple(i.with_(blocks=tuple(done[b] for b in i.blocks)) if i.blocks else i for i in block.instrs)
    return Block(block.params, instrs, block.results)


def definitions(block: Block) -> dict[Value, Instr]:
    """value -> the instruction of ``block`` that defines it (not of nested blocks)."""
    return {v: instr for instr in block.instrs for v in instr.results}


def users(block: Block) -> dict[Value, list[Instr | None]]:
    """value -> list of instructions of ``block`` that use it, once per use; the block's results count as a
    use by None.
    """
    found: dict[Value, list[Instr | None]] = {}
    for instr in block.instrs:
        for v in instr.operands:
            found.setdefault(v, []).append(instr)
    for v in block.results:
        found.setdefault(v, []).append(None)
    return found


def walk(block: Block) -> Iterator[Instr]:
    """Every instruction of ``block`` and of the blocks in it, in the order of the text."""
    stack = [iter(block.instrs)]
    while stack:
        for instr in stack[-1]:
            yield instr
            if instr.blocks:
                stack.extend(iter(b.instrs) for b in reversed(instr.blocks))
                break
        else:
            stack.pop()


def is_ordered(instr: Instr) -> bool:
    """Whether it, or an instruction of its blocks, does what is seen outside of the call: these keep the
    program's order among themselves.
    """
    return instr.op.effect.ordered or any(i.op.effect.ordered for block in instr.blocks for i in walk(block))


def refresh(block: Block, env: Env | None = None, sizes: Mapping[Sym, Extent] | None = None) -> Block:
    """A copy of ``block`` with fresh values throughout, its parameters too unless ``env`` maps them already.

    ``env`` (value -> value) receives the new names; ``sizes`` (symbol -> size) is substituted in types,
    sizes, maps and among the symbols found (a copy that stands beside its original must find symbols of its
    own).
    """
    env, sizes = {} if env is None else env, sizes or {}
    made: dict[Block, Block] = {}
    stack = [(block, False)]
    while stack:
        current, ready = stack.pop()
        if not ready:
            stack.append((current, True))
            stack.extend((b, False) for i in current.instrs for b in i.blocks)
            continue
        params = tuple(_fresh(v, env, sizes) for v in current.params)
        instrs = tuple(_copy(i, env, sizes, made) for i in current.instrs)
        made[current] = Block(params, instrs, tuple(env.get(v, v) for v in current.results))
    return made[block]


def _fresh(value: Value, env: Env, sizes: Mapping[Sym, Extent]) -> Value:
    if value not in env:
        env[value] = Value(substitute_type(value.type, sizes)) if sizes else fresh_like(value)
    return env[value]


def _copy(instr: Instr, env: Env, sizes: Mapping[Sym, Extent], made: dict[Block, Block]) -> Instr:
    operands = tuple(env.get(v, v) for v in instr.operands)
    results = tuple(_fresh(v, env, sizes) for v in instr.results)
    blocks = tuple(made[b] for b in instr.blocks)
    if not sizes:
        return instr.with_(operands=operands, results=results, blocks=blocks)
    attrs = instr.attrs
    if "found" in attrs:
        attrs = attrs | {"found": tuple(dims.lone(sizes[s]) if s in sizes else s for s in attrs["found"])}
    if "maps" in attrs:
        attrs = attrs | {"maps": tuple(tuple(_copy_axis(a, sizes) for a in axes) for axes in attrs["maps"])}
    return instr.with_(
        operands=operands,
        results=results,
        blocks=blocks,
        attrs=attrs,
        sizes=tuple(dims.substitute(s, sizes) for s in instr.sizes),
    )


def _copy_axis(axis: Axis, sizes: Mapping[Sym, Extent]) -> Axis:
    if axis == WHOLE:
        return axis
    return Axis(
        axis.index, dims.substitute(axis.start, sizes), dims.substitute(axis.step, sizes), axis.gather
    )


def instr_symbols(instr: Instr) -> tuple[Sym, ...]:
    """The size symbols an instruction mentions: in its sizes, result types, maps and nested blocks."""
    if not instr.blocks and not instr.sizes and len(instr.results) == 1:
        return instr.results[0].type.symbols
    found: dict[Sym, None] = {}
    for i in _and_inside(instr):
        for s in i.sizes:
            found.update(dict.fromkeys(dims.symbols(s)))
        for v in i.results:
            found.update(dict.fromkeys(v.type.symbols))
        for s in _map_sizes(i):
            found.update(dict.fromkeys(dims.symbols(s)))
    return tuple(found)


def _and_inside(instr: Instr) -> Iterator[Instr]:
    yield instr
    for block in instr.blocks:
        yield from walk(block)


def _map_sizes(instr: Instr) -> list[Extent]:
    return [s for axes in instr.attrs.get("maps", ()) for a in axes if a != WHOLE for s in (a.start, a.step)]
