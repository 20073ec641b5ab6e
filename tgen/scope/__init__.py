"""TensorFlow 1's variable scopes over tgen's shared variables: who shares a parameter is said by name.

``get_variable`` makes a variable, or returns the one of that name where the scope says reuse;
``variable_scope`` gives names a prefix and defaults; ``Variable`` always makes a new one. What comes back is
an ordinary shared variable.

>>> import tgen
>>> from tgen import scope
>>> with scope.variable_scope("layer") as layer:
...     w = scope.get_variable("w", shape=[2, 3])
...     layer.reuse_variables()
...     same = scope.get_variable("w", shape=[2, 3])
>>> w is same, w.name, w.get_value().shape
(True, 'layer/w', (2, 3))
>>> scope.reset()
"""

from .initializers import (
    constant_initializer,
    glorot_normal_initializer,
    glorot_uniform_initializer,
    identity_initializer,
    ones_initializer,
    orthogonal_initializer,
    random_normal_initializer,
    random_uniform_initializer,
    truncated_normal_initializer,
    variance_scaling_initializer,
    zeros_initializer,
)
from .keys import (
    GraphKeys,
    add_to_collection,
    add_to_collections,
    get_all_collection_keys,
    get_collection,
    get_collection_ref,
    get_regularization_loss,
    get_regularization_losses,
    global_variables,
    local_variables,
    model_variables,
    trainable_variables,
)
from .names import get_name_scope, name_scope
from .partition import (
    PartitionedVariable,
    PartitionInfo,
    fixed_size_partitioner,
    min_max_variable_partitioner,
    variable_axis_size_partitioner,
)
from .regularizers import l1_l2_regularizer, l1_regularizer, l2_regularizer, no_regularizer, sum_regularizer
from .state import AUTO_REUSE, ReuseMode, reset, set_random_seed
from .store import VariableAggregation, VariableSynchronization
from .variable_scope import (
    VariableScope,
    get_local_variable,
    get_variable,
    get_variable_scope,
    variable_scope,
)
from .variables import Variable

__all__ = [
    name
    for name in dir()
    if not name.startswith("_")
    and name
    not in ("initializers", "keys", "names", "partition", "regularizers", "state", "store", "variables")
]
