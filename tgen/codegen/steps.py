"""What the body of a file does, step by step, and when a step waits for the team.

A step is a kernel's part function, a loop, a branch, or statements of the master. Parts that were dealt to
the team run on beside the steps after them; a step waits for them when it touches what they write, or writes
what they read. What a step touches is asked of its statements:

    part0: Set(Load(v2, i), ...Load(v0, i)...)      reads v0, writes v2
    part1: Set(Load(v3, i), ...Load(v1, i)...)      reads v1, writes v3
    step:  Set(Field(v4), Load(v2, 0))              reads v2: waits
"""

from dataclasses import dataclass, field

from .nest import Address, Field, Let, Load, Name, Out, Set, Symbol, walk


@dataclass
class Part:
    """A C function of one part: ``variants`` are (suffix, nodes, extent); ``dense`` is the condition under
    which the first one runs. ``extent``: how many pieces are dealt to parts, ``cost``: nanoseconds of all.
    """

    name: str
    comment: str
    variants: list
    cost: object
    dense: object = None
    product: bool = False
    counted: object = None  # the member of the frame that keeps how many parts it was
    plain: list = field(default_factory=list)  # the nests of a kernel's variants before their schedule


@dataclass
class Loop:
    """A scan among the steps: its function runs them turn by turn.

    ``turn`` is done by the master at the top of each, while ``going``; before it ``grown`` sees to it that
    there are rows for it. ``level``: how many loops are around it.
    """

    name: str
    comment: str
    going: object
    level: int
    grown: tuple = ()
    turn: list = field(default_factory=list)
    steps: list = field(default_factory=list)


@dataclass
class Branch:
    """A cond among the steps."""

    condition: object
    yes: list = field(default_factory=list)
    no: list = field(default_factory=list)


@dataclass
class Step:
    """One step of the body: a part function, a loop, a branch, or ``nodes`` for the master alone. ``fails``:
    the status is looked at after it.
    """

    part: Part = None
    nested: object = None  # a Loop or a Branch
    nodes: list = field(default_factory=list)
    fails: bool = False

    def statements(self):
        """What it does, but for what is nested in it."""
        if self.part is None:
            return self.nodes
        variants = [node for _, nodes, extent in self.part.variants for node in (*nodes, extent)]
        return [*variants, self.part.cost]


def touched(nodes):
    """(reads, writes): names of the members of the frame and of the sizes that statements touch. Of a pointer
    it is what it points at; what is written may stand among the reads, too.
    """
    reads, writes, roots = set(), set(), {}
    for node in walk(nodes):
        if isinstance(node, (Field, Symbol)):
            reads.add(node.name)
        elif isinstance(node, Let) and node.name.pointer:
            roots[node.name] = pointed(node.value, roots)
        elif isinstance(node, Set) and isinstance(node.target, (Field, Symbol)):
            writes.add(node.target.name)
        elif isinstance(node, Set) and isinstance(node.target, Load):
            writes |= pointed(node.target.pointer, roots)
        elif isinstance(node, Out):
            writes |= pointed(node.x, roots)
        elif isinstance(node, Address) and isinstance(node.target, Field):
            writes.add(node.target.name)
    return reads, writes


def pointed(value, roots):
    """The members of the frame that an expression points at; ``roots``: local pointer -> the same."""
    found = set()
    for node in walk([value]):
        if isinstance(node, Field) and (node.pointer or node.count):
            found.add(node.name)
        elif isinstance(node, Name):
            found |= roots.get(node, set())
    return found


ANY = object()  # among what is written: what the next step touches, whatever that is


def joins(steps, memory):
    """Whether each step must wait for the parts dealt since the last one that did: it touches what one of
    them writes, or writes what it reads. ``memory``: name of a member -> what stands for its memory.
    """
    reads, writes, out = set(), set(), []
    for step in steps:
        r, w = ({memory(name) for name in names} for names in touched(step.statements()))
        r |= w
        waits = step.nested is not None or ANY in writes or bool(writes & r or reads & w)
        if waits:
            reads, writes = set(), set()
        # the statements of the master are done when they are passed
        if step.part is not None:
            reads |= r
            writes |= w
        elif step.nested is not None:
            writes.add(ANY)
        out.append(waits and bool(out))
    return out
