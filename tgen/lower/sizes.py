"""Sizes while a graph is lowered: the symbols that name them, and what is known to be equal.

Sizes known at the entry that an op needs equal are unified for good: a parameter's type then says what its
axis must be, or a ``check_eq`` stands at the top of the function. Sizes found inside, and all sizes in a
branch of an ifelse, are equal only from their check on and only in that region.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tgen.core import dims
from tgen.core.op import OPS
from tgen.core.types import tensor_type
from tgen.ir.nodes import Instr

if TYPE_CHECKING:
    from tgen.core.dims import Extent, Sym
    from tgen.core.types import TensorType
    from tgen.core.values import Line


@dataclass
class Site:
    """What an error record's site number means: the op, the user's line, a description of the sizes compared,
    and the scans around it.
    """

    kind: str
    op: str
    where: Line | None
    about: tuple[Any, ...] = ()
    loops: tuple[Line, ...] = ()


class Region:
    """A block in the making. ``lazy``: it may not run, so nothing in it may be moved out; ``loops`` are the
    lines of the scans around it.
    """

    def __init__(
        self, outer: Region | None = None, lazy: bool = False, loops: tuple[tuple[str, int], ...] = ()
    ) -> None:
        self.outer, self.loops = outer, loops
        self.lazy: bool = lazy or outer is not None and outer.lazy
        self.pending = []  # instructions to come
        self.late = {}  # size -> size it is equal to, in this region only, from a check on
        self.views = {}  # (value, shape) -> the view of it after such a check

    def chain(self) -> Iterator[Region]:
        region: Region | None = self
        while region is not None:
            yield region
            region = region.outer


class Sizes:
    """The part of a Lowering that names sizes and unifies them."""

    def __init__(self) -> None:
        # symbol -> size, in symbols that may have been solved for since: ``settled`` reads it
        self.solved = {}
        self.alias = {}  # size -> (what it is equal to, the equation that says so)
        # symbol -> the keys of ``alias``, and the regions with a ``late`` size, that mention it
        self.aliases, self.lates = {}, {}
        self.counts = Counter()  # kind of symbol -> how many there are
        self.origin = {}  # symbol -> text for messages
        # symbol -> (parameter, axis) that defines it; such an axis -> the site that equated it
        self.axis_of, self.axis_sites = {}, {}
        self.checks, self.sites = [], []  # checks at the top of the function
        self.region = Region()
        self.regions = [self.region]

    def symbol(self, kind: str, origin: str) -> Sym:
        """A new symbol of a kind; ``origin`` is what messages call it."""
        symbol = dims.Sym(kind, self.counts[kind])
        self.counts[kind] += 1
        self.origin[symbol] = origin
        return symbol

    def canon(self, size: Extent) -> Extent:
        """The representative of a size under everything unified so far that holds in this region."""
        if not isinstance(size, dims.Size):
            return size
        size = self.at_entry(size)
        late = [r.late for r in self.region.chain() if r.late]
        while True:
            table = next((table for table in late if size in table), None)
            if table is not None:
                size = table[size]
            elif size in self.alias:
                size = self.alias[size][0]
            else:
                return size

    def at_entry(self, size: Extent) -> Extent:
        """The same under what the checks at the top of the function say, which holds everywhere."""
        size = self.settled(size)
        while size in self.alias:
            size = self.alias[size][0]
        return size

    def settled(self, size: Extent) -> Extent:
        """``size`` in the symbols that are left."""
        if not isinstance(size, dims.Size) or self.solved.keys().isdisjoint(dims.symbols(size)):
            return size
        stack = self.unsettled(size)
        # what a symbol was solved to is settled where it is asked for, so to solve for one costs nothing but
        # itself
        while stack:
            symbol = stack[-1]
            waiting = self.unsettled(self.solved[symbol])
            stack += waiting
            if not waiting:
                self.solved[stack.pop()] = dims.substitute(self.solved[symbol], self.solved)
        return dims.substitute(size, self.solved)

    def unsettled(self, size: Extent) -> list[Sym]:
        """The symbols in ``size`` that were solved to a size with symbols that were solved for since."""
        return [
            x
            for x in dims.symbols(size)
            if x in self.solved and not self.solved.keys().isdisjoint(dims.symbols(self.solved[x]))
        ]

    def canon_type(self, type: TensorType) -> TensorType:
        if self.stands(type):
            return type
        return tensor_type(type.dtype, tuple([self.canon(s) for s in type.shape]))

    def entry_type(self, type: TensorType) -> TensorType:
        if self.stands(type):
            return type
        return tensor_type(type.dtype, tuple([self.at_entry(s) for s in type.shape]))

    def stands(self, type: TensorType) -> bool:
        """Whether no equation says anything of a type's sizes: of most it does not."""
        known = type.symbols
        return (
            not type.weak
            and self.solved.keys().isdisjoint(known)
            and self.aliases.keys().isdisjoint(known)
            and self.lates.keys().isdisjoint(known)
        )

    def inner(self, lazy: bool = False, loop: tuple[str, int] | None = None) -> Region:
        """A new region within this one."""
        region = Region(self.region, lazy, self.region.loops + ((loop,) if loop else ()))
        self.regions.append(region)
        return region

    def add_site(self, site: Site, late: bool) -> int:
        """The number of a site; one that is checked inside loops knows them."""
        self.sites.append(replace(site, loops=self.region.loops) if late else site)
        return len(self.sites) - 1

    def unify(self, x: Extent, y: Extent, site: Site) -> None:
        """Make two sizes one: from then on one representative.

        The symbol of a parameter's axis is replaced, and the parameter's type then says what its axis must
        be, at the site that asked; other sizes get a ``check_eq``.
        """
        x, y = self.canon(x), self.canon(y)
        if x == y:
            return
        if isinstance(x, int) and isinstance(y, int):
            raise ValueError(self.mismatch_text(x, y, site))
        late = self.region.lazy or dims.found_inside((*dims.symbols(x), *dims.symbols(y)))
        number = self.add_site(site, late)
        check = Instr(
            OPS["check_eq"],
            (),
            (),
            {"site": number},
            (x, y),
            (),
            frozenset([site.where] if site.where else ()),
        )
        if late:
            keep, drop = self.choose(x, y)
            self.region.pending.append(check)
            self.region.late[drop] = keep
            self.note_late(self.region, (keep, drop))
        elif self.equate(x, y, number):
            self.checks.append(check)

    def equate(self, x: Extent, y: Extent, number: int) -> bool:
        """Make sizes known at the entry one, as site ``number`` asks. Returns whether that needs a check.

        To solve for an axis may leave others to be solved: with n0 * n1 = 6, n0 = 1 says that n1 is 6. Were
        only the types told, n1 would have no axis left that defines it, and the check would read it.
        """
        asked = x, y, number
        checked, pending = False, [asked]
        while pending:
            equation = pending.pop(0)
            x, y, number = equation
            x, y = self.at_entry(x), self.at_entry(y)
            if x == y:
                continue
            if isinstance(x, int) and isinstance(y, int):
                raise ValueError(self.mismatch_text(x, y, self.sites[number]))
            keep, drop = self.choose(x, y)
            symbol = dims.lone(drop)
            if symbol is not None and symbol in self.axis_of and symbol not in dims.symbols(keep):
                if drop == y:
                    number = self.turned(number, alone=equation is asked)
                self.axis_sites[self.axis_of[symbol]] = number
                pending += self.solve(keep, symbol)
            else:
                self.alias[drop] = keep, equation
                for s in (*dims.symbols(drop), *dims.symbols(keep)):
                    self.aliases.setdefault(s, {})[drop] = None
                checked = True
        return checked

    def turned(self, number: int, alone: bool) -> int:
        """The site that compares in the other order: the entry compares the axis with what it must be.

        ``alone``: no check has the site yet.
        """
        about = self.sites[number].about[::-1]
        if alone:
            self.sites[number].about = about
            return number
        return self.add_site(replace(self.sites[number], about=about), late=False)

    def solve(self, keep: Extent, symbol: Sym) -> list[Any]:
        """The ``symbol`` of an axis is ``keep`` from now on. Returns the equations that say more now."""
        self.solved[symbol] = keep
        for region in self.lates.pop(symbol, ()):
            region.late = self.rewritten(region.late, {symbol: keep})
            self.note_late(region, (s for pair in region.late.items() for s in pair))
        disturbed = []
        for x in list(self.aliases.get(symbol, ())):
            y, equation = self.alias.pop(x)
            for other in {*dims.symbols(x), *dims.symbols(y)}:
                del self.aliases[other][x]
            disturbed.append(equation)
        return disturbed

    def note_late(self, region: Region, sizes: Iterable[Extent]) -> None:
        for size in sizes:
            for symbol in dims.symbols(size):
                self.lates.setdefault(symbol, {})[region] = None

    @staticmethod
    def rewritten(pairs: Mapping[Extent, Extent], table: Mapping[Sym, Extent]) -> dict[Extent, Extent]:
        new = {dims.substitute(k, table): dims.substitute(v, table) for k, v in pairs.items()}
        return {k: v for k, v in new.items() if k != v and isinstance(k, dims.Size)}

    @staticmethod
    def choose(x: Extent, y: Extent) -> tuple[Extent, Extent]:
        """(kept, dropped): an int before an expression before a lone symbol it does not hold; of two symbols
        the older; found-inside sizes go.
        """

        def rank(s: Extent) -> tuple[Any, ...]:
            late = dims.found_inside(dims.symbols(s))
            return (not isinstance(s, int), late, dims.lone(s) is not None, len(str(s)), str(s))

        a, b = dims.lone(x), dims.lone(y)
        if a and b and a.kind == b.kind:
            return (x, y) if a.number < b.number else (y, x)
        if a in dims.symbols(y) or b in dims.symbols(x):
            # n1 and min(n1, 2): n1 would be left without the axis that defines it
            return (x, y) if a else (y, x)
        return (x, y) if rank(x) <= rank(y) else (y, x)

    def mismatch_text(self, x: Extent | str, y: Extent | str, site: Site) -> str:
        return f"Input dimension mis-match: {site.op} needs equal sizes, got {x} and {y}" + (
            f" ({site.where[0]}:{site.where[1]})" if site.where else ""
        )
