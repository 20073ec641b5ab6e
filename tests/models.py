"""Objects of a user's as they go into pickles: shared variables, expressions, functions, random streams in
the attributes of a class.
"""

import numpy as np
from tgen.sandbox.rng_mrg import MRG_RandomStreams

import tgen
import tgen.tensor as T
from tgen.random import RandomStreams, philox

STREAMS = {"RandomState": RandomStreams, "MRG": MRG_RandomStreams, "philox": philox}


class Layer:
    """Weights and the expression over them; ``noise`` is a sample of the model's stream."""

    def __init__(self, x, n_in, n_out, srng):
        rng = np.random.RandomState(n_in)
        self.W, self.b = (
            tgen.shared(rng.uniform(-0.5, 0.5, (n_in, n_out)), "W"),
            tgen.shared(np.zeros(n_out), "b"),
        )
        self.params = [self.W, self.b]
        self.noise = srng.uniform((n_out,), low=0.9, high=1.1)
        self.output = T.tanh(T.dot(x, self.W) + self.b) * self.noise
        self.output.layer = self


class Model:
    """A network with its cost, gradients, updates, and functions that share the weights."""

    def __init__(self, stream="MRG"):
        self.srng = STREAMS[stream](42)
        self.x, self.y = T.dmatrix("x"), T.ivector("y")
        self.x.tag.test_value = np.ones((2, 3))
        self.x.comes_from = "a file"
        self.hidden = Layer(self.x, 3, 5, self.srng)
        self.top = Layer(self.hidden.output, 5, 2, self.srng)
        self.params = self.hidden.params + self.top.params
        self.cost = -T.log(T.nnet.softmax(self.top.output))[T.arange(self.y.shape[0]), self.y].mean()
        self.cost.name = "cost"
        self.steps = tgen.shared(0, "steps")
        self.steps.default_update = self.steps + 1
        self.updates = tgen.OrderedUpdates(
            (p, p - 0.5 * g) for p, g in zip(self.params, T.grad(self.cost, self.params))
        )
        self.train = tgen.function(
            [self.x, self.y], [self.cost, self.steps], updates=self.updates, name="train"
        )
        self.predict = tgen.function([self.x], self.top.output.argmax(axis=1), no_default_updates=True)
        self.draw = tgen.function([], [self.hidden.noise, self.top.noise])
        sums, _ = tgen.scan(
            lambda row, total: total + row * self.hidden.b.sum(), sequences=self.x, outputs_info=T.zeros((3,))
        )
        self.last = sums[-1]
        self.along = tgen.function([self.x], self.last)

    def state(self):
        return [p.get_value() for p in self.params] + [self.steps.get_value()]


X = np.random.RandomState(0).normal(size=(6, 3))
Y = np.array([0, 1, 1, 0, 1, 0], "int32")
