"""What a function composes and whether it has a gradient, found by calling it on variables chosen by the
names of its parameters.
"""

import inspect

from tgen.core.dtypes import is_float
from tgen.core.types import TensorType
from tgen.graph.grad import Disconnected, Undefined, grad
from tgen.graph.nodes import Constant, Variable
from tgen.graph.walk import toposort
from tgen.show import printing
from tgen.tensor import verify
from tgen.tensor.elemwise import Elemwise

YES, ZERO, UNDEFINED, NONE = "yes", "zero", "undefined", "-"
MEANING = {
    YES: "T.grad gives the derivative",
    ZERO: "it gives zeros, for steps and for results that are no floats",
    UNDEFINED: "it raises NullTypeGradError",
    NONE: "nothing to differentiate in, or nothing flows through",
}
# what * stands for where it stands for arrays: two of them are given
ARRAYS = ("operands", "tensors", "matrices", "initial")
SPEAKING = (printing, verify)  # rooms of functions that write and run things, which a probe must not
ALWAYS = ("ws", "ignore_border", "sequences")  # given although they have defaults


def tensor(dtype, rank):
    """What makes a variable: not a plain input but x[...], so that it may be written into."""
    return lambda: TensorType(dtype, (None,) * rank)("x")[...]


def floats(rank):
    return tensor("float64", rank)


def integers(rank):
    return tensor("int64", rank)


def several(make):
    return lambda: [make(), make()]


# what is tried for arrays: (the first one, the others)
TRIALS = (
    [(floats(n), floats(n)) for n in (2, 1, 3, 4, 5, 0)]
    + [(floats(n), integers(n)) for n in (2, 1)]
    + [(integers(n), integers(n)) for n in (2, 1, 0)]
)
# parameters that are no such arrays: name -> what is tried for them, the last one in all later trials
PARAMETERS = {
    **dict.fromkeys(("axis", "axis1", "source", "offset"), [0]),
    **dict.fromkeys(("axis2", "destination", "shift"), [1]),
    **dict.fromkeys(
        (
            "n",
            "M",
            "L",
            "kth",
            "nb_class",
            "ratio",
            "num_channels",
            "reps",
            "repeats",
            "n_splits",
            "batch_size",
            "n_classes",
            "n_outputs_per_class",
        ),
        [2],
    ),
    "n_outputs": [4],
    "shape": [(None, None), (2, 3)],
    "newshape": [(-1,)],
    "dims": [(2, 3)],
    "original_shape": [(1, 1, 4, 4)],
    "splits_size": [[1, 1]],
    **dict.fromkeys(
        ("input_shape", "filter_shape", "output_shape"), [(None, None, 3, 3)] * 4 + [(None, None, 3, 3, 3)]
    ),
    **dict.fromkeys(("neib_shape", "patch_size", "ds"), [(2, 2)]),
    "ws": [(2, 2), (2, 2), (2, 2, 2)],
    "ignore_border": [True],
    "dtype": ["float32"],
    "broadcastable": [(False, False)],
    "subscripts": ["ij,jk->ik"],
    "target": [floats(2), "cpu"],
    "lower_bound": [-1.0],
    "upper_bound": [1.0],
    "multiplier": [2.0],
    **dict.fromkeys(("val", "value", "fill_value", "start", "outputs_info"), [floats(0)]),
    "cond": [tensor("bool", 2)],
    "condition": [integers(1), integers(0)],
    **dict.fromkeys(("y_idx", "indices", "perm"), [integers(1)]),
    "multi_index": [several(integers(1))],
    **dict.fromkeys(("choices", "tensor_list", "tensors"), [several(floats(2))]),
    "W1": [floats(2)],
    "b1": [floats(1)],
    "W2": [floats(3)],
    "b2": [floats(2)],
    "sequences": [floats(1)],
    "fn": [lambda: lambda *values: sum(values) * 2.0],
    "body": [lambda: lambda i, *state: [v * 2.0 for v in state]],
}


def arguments(function, number):
    """(positional arguments, those by keyword) of trial ``number``."""
    positional, named = [], {}
    first, others = TRIALS[number]
    makers = [first]

    def array():
        return makers.pop()() if makers else others()

    if isinstance(function, Elemwise):
        return [array() for _ in range(function.op.arity)], {}
    for p in inspect.signature(function).parameters.values():
        if p.kind == p.VAR_POSITIONAL and p.name in ARRAYS:
            positional += [array(), array()]
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) or p.default is not p.empty and p.name not in ALWAYS:
            continue
        tried = PARAMETERS.get(p.name)
        value = array() if tried is None else tried[min(number, len(tried) - 1)]
        value = value() if callable(value) else value
        if p.default is p.empty:
            positional.append(value)
        else:
            named[p.name] = value
    return positional, named


def flat(thing):
    """The variables in nested lists and tuples, and in what they stand for."""
    found, stack = [], [thing]
    while stack:
        thing = stack.pop()
        if isinstance(thing, (list, tuple)):
            stack.extend(reversed(thing))
        elif isinstance(thing, Variable):
            found.append(thing)
    return found


def probe(function):
    """(status of the gradient, names of the primitives composed) of the first trial the function takes; None
    if it takes none.
    """
    if inspect.getmodule(function) in SPEAKING:
        return None
    for number in range(len(TRIALS)):
        try:
            positional, named = arguments(function, number)
            results = flat(function(*positional, **named))
        except Exception:  # whatever a function raises for arguments it is not for
            continue
        if not results:
            continue
        given = [v for v in flat([positional, list(named.values())]) if not isinstance(v, Constant)]
        return status(results, given), sorted({node.primitive.name for node in toposort(results, given)})
    return None


def status(results, given):
    """What T.grad says of the derivatives of ``results`` in the floats among ``given``."""
    wrt = [v for v in given if is_float(v.dtype)]
    if not wrt:
        return NONE
    found = set()
    for v in results:
        cost = (v * 1.0).sum()
        found.update(
            map(
                kind,
                grad(
                    cost,
                    wrt,
                    disconnected_inputs="ignore",
                    return_disconnected="Disconnected",
                    null_gradients="return",
                ),
            )
        )
    return next((word for word in (UNDEFINED, YES, ZERO) if word in found), NONE)


def kind(gradient):
    """The status that one gradient speaks for."""
    if isinstance(gradient, Undefined):
        return UNDEFINED
    if isinstance(gradient, Disconnected):
        return NONE
    return ZERO if is_zero(gradient) else YES


def is_zero(gradient):
    """Whether a gradient is a zero of the variable's shape, as T.grad makes it where nothing flows."""
    while gradient.owner is not None and gradient.owner.primitive.name in (
        "broadcast_to",
        "dimshuffle",
        "switch",
    ):
        choice = gradient.owner.primitive.name == "switch"
        if choice and gradient.owner.inputs[1] is not gradient.owner.inputs[2]:
            return False
        gradient = gradient.owner.inputs[1 if choice else 0]
    return isinstance(gradient, Constant) and not gradient.data.any()
