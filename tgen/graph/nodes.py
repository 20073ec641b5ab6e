"""Variable, Constant, Shared, Apply: what a user's formula is made of. Built, walked and differentiated,
never optimized.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from types import FrameType, SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np

from tgen.config import config
from tgen.core import dims
from tgen.core.op import METHODS, OPS, Op, of_loop
from tgen.errors import shown

from . import testvalue
from .methods import Methods
from .observers import Observed
from .operators import Operators

if TYPE_CHECKING:
    from tgen.core.op import Attrs
    from tgen.core.types import TensorType
    from tgen.core.values import Line

    from .grad import Walks
    from .walk import Survey

_NUMBERS = itertools.count(1)
_AUTO_NAMES: WeakKeyDictionary[Variable, str] = WeakKeyDictionary()
_FILES: dict[str, bool] = {}  # file -> whether it is the user's
# variable -> the variables it was asked of, where it may not need them
_MENTIONED: WeakKeyDictionary[Variable, tuple[Variable, ...]] = WeakKeyDictionary()
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def is_user_frame(file: str) -> bool:
    """Whether code of this file is the user's: outside the tgen package, its examples excepted."""
    return not file.startswith(_PACKAGE) or file.startswith(_PACKAGE + "examples")


def user_line() -> Line | None:
    """(file, line) of the innermost frame outside the tgen package, examples excepted; None when there is
    none.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if name not in _FILES:
            _FILES[name] = is_user_frame(name)
        if _FILES[name]:
            return name, frame.f_lineno
        frame = frame.f_back
    return None


class Variable(Operators, Methods, Observed):
    """A value known when the function runs: an input, or result ``index`` of ``owner``."""

    # __dict__: for what users set
    __slots__ = "type name owner index where _tag _functions _walks __weakref__ __dict__".split()
    type: TensorType  # or what stands for one where there is no tensor, as GenericType
    name: str | None
    owner: Apply | None
    index: int
    where: Line | None
    _tag: SimpleNamespace | None
    _functions: Any
    _walks: Walks | None
    __array_priority__ = 1000
    _placed = True  # whether the line that made it is of interest

    def __init__(
        self, type: Any, name: str | None = None, owner: Apply | None = None, index: int = 0
    ) -> None:
        self.type, self.name, self.owner, self.index = type, name, owner, index
        # what eval() compiled; the walk back that gradients of this cost share (grad.py)
        self._tag = self._functions = self._walks = None
        self.where = user_line() if owner is None and self._placed else None
        if self.construction_observers:
            self.notify_construction_observers(self)

    @property
    def auto_name(self) -> str:
        """A name no other variable of this process has, such as auto_7; given when first asked for."""
        if self not in _AUTO_NAMES:
            _AUTO_NAMES[self] = f"auto_{next(_NUMBERS)}"
        return _AUTO_NAMES[self]

    @property
    def tag(self) -> SimpleNamespace:
        if self._tag is None:
            self._tag = SimpleNamespace()
        return self._tag

    @property
    def dtype(self) -> str:
        return self.type.dtype

    @property
    def ndim(self) -> int:
        return self.type.ndim

    @property
    def broadcastable(self) -> tuple[bool, ...]:
        return self.type.broadcastable

    def __str__(self) -> str:
        return (
            shown(self.name)
            if self.name
            else (f"{self.owner.op}.{self.index}" if self.owner is not None else f"<{self.type}>")
        )

    __repr__ = __str__

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *operands: Any, **options: Any) -> Any:
        """np.exp(v) and array * v ask v, so they give one variable, not an object array."""
        return METHODS["__array_ufunc__"](ufunc, method, operands, options)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, operands: tuple[Any, ...], options: dict[str, Any]
    ) -> Any:
        """np.dot(v, w) asks v, so it gives a variable, not an object array."""
        return METHODS["__array_function__"](function, operands, options)

    def __bool__(self) -> bool:
        """True, so that ``if bias:`` asks whether there is one, as in Theano; a bool variable raises
        TypeError (``if x > 0``, ``0 < x < 1``).
        """
        if getattr(self.type, "dtype", None) != "bool":
            return True
        raise TypeError(
            "Variables do not support boolean operations: use T.switch, T.and_/or_ or T.all; a "
            "value is known only when a function runs."
        )

    def __len__(self) -> NoReturn:
        raise TypeError(f"object of type {type(self).__name__!r} has no len(); use x.shape[0]")

    def __reduce__(self) -> tuple[Any, ...]:
        """A variable that was made is its graph (pickling.py); an input is itself."""
        if self.owner is not None:
            return METHODS["_reduce"](self)
        return type(self), (self.type, self.name), self._state()

    def _state(self) -> tuple[Any, ...]:
        """What ``__setstate__`` takes: the tag, the user's line, the attributes that a user gave it."""
        return self._tag, self.where, self.__dict__ or None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._tag, self.where, own = state
        self.__dict__.update(own or {})

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """np.asarray(v) is refused: an array of objects is not what anybody means by it. With dtype=object it
        is.
        """
        if dtype is not None and np.dtype(dtype).hasobject:
            held: np.ndarray = np.empty((), object)
            held[()] = self
            return held
        raise TypeError(
            f"{self} is symbolic and has no value to make an array of: use functions of tgen.tensor "
            "(T.stack for a list), or compile a function or call .eval(); a shared variable has .get_value()"
        )

    def __float__(self) -> NoReturn:
        raise TypeError(f"{self} is symbolic and has no value to convert; compile a function or call .eval()")

    __int__ = __index__ = __float__

    def __setitem__(self, key: Any, value: Any) -> NoReturn:
        raise TypeError(
            f"{type(self).__name__!r} object does not support item assignment; use T.set_subtensor(x[i], v)"
        )


