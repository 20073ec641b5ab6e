"""A model with compiled functions goes to disk and comes back; training goes on where it stopped."""
from __future__ import print_function

import copy
import os
import pickle
import sys
import tempfile

import numpy
import theano
import theano.misc.pkl_utils
from theano import tensor
from theano.compile.sharedvalue import SharedVariable


class Regressor(object):
    """A line through points. Holds shared variables and the functions over them."""

    def __init__(self, n_in):
        self.w = theano.shared(numpy.zeros(n_in), name='w')
        self.steps = theano.shared(0, name='steps')
        x, y = tensor.dmatrix('x'), tensor.dvector('y')
        self.cost = tensor.mean((tensor.dot(x, self.w) - y) ** 2)
        self.train = theano.function([x, y], self.cost, updates=[(self.w, self.w - 0.1 * theano.grad(self.cost, self.w)), (self.steps, self.steps + 1)])

    def parameters(self):
        return [v for v in vars(self).values() if isinstance(v, SharedVariable)]


class Light(Regressor):
    """The same without its functions in the pickle: they are built again."""

    def __getstate__(self):
        return [p.get_value() for p in self.parameters()]

    def __setstate__(self, values):
        self.__init__(len(values[0]))
        for p, value in zip(self.parameters(), values):
            p.set_value(value)


rng = numpy.random.RandomState(0)
x = rng.normal(size=(50, 3))
y = x.dot([1., -2., 0.5])
where = tempfile.mkdtemp()
for kind in (Regressor, Light):
    model = kind(3)
    for _ in range(10):
        model.train(x, y)
    path = os.path.join(where, kind.__name__ + '.pkl')
    with open(path, 'wb') as f:
        pickle.dump(model, f, protocol=pickle.HIGHEST_PROTOCOL)
    with open(path, 'rb') as f:
        loaded = pickle.load(f)
    twin = copy.deepcopy(model)
    apart = [float(model.train(x, y)), float(loaded.train(x, y)), float(twin.train(x, y))]
    print('%s: step %d, cost %.6f %.6f %.6f' % (kind.__name__, loaded.steps.get_value(), apart[0], apart[1], apart[2]))
    model.w.set_value(numpy.zeros(3))
    print('their own memory:', abs(loaded.w.get_value()).max() > 0.5, abs(twin.w.get_value()).max() > 0.5)
    os.remove(path)

path = os.path.join(where, 'model.zip')
with open(path, 'wb') as f:
    theano.misc.pkl_utils.dump((twin.w, twin.steps, 'notes'), f)
print('in the archive:', sorted(numpy.load(path).keys()))
with open(path, 'rb') as f:
    w, steps, notes = theano.misc.pkl_utils.load(f)
print('loaded:', w.name, numpy.allclose(w.get_value(), twin.w.get_value()), steps.get_value() == 11, notes)
os.remove(path)
os.rmdir(where)
if '--weights' in sys.argv:
    print('weights', ' '.join('%.6f' % v for v in twin.w.get_value()))
