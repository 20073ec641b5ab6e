"""Variable scopes: one definition of a network used twice, with parameters shared or apart, as the scope
says.
"""

import numpy as np

import tgen
import tgen.tensor as T
from tgen import scope


def layer(x, width):
    """tanh(x w + b); which w and b is decided by the open scope."""
    w = scope.get_variable("w", shape=[width, 2], initializer=scope.random_normal_initializer(seed=3))
    b = scope.get_variable("b", shape=[2], initializer=scope.zeros_initializer())
    return T.tanh(T.dot(x, w) + b)


def main():
    """Two towers over the same parameters; a third with its own; what happens when neither is said.

    >>> main()
    shared/w, shared/b, apart/w, apart/b towers agree: True refused: Variable shared/w already exists,
    disallowed. Did you mean to set reuse=True or reuse=scope.AUTO_REUSE in VarScope?
    """
    scope.reset()
    train, valid = T.dmatrix("train"), T.dmatrix("valid")
    with scope.variable_scope("shared") as both:
        first = layer(train, 3)
        both.reuse_variables()
        second = layer(valid, 3)
    with scope.variable_scope("apart"):
        layer(train, 3)
    print(", ".join(v.name for v in scope.trainable_variables()))

    x = np.random.RandomState(0).randn(5, 3)
    print(
        "towers agree:", np.array_equal(tgen.function([train], first)(x), tgen.function([valid], second)(x))
    )
    with scope.variable_scope("shared"):
        try:
            layer(train, 3)
        except ValueError as error:
            print("refused:", str(error).split(" Originally")[0])
    scope.reset()


if __name__ == "__main__":
    main()
