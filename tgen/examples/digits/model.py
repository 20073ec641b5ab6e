"""The network, its cost and the compiled functions of the digits demo."""

from dataclasses import dataclass

import tgen
import tgen.tensor as T
from tgen import scope
from tgen.examples.training import held


def network(x, hidden):
    """The scores of the ten digits for images x: float32[n, 64] -> float32[n, 10]. The open scope owns the
    weights.
    """
    w1 = scope.get_variable("w1", shape=[64, hidden])
    b1 = scope.get_variable(
        "b1", shape=[hidden], initializer=scope.zeros_initializer(), regularizer=scope.no_regularizer
    )
    w2 = scope.get_variable("w2", shape=[hidden, 10])
    b2 = scope.get_variable(
        "b2", shape=[10], initializer=scope.zeros_initializer(), regularizer=scope.no_regularizer
    )
    return T.dot(T.tanh(T.dot(x, w1) + b1), w2) + b2


def cross_entropy(scores, y):
    return T.nnet.categorical_crossentropy(T.nnet.softmax(scores), y).mean()


def error_rate(scores, y):
    return T.neq(T.argmax(scores, axis=1), y).mean()


@dataclass
class Model:
    """``train(i)``: one step on batch i, the cost before it. ``valid()``: (cost, errors).
    ``test()``: errors.
    """

    train: object
    valid: object
    test: object
    parameters: list
    batches: int


def build(data, hidden, batch, rate, decay):
    """A Model over ``data`` (name -> (images, labels)). All sets stay in shared memory; a step reads its
    batch by ``givens``.
    """
    memory = held(data, "float32")
    x, y, index = T.fmatrix("x"), T.ivector("y"), T.lscalar("index")
    with scope.variable_scope("mlp", dtype="float32", regularizer=scope.l2_regularizer(decay)) as mlp:
        scores = network(x, hidden)
        # the towers below use the same weights: nothing is made, a wrong name is an error
        mlp.reuse_variables()
        valid_scores, test_scores = (network(memory[name][0], hidden) for name in ("valid", "test"))
    parameters = scope.trainable_variables("mlp/")
    cost = cross_entropy(scores, y)
    gradients = T.grad(cost + scope.get_regularization_loss("mlp/"), parameters)
    part = slice(index * batch, (index + 1) * batch)
    train = tgen.function(
        [index],
        cost,
        updates=[(p, p - rate * g) for p, g in zip(parameters, gradients)],
        givens={x: memory["train"][0][part], y: memory["train"][1][part]},
        name="train",
    )
    valid = tgen.function(
        [],
        [cross_entropy(valid_scores, memory["valid"][1]), error_rate(valid_scores, memory["valid"][1])],
        name="valid",
    )
    test = tgen.function([], error_rate(test_scores, memory["test"][1]), name="test")
    return Model(train, valid, test, parameters, len(data["train"][1]) // batch)
