"""Op: the class users derive their own from, with Theano's methods."""

from tgen.config import config
from tgen.graph import testvalue
from tgen.graph.nodes import Apply, user_line
from tgen.tensor import as_tensor_variable

from .record import python_record, with_sizes


class Op:
    """An operation written in Python. A subclass defines what it needs of:

    make_node(*inputs)                        Apply(self, [variables], [output variables]); or class
                                              attributes ``itypes`` and ``otypes``
    perform(node, inputs, output_storage)     compute: ``output_storage[k][0] = array`` for each output, of
                                              exactly the declared type. The inputs are copies, so they may be
                                              kept or written to
    grad(inputs, output_gradients)            a list: a variable, DisconnectedType()() or grad_undefined(...)
                                              for each input
    L_op(inputs, outputs, output_gradients)   the same with the outputs at hand; grad is looked at when there
                                              is none
    infer_shape(node, input_shapes)           the sizes of each output as a tuple of expressions; without it
                                              they are known once perform has run
    connection_pattern(node)                  [[bool per output] per input]: where gradients may flow
    __props__                                 names of attributes: ops of one class with equal ones are equal
    default_output                            the index of the one output that calling the op returns

    ``op(*inputs)`` returns its output, or a list of several. In a compiled function the body runs in the
    calling thread with the interpreter's lock; what it raises ends the call and is raised again, and nothing
    is updated.

    >>> import numpy as np, tgen, tgen.tensor as T
    >>> class Flip(tgen.Op):
    ...     __props__ = ("axis",)
    ...     def __init__(self, axis):
    ...         self.axis = axis
    ...     def make_node(self, x):
    ...         x = T.as_tensor_variable(x)
    ...         return tgen.Apply(self, [x], [x.type()])
    ...     def perform(self, node, inputs, output_storage):
    ...         output_storage[0][0] = np.flip(inputs[0], self.axis)
    ...     def grad(self, inputs, output_gradients):
    ...         return [self(output_gradients[0])]
    >>> x = T.dvector("x")
    >>> y = Flip(0)(x)
    >>> y.owner.op, Flip(0) == Flip(0)
    (Flip{axis=0}, True)
    >>> tgen.function([x], [y, tgen.grad((y * [1, 2, 3]).sum(), x)])([10, 20, 30])
    [array([30., 20., 10.]), array([3., 2., 1.])]
    """

    itypes = otypes = default_output = None

    def make_node(self, *inputs):
        """The application to ``inputs``, converted to variables, by ``itypes`` and ``otypes``. TypeError when
        they do not fit.
        """
        if self.itypes is None or self.otypes is None:
            raise TypeError(f"{self} has neither make_node nor itypes and otypes")
        if len(inputs) != len(self.itypes):
            raise ValueError(
                f"{self} takes {len(self.itypes)} inputs ({', '.join(map(str, self.itypes))}); "
                f"got {len(inputs)}"
            )
        inputs = [as_tensor_variable(v) for v in inputs]
        wrong = [k for k, (v, type) in enumerate(zip(inputs, self.itypes)) if not _fits(v.type, type)]
        if wrong:
            k = wrong[0]
            raise TypeError(
                f"{self} takes {self.itypes[k]} as input {k}; got {inputs[k]} of {inputs[k].type}"
            )
        return Apply(self, inputs, [type() for type in self.otypes])

    def __call__(self, *inputs, return_list=False, **options):
        where = user_line()
        node = self.make_node(*inputs, **options)
        if node.op is self:
            node.where = where or node.where
            with_sizes(node)
            if config.compute_test_value != "off":
                testvalue.compute(node)
        if self.default_output is not None and not return_list:
            return node.outputs[self.default_output]
        return node.outputs[0] if len(node.outputs) == 1 and not return_list else list(node.outputs)

    def L_op(self, inputs, outputs, output_gradients):
        """The gradients of the inputs; by ``grad`` unless overridden."""
        return self.grad(inputs, output_gradients)

    def _props(self):
        """The values of what ``__props__`` names, a tuple; programs ask for this method by name."""
        return tuple(getattr(self, name) for name in self.__props__)

    def _props_dict(self):
        return dict(zip(self.__props__, self._props()))

    def __eq__(self, other):
        if getattr(self, "__props__", None) is None:
            return self is other
        return type(self) is type(other) and self._props() == other._props()

    def __hash__(self):
        if getattr(self, "__props__", None) is None:
            return object.__hash__(self)
        return hash((type(self), self._props()))

    def __str__(self):
        names = getattr(self, "__props__", None) or ()
        return type(self).__name__ + (
            f"{{{', '.join(f'{n}={getattr(self, n, None)!s}' for n in names)}}}" if names else ""
        )

    def __repr__(self):
        return str(self)

    def _tgen_pulls(self):
        """Whether a subclass has its own L_op."""
        return type(self).L_op is not Op.L_op

    def _tgen_primitive(self, node):
        return python_record(node)


def _fits(given, wanted):
    """Whether a variable of type ``given`` may stand where ``wanted`` is declared: it may know more sizes."""
    return (
        given.dtype == wanted.dtype
        and given.ndim == wanted.ndim
        and all(w in (None, g) for w, g in zip(wanted.shape, given.shape))
    )
