"""What statements say of what is around them: whom they call, what they read and what they write.

Whoever asks about statements asks their Facts, which are found in one walk:

    Set(Load(v1, i), Scalar(exp, Load(v0, i)))      reads v0 and v1, writes v1, applies exp
"""

from .chunks import PREFIX
from .nest import Address, Call, Field, For, Host, Let, Load, Name, Out, Scalar, Set, Symbol, walk


class Facts:
    """Of statements and expressions:

    ``order``         all of them, in the order of the text
    ``members``       the members of the frame that they name: {name: Field}
    ``sizes``         the sizes that they name: {name: Symbol}
    ``locals``        the texts of the local names in them
    ``written``       names of the members that a Set gives a value, or whose address is taken
    ``touched``       names of the members and sizes that they read or write; of a pointer it is what it
                      points at, too
    ``writes``        the same of what they write
    ``calls``         the names of the functions that they call, ``scalars`` the Scalars
    ``structs``       the C types of local variables that no dtype names
    ``loops``         how many loops there are
    ``framed``        whether they need the frame itself
    """

    def __init__(self, nodes):
        self.order = order = tuple(walk(nodes))
        self.members, self.sizes, self.locals, self.structs = {}, {}, set(), set()
        self.written, self.writes = set(), set()
        self.calls, self.scalars, self.loops, self.framed = [], [], 0, False
        roots = {}  # local pointer -> the members that it points at
        for node in order:  # a large part of a build is here
            kind = type(node)
            if kind is Name:
                self.locals.add(node.text)
            elif kind is Field:
                self.members[node.name] = node
            elif kind is Symbol:
                self.sizes[node.name] = node
            elif kind is Let:
                if node.name.pointer:
                    roots[node.name] = pointed(node.value, roots)
                elif node.name.dtype.startswith(PREFIX):
                    self.structs.add(node.name.dtype)
            elif kind is Set:
                self._set(node.target, roots)
            elif kind is Scalar:
                self.scalars.append(node)
            elif kind is Call:
                self.calls.append(node.function)
            elif kind is For:
                self.loops += 1
            elif kind is Address and type(node.target) is Field:
                self.written.add(node.target.name)
            elif kind is Out:
                self.writes |= pointed(node.x, roots)
            elif kind is Host:
                self.framed = True
        self.framed = self.framed or bool(self.written)
        self.writes |= self.written
        self.touched = self.members.keys() | self.sizes.keys()

    def _set(self, target, roots):
        if type(target) is Field:
            self.written.add(target.name)
        elif type(target) is Symbol:
            self.writes.add(target.name)
        elif type(target) is Load:
            self.writes |= pointed(target.pointer, roots)


def pointed(value, roots):
    """The members of the frame that an expression points at; ``roots``: local pointer -> the same."""
    found = set()
    for node in walk([value]):
        if isinstance(node, Field) and (node.pointer or node.count):
            found.add(node.name)
        elif isinstance(node, Name):
            found |= roots.get(node, set())
    return found