def _of_type(type: Any, name: str | None = None) -> Variable:
    if name is not None and not isinstance(name, str):
        raise TypeError(f"a variable's name is a string, got {name!r}")
    return Variable(type, name)


METHODS["_variable"] = _of_type  # what calling a TensorType makes


class Constant(Variable):
    """A value known now. ``data`` is a read-only ndarray."""

    __slots__ = ("data",)
    _placed = False

    def __init__(self, type: TensorType, data: Any, name: str | None = None) -> None:
        super().__init__(type, name)
        self.data = np.array(data, dtype=type.dtype)
        self.data.flags.writeable = False

    data: np.ndarray

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.type, self.data, self.name), self._state()

    @property
    def value(self) -> np.ndarray:
        return self.data

    @property
    def tag(self) -> SimpleNamespace:
        """Its ``test_value`` is the value: a shape that is known may be a constant, and programs read
        v.shape.tag.test_value.
        """
        found = super().tag
        if not hasattr(found, "test_value"):
            found.test_value = self.data
        return found

    def __str__(self) -> str:
        return (
            shown(self.name)
            if self.name
            else (
                f"TensorConstant{{{self.data}}}" if self.data.size <= 8 else f"TensorConstant{{{self.type}}}"
            )
        )

    __repr__ = __str__


# the names users know, and that messages and pickles say
TensorVariable = Variable
TensorConstant = Constant
Variable.__name__ = Variable.__qualname__ = "TensorVariable"
Constant.__name__ = Constant.__qualname__ = "TensorConstant"


class Apply:
    """One application of an op: ``outputs = op(inputs, attrs)`` at the user's ``where`` (file, line).

    ``op`` is an Op record or an object of a user's class (tgen/pyops); ``primitive`` is the record that
    everything but the user looks at: op itself, or what the user's op makes of this application. ``outputs``
    are types, or fresh variables as a user's make_node has them: ``Apply(self, [x], [x.type()])``. TypeError
    and ValueError for anything else.
    """

    __slots__ = ("op", "primitive", "inputs", "attrs", "bodies", "outputs", "where", "__weakref__")

    def __init__(
        self,
        op: Any,
        inputs: Iterable[Variable],
        outputs: Iterable[Any],
        attrs: Attrs | None = None,
        bodies: tuple[Lambda, ...] = (),
        where: Line | None = None,
    ) -> None:
        self.op, self.inputs, self.attrs, self.bodies, self.where = (
            op,
            list(inputs),
            {} if attrs is None else attrs,
            bodies,
            where,
        )
        self.outputs = [_owned(out, self, i) for i, out in enumerate(outputs)]
        self.primitive = op if isinstance(op, Op) else _primitive(self)
        if bodies and isinstance(op, Op):
            self.op, self.primitive = of_loop(op, bodies[0]), OPS[op.name]

    op: Any
    primitive: Op
    inputs: list[Variable]
    outputs: list[Variable]
    attrs: Attrs
    bodies: tuple[Lambda, ...]
    where: Line | None

    @property
    def nin(self) -> int:
        return len(self.inputs)

    @property
    def nout(self) -> int:
        return len(self.outputs)

    @property
    def out(self) -> Variable:
        return self.outputs[0]

    def get_parents(self) -> list[Variable]:
        """The inputs; of a variable it is the application that made it."""
        return list(self.inputs)

    def __repr__(self) -> str:
        return f"{self.op}({', '.join(map(str, self.inputs))})"


