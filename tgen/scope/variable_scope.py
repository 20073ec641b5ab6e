"""variable_scope: a prefix for get_variable's names, and defaults and a reuse mode handed down to what is
inside.
"""

import functools
import inspect

import numpy as np

from tgen.config import config

from . import variables
from .keys import GraphKeys, get_collection
from .names import check_name, join, name_scope
from .state import AUTO_REUSE, place, set_root
from .store import VariableAggregation, VariableSynchronization, true_getter

_INHERITED = ("initializer", "regularizer", "caching_device", "partitioner", "dtype", "use_resource")


class VariableScope:
    """The path ``name``, the ``reuse`` mode (False, True or AUTO_REUSE) and the defaults get_variable takes
    here.

    Attributes: name, original_name_scope, reuse, initializer, regularizer, caching_device, partitioner,
    custom_getter, dtype (None: config.floatX at the time of the call), use_resource, constraint; each default
    has a ``set_`` method.
    """

    def __init__(
        self,
        reuse=False,
        name="",
        initializer=None,
        regularizer=None,
        caching_device=None,
        partitioner=None,
        custom_getter=None,
        name_scope="",
        dtype=None,
        use_resource=None,
        constraint=None,
    ):
        self._name, self._reuse, self._name_scope = name, reuse, name_scope
        self.initializer, self.regularizer, self.caching_device, self.partitioner = (
            initializer,
            regularizer,
            caching_device,
            partitioner,
        )
        self.custom_getter, self._dtype, self.use_resource, self.constraint = (
            custom_getter,
            dtype,
            use_resource,
            constraint,
        )

    name = property(lambda self: self._name)
    reuse = property(lambda self: self._reuse)
    original_name_scope = property(lambda self: self._name_scope)
    dtype = property(lambda self: self._dtype or config.floatX)

    def reuse_variables(self):
        """From here on, to the end of this scope and in every scope inside, names are only looked up."""
        self._reuse = True

    def set_initializer(self, initializer):
        self.initializer = initializer

    def set_regularizer(self, regularizer):
        self.regularizer = regularizer

    def set_caching_device(self, caching_device):
        self.caching_device = caching_device

    def set_partitioner(self, partitioner):
        self.partitioner = partitioner

    def set_custom_getter(self, custom_getter):
        self.custom_getter = custom_getter

    def set_dtype(self, dtype):
        self._dtype = dtype

    def set_use_resource(self, use_resource):
        self.use_resource = use_resource

    def get_collection(self, key):
        """What of a collection was made under this scope's path."""
        return get_collection(key, self.name + "/" if self.name else None)

    def trainable_variables(self):
        return self.get_collection(GraphKeys.TRAINABLE_VARIABLES)

    def global_variables(self):
        return self.get_collection(GraphKeys.GLOBAL_VARIABLES)

    def local_variables(self):
        return self.get_collection(GraphKeys.LOCAL_VARIABLES)

    def get_variable(
        self,
        name,
        shape=None,
        dtype=None,
        initializer=None,
        regularizer=None,
        reuse=None,
        trainable=None,
        collections=None,
        caching_device=None,
        partitioner=None,
        validate_shape=True,
        use_resource=None,
        custom_getter=None,
        constraint=None,
        synchronization=VariableSynchronization.AUTO,
        aggregation=VariableAggregation.NONE,
    ):
        """The module's get_variable in this scope, whatever scope is open; ``reuse`` overrides the scope's
        mode.
        """
        check_name(name, nested=bool(self.name))
        _check_initializer_dtype(initializer, dtype)
        initializer = _first(initializer, self.initializer)
        if dtype is None and initializer is not None and not callable(initializer):
            dtype = variables.value_dtype(initializer)
        asked = dict(
            name=join(self.name, name),
            shape=shape,
            dtype=str(np.dtype(dtype or self.dtype)),
            initializer=initializer,
            regularizer=_first(regularizer, self.regularizer),
            reuse=_first(reuse, self.reuse),
            trainable=trainable,
            collections=collections,
            caching_device=_first(caching_device, self.caching_device),
            partitioner=_first(partitioner, self.partitioner),
            validate_shape=validate_shape,
            use_resource=_first(use_resource, self.use_resource),
            synchronization=synchronization,
            aggregation=aggregation,
        )
        constraint = _first(constraint, self.constraint)
        getter = _first(custom_getter, self.custom_getter)
        if getter is None:
            return true_getter(**asked, constraint=constraint)
        if not callable(getter):
            raise ValueError(f"Passed a custom_getter which is not callable: {getter}")
        if _takes(getter, "constraint"):
            asked["constraint"] = constraint
        return getter(true_getter, **asked)

    def __repr__(self):
        return f"<VariableScope {self.name!r} reuse={self.reuse}>"


