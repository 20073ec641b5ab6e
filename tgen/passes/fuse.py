"""fuse: elementwise ops, reductions and gathers become kernels with several results.

    a = exp x : [n, m]                 y, s = kernel [n] (r = x[@0, :]) {
    s = sum a {axes=(1,)}      ->        e, t = kernel [m] (..) map, sum { exp } ; t
    y = a / s[:, None]                   kernel [m] { e / t } }

Instructions are walked once. Each joins a cluster of its domain or opens one; a cluster has a *stage*, and
everything that a cluster reads from outside is made in a lower stage, so no cycle can arise. Views, iota,
sizes and scalar constants are read through (access.py). Building the kernels is kernels.py; products were
taken by blas before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from tgen.core import dims
from tgen.core.op import CHEAP, OPS, REDUCE, SCALAR
from tgen.ir.nodes import Block, Instr, Value
from tgen.ir.rebuild import bottom_up, instr_symbols, is_ordered

from .access import Reader, against, is_identity, is_row
from .cluster import Cluster
from .kernels import CHEAP_OPS, build

if TYPE_CHECKING:
    from tgen.core.dims import Extent
    from tgen.ir.nodes import Function
    from tgen.passes.access import Access

# elements: a reduction of everything may stay beside its consumers up to here, for it then runs in one part
SMALL_WHOLE = 4096
# instructions of one kernel: gcc's time grows faster than a loop's length (1,000 in one: 1.8 s, in five: 1.2
# s)
MEMBERS_LIMIT = 200
# how many open clusters of one domain are tried for an instruction that shares an operand
OPEN_CLUSTERS = 8


class Fusion:
    """One run over a block."""

    def __init__(self, block: Block) -> None:
        self.block, self.reader = block, Reader(block)
        self.cluster_of, self.clusters, self.open = {}, [], {}
        self.stage_of = {}  # value or symbol name -> the lowest stage that may read it
        self.single = []  # (stage, order, instr) of what is not fused
        self.fence = self.effects = 0  # the lowest stage for everything; for the next effect
        self.finds = any(i.found for i in block.instrs)
        self.checked = {}
        # view or inlined value -> the lowest stage at which the sizes it is written in are known
        self.late = {}
        self.stored = set()  # what memory holds anyway: read from outside the cluster that makes it

    def run(self) -> Block:
        for order, instr in enumerate(self.block.instrs):
            if instr.op.view or self.is_inlined(instr):
                self.late[instr.result] = max(
                    [self.found_at(instr.sizes)] + [self.late.get(v, 0) for v in instr.operands]
                )
            elif self.fusable(instr):
                self.place(instr)
            else:
                self.alone(instr, order)
        return self.emit()

    def is_inlined(self, instr: Instr) -> bool:
        return instr.op.inlined and self.reader.inlined(instr.result)

    @staticmethod
    def fusable(instr: Instr) -> bool:
        return instr.op.kind in (SCALAR, REDUCE) or instr.op.name == "gather"

    def earliest(self, instr: Instr) -> int:
        """The lowest stage at which everything the instruction reads is there."""
        indexed = instr.op.name in ("set_gather", "inc_gather")
        sizes = [*instr.sizes, *(s for v in (*instr.results, *instr.operands) for s in v.type.shape)]
        stage = max(self.fence, self.found_at(sizes))
        if instr.blocks and self.finds:  # a check in a loop or a branch may be all that reads a size
            stage = max(stage, *(self.stage_of.get(name, 0) for name in instr_symbols(instr)), 0)
        for v in instr.operands:
            stage = max(
                stage,
                self.stage_of.get(self.base(v), 0),
                self.late.get(v, 0),
                self.checked.get(v, 0) if indexed else 0,
            )
        return stage

    def found_at(self, sizes: Iterable[Any] | Sequence[Extent]) -> int:
        """The lowest stage at which all of these sizes are known."""
        if not self.finds:
            return 0
        return max(
            (
                self.stage_of.get(name, 0)
                for s in sizes
                if isinstance(s, dims.Size)
                for name in dims.symbols(s)
            ),
            default=0,
        )

    def base(self, v: Value) -> Value:
        return self.reader.access(v).base

    def alone(self, instr: Instr, order: int) -> None:
        stage = self.earliest(instr)
        if is_ordered(instr):
            self.effects = stage = max(stage, self.effects)
        self.single.append((stage, order, instr))
        self.read(instr.operands, stage, None)
        for v in instr.results:
            self.stage_of[v] = stage + 1
        for name in instr.found:
            self.stage_of[name] = stage + 1
        if instr.op.name == "check_index":
            self.checked[instr.operands[0]] = max(stage + 1, self.checked.get(instr.operands[0], 0))
        elif instr.op.effect.fails and any(dims.found_inside(dims.symbols(s)) for s in instr.sizes):
            self.fence = max(self.fence, stage + 1)

    def read(self, operands: Sequence[Value], stage: int, cluster: Cluster | None) -> None:
        """Note that ``stage`` reads these from memory: the clusters that make them can no longer be raised to
        it.
        """
        for v in operands:
            base = self.base(v)
            maker = self.cluster_of.get(base)
            self.stored.add(base)
            if maker is not None and maker is not cluster:
                maker.limit = min(maker.limit, stage)

    # -- placing
    def domain(self, instr: Instr) -> tuple[Extent, ...]:
        return instr.operands[0].type.shape if instr.op.kind == REDUCE else instr.result.type.shape

    def accesses(self, instr: Instr, domain: tuple[Extent, ...]) -> list[Access]:
        """Operand accesses in terms of the domain. A gather has none: its table and indices are read from
        memory.
        """
        if instr.op.name == "gather":
            return []
        return [against(self.reader.access(v), v, domain) for v in instr.operands]

    def place(self, instr: Instr) -> None:
        domain = self.domain(instr)
        accesses = self.accesses(instr, domain)
        target = None
        makers = {c for a in accesses if (c := self.cluster_of.get(a.base)) is not None}
        for cluster in sorted(makers, key=lambda c: (-c.stage, -c.number)) if len(makers) > 1 else makers:
            if self.accepts(cluster, instr, domain, accesses):
                target = cluster
                break
        if target is None:
            target = self.sibling(instr, domain, accesses)
        if target is None:
            target = self.new_cluster(domain, self.needed(instr, None))
        again = (
            self.again(target, instr, domain)
            if domain == target.domain and instr.op.kind == SCALAR
            else instr
        )
        self.join(target, again, domain, accesses if again is instr else self.accesses(again, domain))

    def again(self, target: Cluster, instr: Instr, domain: tuple[Extent, ...]) -> Instr:
        """Operands that another cluster makes cheaply from what memory holds anyway are computed again in
        ``target``.
        """
        operands = list(instr.operands)
        for k, v in enumerate(operands):
            maker = self.cluster_of.get(v)
            if (
                maker is None
                or maker is target
                or v in self.stored
                or maker.levels.get(v) != "full"
                or v.type.shape != domain
            ):
                continue
            recipe = self.recipe(v, maker)
            if recipe is not None:
                operands[k] = self.copied(recipe, target, v, domain)
        return instr if tuple(operands) == instr.operands else instr.with_(operands=tuple(operands))

    def recipe(self, value: Value, maker: Cluster) -> list[Instr] | None:
        """The cheap instructions of ``maker`` that lead from memory to ``value``, or None."""
        order, stack = {}, [value]
        while stack:
            v = stack.pop()
            if self.cluster_of.get(v) is not maker or v in self.stored:
                continue
            instr = self.reader.definitions[v]
            if instr.op.cost != CHEAP or maker.levels[v] != "full" or len(order) >= CHEAP_OPS:
                return None
            order.pop(instr, None)
            order[instr] = None
            stack.extend(self.base(x) for x in instr.operands)
        return list(reversed(order))

    def copied(self, recipe: list[Instr], target: Cluster, value: Value, domain: tuple[Extent, ...]) -> Value:
        made = {}
        for instr in recipe:
            result = Value(instr.result.type)
            twin = instr.with_(operands=tuple(made.get(v, v) for v in instr.operands), results=(result,))
            made[instr.result] = result
            self.reader.define(twin)
            self.join(target, twin, domain, self.accesses(twin, domain))
        return made[value]

    def needed(self, instr: Instr, cluster: Cluster | None) -> int:
        """The lowest stage for instr when only what ``cluster`` holds can be read without memory."""
        gathers = instr.op.name == "gather"
        stages = [self.fence]
        for v in instr.operands:
            if gathers:
                stages.append(self.checked.get(v, 0))
            if v in self.late:
                stages.append(self.late[v])
            base = self.base(v)
            if gathers or cluster is None or self.cluster_of.get(base) is not cluster:
                stages.append(self.stage_of.get(base, 0))
        if self.finds:
            stages.append(self.found_at(s for v in (*instr.results, *instr.operands) for s in v.type.shape))
        return max(stages)

    def accepts(
        self, cluster: Cluster, instr: Instr, domain: tuple[Extent, ...], accesses: list[Access]
    ) -> bool:
        """Whether instr may join: same domain (or the outer one), what it reads of the cluster is at hand,
        nothing else is late.
        """
        outer = cluster.inner and domain == cluster.outer
        if domain != cluster.domain and not outer or len(cluster.members) >= MEMBERS_LIMIT:
            return False
        if self.needed(instr, cluster) >= max(cluster.limit, cluster.stage + 1):
            return False  # it is late, and the cluster cannot be raised that far
        if instr.op.kind == REDUCE and not self.reducible(cluster, instr, domain, outer):
            return False
        return all(self.at_hand(cluster, a, domain, outer) for a in accesses)

    def at_hand(self, cluster: Cluster, access: Access, domain: tuple[Extent, ...], outer: int) -> bool:
        level = cluster.levels.get(access.base)
        if level is None:
            return True
        if level == "end":
            return False
        if level == "outer":
            return is_identity(access, domain) if outer else is_row(access, domain, cluster.inner)
        return not outer and is_identity(access, domain)

    def reducible(self, cluster: Cluster, instr: Instr, domain: tuple[Extent, ...], outer: int) -> bool:
        """How a reduction would end in this cluster: as a row value, or as the cluster's one kind of last
        reduction.
        """
        axes = instr.attrs["axes"]
        kind = self.row_or_end(domain, axes)
        if outer:
            return (
                len(axes) == len(domain)
                and instr.op.name not in ("argmax", "argmin")
                and cluster.terminal in (None, "all")
            )
        if kind == "row" and cluster.terminal in (None, "all"):
            return cluster.inner in (0, len(axes))
        return (
            cluster.inner == 0
            and cluster.terminal in (None, axes)
            and len(axes) < len(domain)
            or (len(axes) == len(domain) and cluster.terminal in (None, "all") and cluster.inner == 0)
        )

    @staticmethod
    def row_or_end(domain: tuple[Extent, ...], axes: tuple[int, ...]) -> str:
        trailing = axes == tuple(range(len(domain) - len(axes), len(domain)))
        if not trailing:
            return "end"
        if len(axes) == len(domain):
            whole = dims.product(domain)
            return "row" if isinstance(whole, int) and whole <= SMALL_WHOLE else "end"
        return "row"

    def sibling(self, instr: Instr, domain: tuple[Extent, ...], accesses: list[Access]) -> Cluster | None:
        bases = {a.base for a in accesses if a.base.type.ndim}
        for cluster in reversed(self.open.get(domain, ())[-OPEN_CLUSTERS:]):
            if bases & cluster.reads and self.accepts(cluster, instr, domain, accesses):
                return cluster
        return None

    def new_cluster(self, domain: tuple[Extent, ...], stage: int) -> Cluster:
        cluster = Cluster(domain, stage, len(self.clusters))
        self.clusters.append(cluster)
        self.open.setdefault(domain, []).append(cluster)
        return cluster

    def join(
        self, cluster: Cluster, instr: Instr, domain: tuple[Extent, ...], accesses: list[Access]
    ) -> None:
        outer = bool(cluster.inner) and domain == cluster.outer and domain != cluster.domain
        level = "outer" if outer else "full"
        if instr.op.kind == REDUCE:
            level = self.end(cluster, instr, domain, outer)
        self.raise_to(cluster, self.needed(instr, cluster))
        others = [
            v
            for v in instr.operands
            if instr.op.name == "gather" or self.cluster_of.get(self.base(v)) is not cluster
        ]
        self.read(others, cluster.stage, cluster)
        cluster.members.append((instr, "outer" if outer else "full"))
        cluster.accesses[instr] = accesses
        cluster.reads.update(a.base for a in accesses)
        for v in instr.results:
            self.cluster_of[v] = cluster
            cluster.levels[v] = level
            self.stage_of[v] = cluster.stage + 1

    def raise_to(self, cluster: Cluster, stage: int) -> None:
        """A cluster nobody has read yet may run later, beside its consumer: 2e-4*W is then computed where W
        is updated.
        """
        if stage <= cluster.stage:
            return
        cluster.stage = stage
        for instr, _ in cluster.members:
            for v in instr.results:
                self.stage_of[v] = stage + 1
            outside = [
                v
                for v in instr.operands
                if instr.op.name == "gather" or self.cluster_of.get(self.base(v)) is not cluster
            ]
            self.read(outside, stage, cluster)

    def end(self, cluster: Cluster, instr: Instr, domain: tuple[Extent, ...], outer: bool) -> str:
        axes = instr.attrs["axes"]
        if not outer and self.row_or_end(domain, axes) == "row" and cluster.terminal in (None, "all"):
            cluster.inner = len(axes)
            return "outer"
        cluster.terminal = "all" if len(axes) == len(domain) else axes
        if instr.op.name in ("argmax", "argmin"):
            # its index counts the whole domain: no rows, no second kind of reduction
            cluster.terminal = "arg"
        return "end"

    # -- emission
    def emit(self) -> Block:
        used = self.used_outside()
        parts = [(stage, 1, order, instr) for stage, order, instr in self.single]
        parts += [(c.stage, 0, c.number, c) for c in self.clusters]
        parts += [
            (self.late[i.result], -1, order, i)
            for order, i in enumerate(self.block.instrs)
            if self.is_inlined(i) and i.result in used
        ]
        out = []
        for _, _, _, part in sorted(parts, key=lambda p: p[:3]):
            out.extend(build(part, self.reader, used) if isinstance(part, Cluster) else (part,))
        return Block(self.block.params, tuple(out), self.block.results)

    def used_outside(self) -> set[Value]:
        """Values that memory must hold: results of the function, operands of what is not fused, and what
        crosses clusters.
        """
        used = set(self.block.results)
        for _, _, instr in self.single:
            used.update(instr.operands)
        for cluster in self.clusters:
            for instr, _ in cluster.members:
                for v in instr.operands:
                    base = self.reader.access(v).base
                    if (
                        self.cluster_of.get(base) is not cluster or instr.op.name == "gather"
                    ) and not self.reader.inlined(base):
                        used.add(base)
        return used


def fuse(function: Function) -> Function:
    """Kernels for everything elementwise, in the blocks of loops and branches too; see the
    top of this file.
    """
    return function.with_block(
        bottom_up(function.block, lambda block, level: Fusion(materialize(block)).run())
    )


def materialize(block: Block) -> Block:
    """A view or iota that memory must hold (a result, or an operand of what cannot read through it) gets a
    copy.
    """
    reader, env, rows, out = Reader(block), {}, {}, []

    def held(v: Value) -> Value:
        if not _is_view(reader, v):
            return v
        access = reader.access(v)
        if (
            access.base.type == v.type
            and not _is_view(reader, access.base)
            and is_identity(access, v.type.shape)
        ):
            return access.base
        if v not in env:
            env[v] = Value(v.type)
            out.append(Instr(OPS["copy"], (v,), (env[v],)))
        return env[v]

    def operand(v: Value) -> Value:
        """As held; consecutive rows of something are read where they are."""
        access = reader.access(v)
        if not _is_view(reader, v) or _is_view(reader, access.base) or not _is_rows(access, v):
            return held(v)
        if v not in rows:
            rows[v] = Value(v.type)
            out.append(
                Instr(OPS["rows"], (access.base,), (rows[v],), {}, (access.axes[0].start, v.type.shape[0]))
            )
        return rows[v]

    for instr in block.instrs:
        whole = not Fusion.fusable(instr) and not instr.op.view
        if whole and instr.operands:
            instr = instr.with_(operands=tuple(operand(v) for v in instr.operands))
        elif instr.op.name == "gather":
            instr = instr.with_(operands=(held(instr.operands[0]), *instr.operands[1:]))
        out.append(instr)
    results = tuple(held(v) for v in block.results)
    return Block(block.params, tuple(out), results)


def _is_rows(access: Access, v: Value) -> bool:
    """Whether a view is consecutive rows of its base, whole ones, and not all of it."""
    shape = access.base.type.shape
    if not shape or len(shape) != v.type.ndim or shape[1:] != v.type.shape[1:]:
        return False
    if access.axes[0].index != 0 or access.axes[0].step != 1:
        return False
    return all(
        (a.index == k or a.index is None and shape[k] == 1) and a.start == 0 and a.step == 1
        for k, a in enumerate(access.axes)
        if k
    )


def _is_view(reader: Reader, v: Value) -> bool:
    instr = reader.definitions.get(v)
    return instr is not None and (instr.op.view is not None or instr.op.name == "iota")
