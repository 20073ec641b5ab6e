"""OpFromGraph: a graph with inputs of its own, used like an op; and gradients of one's own for it."""

from tgen.errors import MissingInputError
from tgen.graph.adjoint import adjoint_type
from tgen.graph.grad import Lop
from tgen.graph.nodes import Apply, Constant, Variable, user_line
from tgen.graph.shared import SharedVariable
from tgen.graph.walk import clone, leaves
from tgen.runtime.replace import fitted
from tgen.tensor import as_tensor_variable

from .op import Op
from .record import through_record

DEFAULT = "default"


class OpFromGraph(Op):
    """``OpFromGraph(inputs, outputs)(*arguments)`` is ``outputs`` with the arguments in the place of
    ``inputs``: a copy of the graph.

    inputs, outputs   variables; shared variables inside stay what they are
    grad_overrides    the gradients in the inputs, instead of those of the graph: a function of (inputs,
                      output gradients) that returns a list, an OpFromGraph of these, or a list with an entry
                      for each input: such a function of that gradient alone, a variable's worth of
                      DisconnectedType()() or None where nothing flows, 'default' for the graph's own
    lop_overrides     the same with functions of (inputs, outputs, output gradients)
    connection_pattern   [[bool per output] per input]: where gradients may flow, if they are overridden
    inline, name, and other options that choose how Theano compiles it are accepted: it is always copied in

    TypeError for what is no variable, for arguments of other types, and for ``updates`` and ``givens``;
    MissingInputError when the outputs need more than the inputs.

    >>> import tgen, tgen.tensor as T
    >>> x, y = T.dscalars("xy")
    >>> op = tgen.OpFromGraph([x, y], [x * y], grad_overrides=lambda inputs, gs: [gs[0], gs[0] * 10])
    >>> z = op(x, y + 1)
    >>> tgen.function([x, y], [z, *tgen.grad(z, [x, y])])(2, 3)
    [array(8.), array(1.), array(10.)]
    """

    def __init__(
        self,
        inputs,
        outputs,
        inline=False,
        lop_overrides=DEFAULT,
        grad_overrides=DEFAULT,
        rop_overrides=DEFAULT,
        connection_pattern=None,
        name=None,
        **options,
    ):
        self.inputs, self.outputs, self.name = list(inputs), list(outputs), name
        if "updates" in options or "givens" in options:
            raise TypeError("updates and givens are not allowed in an OpFromGraph: give them to function()")
        wrong = [v for v in (*self.inputs, *self.outputs) if not isinstance(v, Variable)]
        if wrong:
            raise TypeError(f"inputs and outputs of an OpFromGraph must be variables; got {wrong[0]!r:.80}")
        missing = [
            v
            for v in leaves(self.outputs, self.inputs)
            if v not in self.inputs and not isinstance(v, (Constant, SharedVariable))
        ]
        if missing:
            raise MissingInputError(
                f"the outputs of the OpFromGraph need {missing[0]}, which is not among its inputs"
            )
        if not _is_default(lop_overrides) and not _is_default(grad_overrides):
            raise TypeError("give lop_overrides or grad_overrides, not both")
        if not _is_default(rop_overrides):
            raise TypeError(
                "an OpFromGraph has no rop_overrides: Rop is the gradient of the gradient, so "
                "overriding that is enough"
            )
        self.with_outputs = not _is_default(lop_overrides)
        self.overrides = lop_overrides if self.with_outputs else grad_overrides
        self.pattern = connection_pattern

    def __str__(self):
        return f"OpFromGraph{{{self.name or f'{len(self.inputs)} inputs, {len(self.outputs)} outputs'}}}"

    def __call__(self, *arguments, return_list=False):
        arguments = self._fitted(arguments)
        made = clone(self.outputs, dict(zip(self.inputs, arguments)))
        if not _is_default(self.overrides):
            made = Apply(self, [*made, *arguments], [v.type for v in made], where=user_line()).outputs
        return made[0] if len(made) == 1 and not return_list else list(made)

    def _fitted(self, arguments):
        if len(arguments) != len(self.inputs):
            raise ValueError(
                f"{self} takes {len(self.inputs)} inputs ({', '.join(map(str, self.inputs))}); "
                f"got {len(arguments)}"
            )
        fits = []
        for k, (v, given) in enumerate(zip(self.inputs, map(as_tensor_variable, arguments))):
            try:
                fits.append(fitted(v, given))
            except TypeError:
                raise TypeError(
                    f"{self} takes {v.type} as input {k} ({v}); got {given} of {given.type}"
                ) from None
        return fits

    def connection_pattern(self, node):
        """By position of the application's inputs: the graph's outputs, which pass no gradient on, then the
        arguments.
        """
        count = len(self.outputs)
        return [[False] * count] * count + (self.pattern or [[True] * count] * len(self.inputs))

    def L_op(self, inputs, outputs, output_gradients):
        """The overridden gradients of an application, preceded by a None for each of the graph's outputs."""
        count = len(self.outputs)
        arguments = list(inputs[count:])
        seen = (
            (arguments, list(outputs), list(output_gradients))
            if self.with_outputs
            else (arguments, list(output_gradients))
        )
        return [None] * count + self._pulled(seen)

    def _pulled(self, seen):
        overrides = self.overrides
        if isinstance(overrides, OpFromGraph):
            return overrides(*(v for part in seen for v in part), return_list=True)
        if callable(overrides):
            return list(overrides(*seen))
        if len(overrides) != len(self.inputs):
            raise ValueError(f"{self} has {len(self.inputs)} inputs, but overrides for {len(overrides)}")
        return [self._one(k, override, seen) for k, override in enumerate(overrides)]

    def _one(self, k, override, seen):
        if _is_default(override):
            return self._default(k, seen[0], seen[-1])
        if isinstance(override, OpFromGraph):
            return override(*(v for part in seen for v in part))
        return override(*seen) if callable(override) else override

    def _default(self, k, arguments, output_gradients):
        """The graph's own gradient in input ``k``."""
        adjoints = [adjoint_type(v)() for v in self.outputs]
        own = Lop(self.outputs, self.inputs[k], adjoints, disconnected_inputs="ignore")
        return clone([own], dict(zip([*self.inputs, *adjoints], [*arguments, *output_gradients])))[0]

    def _tgen_primitive(self, node):
        return through_record(node, "with_grad", len(self.outputs))


def _is_default(override):
    return override is None or isinstance(override, str) and override == DEFAULT