set_root(VariableScope)


def _first(given, default):
    return default if given is None else given


def _takes(function, parameter):
    """Whether a getter takes a keyword that older getters do not know."""
    parameters = inspect.signature(function).parameters.values()
    return any(p.name == parameter or p.kind is p.VAR_KEYWORD for p in parameters)


def _check_initializer_dtype(initializer, dtype):
    """ValueError when a value and the dtype asked for differ; a Python number has a kind but no width."""
    if dtype is None or initializer is None or callable(initializer):
        return
    has, wants, kind = variables.value_dtype(initializer), np.dtype(dtype), variables.number_kind(initializer)
    matches = (kind == wants.kind or kind == "i" and wants.kind == "u") if kind else np.dtype(has) == wants
    if not matches:
        raise ValueError(f"Initializer type '{has}' and explicit dtype '{wants}' don't match.")


def get_variable(
    name,
    shape=None,
    dtype=None,
    initializer=None,
    regularizer=None,
    trainable=None,
    collections=None,
    caching_device=None,
    partitioner=None,
    validate_shape=True,
    use_resource=None,
    custom_getter=None,
    constraint=None,
    synchronization=VariableSynchronization.AUTO,
    aggregation=VariableAggregation.NONE,
):
    """The variable ``name`` of the open scope: made, or returned where the scope reuses.

    ``shape`` (a list of ints) is static in the variable's type; ``dtype`` defaults to the scope's, then
    config.floatX. ``initializer`` is a callable (shape, dtype), a callable without arguments, or a value,
    which brings its own shape and dtype; by default glorot_uniform for floats and zeros for ints and bools.
    ``regularizer(variable)`` runs once, at creation. ValueError: it exists and the scope does not reuse (the
    message says where it was made); it does not exist and the scope only reuses; shape or dtype differ from
    the existing one's; a value initializer with a shape, or of another dtype; no full shape for an
    initializer that needs one.

    >>> from tgen import scope
    >>> b = scope.get_variable("b", shape=[3], initializer=scope.zeros_initializer())
    >>> b.get_value(), b.name
    (array([0., 0., 0.]), 'b')
    >>> scope.reset()
    """
    return get_variable_scope().get_variable(
        name,
        shape,
        dtype,
        initializer,
        regularizer,
        None,
        trainable,
        collections,
        caching_device,
        partitioner,
        validate_shape,
        use_resource,
        custom_getter,
        constraint,
        synchronization,
        aggregation,
    )


def get_local_variable(
    name,
    shape=None,
    dtype=None,
    initializer=None,
    regularizer=None,
    trainable=False,
    collections=None,
    **more,
):
    """get_variable for what is neither trained nor saved: filed under LOCAL_VARIABLES, never trainable."""
    keys = [*(collections or ()), GraphKeys.LOCAL_VARIABLES]
    return get_variable(name, shape, dtype, initializer, regularizer, False, keys, **more)


def get_variable_scope():
    """The open VariableScope of this thread; the root scope (name "", reuse False) outside any."""
    return place().scope


def _nested_getter(inner, outer):
    """The inner getter is called first; what it calls is the outer one, which calls the true getter."""
    if outer is None:
        return inner

    def getter(true, *args, **kwargs):
        return inner(functools.partial(outer, true), *args, **kwargs)

    return getter


def _unique_default(name):
    """``name`` or name_1, name_2 ... : the first not opened since the parent scope was entered."""
    here = place()
    full = join(here.scope.name, name)
    if not here.counts.get(full):
        return name
    count = 1
    while here.counts.get(f"{full}_{count}"):
        count += 1
    return f"{name}_{count}"