class Lambda:
    """A closed sub-graph, the body of a loop: ``outputs`` depend on ``params`` and on small constants only
    (closure.close makes one). ``survey``: what a walk over it found (walk.surveyed).
    """

    __slots__ = ("params", "outputs", "survey", "__weakref__")

    def __init__(self, params: Iterable[Variable], outputs: Iterable[Variable]) -> None:
        self.params, self.outputs = tuple(params), tuple(outputs)
        self.survey: Survey | None = None

    def __repr__(self) -> str:
        return f"<{len(self.params)} -> {len(self.outputs)}>"


def _owned(out: Any, node: Apply, index: int) -> Variable:
    """Output ``index`` of ``node``: a new variable of the type ``out``, or the variable ``out`` itself."""
    if not isinstance(out, Variable):
        return Variable(out, None, node, index)
    if out.owner is not None or isinstance(out, Constant):
        raise ValueError(
            f"All output variables passed to Apply must belong to it: {out} is "
            f"{'a constant' if out.owner is None else f'an output of {out.owner}'}; make one "
            "with its type: x.type()"
        )
    out.owner, out.index, out.where = node, index, None
    return out


def _primitive(node: Apply) -> Op:
    """The record of a user's op in this application; ``node.where`` is the user's line unless it is known."""
    make = getattr(node.op, "_tgen_primitive", None)
    if make is None:
        raise TypeError(f"the op of an Apply must be an Op; got {node.op!r:.80}")
    for v in node.inputs:
        if not isinstance(v, Variable):
            raise TypeError(
                f"the inputs of an Apply must be variables; {node.op} got {v!r:.80}. Its "
                "make_node converts them: as_tensor_variable(x)"
            )
    node.where = node.where or user_line()
    return make(node)


Operand: TypeAlias = Variable | float | np.ndarray | np.generic | list[Any] | tuple[Any, ...]


def mention(v: Variable, others: Iterable[Variable]) -> Variable:
    """v, of which a function may take what ``others`` are made of as inputs, though v does not need them.

    The gradient of 2 * x with respect to x is a constant, and the size of a scalar is; both were asked of x.
    """
    _MENTIONED[v] = tuple(others)
    return v


def mentioned(v: Variable) -> tuple[Variable, ...]:
    """The variables that v was asked of; none for most."""
    return _MENTIONED.get(v, ())


def known_size(v: Variable) -> int | None:
    """What the graph knows of a size scalar: an int for a constant or the length of a static
    axis, else None.
    """
    if v.owner is not None and v.owner.primitive.name == "shape_i":
        return v.owner.inputs[0].type.shape[v.owner.attrs["axis"]]
    return int(v.data) if isinstance(v, Constant) else None


def _known_elements(v: Variable) -> np.ndarray | None:
    """The array a constant holds, also under the casts and axes of promotion; None for other variables."""
    around = []
    while v.owner is not None and v.owner.primitive.name in ("dimshuffle", "cast"):
        around.append(v.owner)
        v = v.owner.inputs[0]
    if not isinstance(v, Constant):
        return None
    data = v.data
    for node in reversed(around):
        data = node.primitive.eval(node.attrs, (), data)
    return data


def infer(
    op: Op, inputs: Sequence[Variable], attrs: Attrs, bodies: Sequence[Lambda] = ()
) -> tuple[TensorType, ...]:
    """Result types of ``op`` over graph inputs; the trailing ``op.sizes`` inputs are sizes. A rule of an op
    with bodies takes what they yield.
    """
    count = op.sizes(attrs) if callable(op.sizes) else op.sizes
    if not count and not bodies:
        return op.infer([v.type for v in inputs], attrs, ())
    arrays, sizes = (inputs[:-count], inputs[-count:]) if count else (inputs, ())
    yields = ([v.type for v in body.outputs] for body in bodies)
    return op.infer([v.type for v in arrays], attrs, tuple(known_size(v) for v in sizes), *yields)


def apply_op(
    op: Op,
    inputs: Sequence[Variable],
    attrs: Attrs | None = None,
    where: Line | None = None,
    bodies: tuple[Lambda, ...] = (),
) -> list[Variable]:
    """Apply ``op`` (an Op or its name is looked up by the caller) to variables; returns the
    list of outputs.
    """
    attrs = attrs or {}
    where = where or user_line()
    try:
        types = infer(op, inputs, attrs, bodies)
        if op.naturals:
            op.demand([_known_elements(v) for v in inputs])
    except (TypeError, ValueError) as error:
        place = f" ({where[0]}:{where[1]})" if where else ""
        if isinstance(error, dims.Unequal):
            error = ValueError(f"Input dimension mis-match: {error}")
        raise type(error)(f"{op}({', '.join(f'{v}: {v.type}' for v in inputs)}): {error}{place}") from None
    node = Apply(op, inputs, types, attrs, bodies, where)
    if config.compute_test_value != "off":
        testvalue.compute(node)
    return node.outputs