class variable_scope:
    """``with variable_scope("layer") as vs``: names inside begin with ``layer/``; a VariableScope object
    instead of a string goes back to exactly that path with a copy of its defaults.

    ``reuse``: True (look up only, handed down and not to be turned off), AUTO_REUSE, False or None (inherit).
    ``default_name`` is used, made unique, when ``name_or_scope`` is None. The other arguments are defaults
    for get_variable inside; ``constraint`` is not handed down to inner scopes. ``auxiliary_name_scope=False``
    opens no name scope. TypeError: neither name, or one that is no string and no VariableScope. ValueError:
    another reuse; reuse with default_name alone. RuntimeError on leaving scopes in the wrong order.

    >>> with variable_scope("a"), variable_scope("b", reuse=AUTO_REUSE) as vs:
    ...     print(vs.name, vs.reuse)
    a/b scope.AUTO_REUSE
    """

    def __init__(
        self,
        name_or_scope,
        default_name=None,
        values=None,
        initializer=None,
        regularizer=None,
        caching_device=None,
        partitioner=None,
        custom_getter=None,
        reuse=None,
        dtype=None,
        use_resource=None,
        constraint=None,
        auxiliary_name_scope=True,
    ):
        if name_or_scope is None and default_name is None:
            raise TypeError("If default_name is None then name_or_scope is required")
        if not (reuse is None or reuse is True or reuse is False or reuse is AUTO_REUSE):
            raise ValueError(
                f"The reuse parameter must be True or False or None. (or scope.AUTO_REUSE; got: {reuse!r})"
            )
        if not isinstance(auxiliary_name_scope, bool):
            raise TypeError(
                f"The auxiliary_name_scope must be `True` or `False`, while get {auxiliary_name_scope}"
            )
        if name_or_scope is not None and not isinstance(name_or_scope, (str, VariableScope)):
            raise TypeError("VariableScope: name_or_scope must be a string or VariableScope.")
        if name_or_scope is None and reuse:
            raise ValueError("reuse=True cannot be used without a name_or_scope")
        self._target, self._default_name, self._auxiliary = name_or_scope, default_name, auxiliary_name_scope
        self._reuse, self._custom_getter, self._constraint = reuse or None, custom_getter, constraint
        self._given = {
            "initializer": initializer,
            "regularizer": regularizer,
            "caching_device": caching_device,
            "partitioner": partitioner,
            "dtype": dtype,
            "use_resource": use_resource,
        }
        # (outer scope, scope, name scope or None, counts to restore or None), one per open entry
        self._entered = []

    def __enter__(self):
        here, target = place(), self._target
        outer, jump = here.scope, isinstance(target, VariableScope)
        names = self._open_name_scope()
        if jump:
            base, path, saved = target, target.name, dict(here.counts)
        else:
            base, saved = outer, None
            path = join(outer.name, _unique_default(self._default_name) if target is None else target)
        original = target.original_name_scope if jump else here.path and here.path + "/"
        scope = self._derived(base, path, original)
        here.counts[path] = here.counts.get(path, 0) + 1
        here.scope = scope
        self._entered.append((outer, scope, names, saved))
        return scope

    def _open_name_scope(self):
        """Enter the name scope that goes with this variable scope; None when there is none (the root, or not
        wanted).
        """
        target = self._target
        if not self._auxiliary:
            return None
        word = (
            self._default_name
            if target is None
            else target
            if isinstance(target, str)
            else target.name.rsplit("/", 1)[-1]
        )
        if not word:
            return None
        names = name_scope(word)
        names.__enter__()
        return names

    def _derived(self, base, path, original):
        """The scope inside: the defaults of ``base`` with what this one gives laid over them."""
        kept = {key: getattr(base, "_dtype" if key == "dtype" else key) for key in _INHERITED}
        kept.update((key, value) for key, value in self._given.items() if value is not None)
        getter = base.custom_getter
        if self._custom_getter is not None:
            getter = _nested_getter(self._custom_getter, getter)
        return VariableScope(
            self._reuse or base.reuse,
            path,
            custom_getter=getter,
            name_scope=original,
            constraint=self._constraint,
            **kept,
        )

    def __exit__(self, kind, error, trace):
        here = place()
        outer, scope, names, saved = self._entered.pop()
        if here.scope is not scope:
            self._entered.append((outer, scope, names, saved))
            raise RuntimeError("Improper nesting of variable_scope.")
        if saved is not None:
            here.counts = saved
        else:  # what was opened inside is forgotten, so default names begin anew the next time
            for path in [p for p in here.counts if p.startswith(scope.name + "/")]:
                del here.counts[path]
        here.scope = outer
        if names is not None:
            names.__exit__(kind, error, trace)
