"""What the programs share: sets in shared memory, first weights, two ways to descend, the loop over epochs
with early stopping.
"""

import numpy as np

import tgen
import tgen.tensor as T


def held(sets, dtype=None):
    """name -> (images, labels) of ``sets`` as shared variables: a step reads its batch from there by
    ``givens``.

    The images become ``dtype``, by default config.floatX; labels stay ints.
    """
    dtype = dtype or tgen.config.floatX
    return {
        name: (
            tgen.shared(images.astype(dtype, copy=False), f"{name}_x", borrow=True),
            tgen.shared(labels, f"{name}_y", borrow=True),
        )
        for name, (images, labels) in sets.items()
    }


def zeros(shape, name):
    """A shared variable of zeros of dtype config.floatX: first biases, and what an optimizer remembers."""
    return tgen.shared(np.zeros(shape, tgen.config.floatX), name)


def uniform(rng, shape, bound, name):
    """A shared variable of dtype config.floatX, uniform between -bound and bound, from a
    NumPy RandomState.
    """
    return tgen.shared(rng.uniform(-bound, bound, shape).astype(tgen.config.floatX), name)


def glorot(rng, fan_in, fan_out, name, shape=None):
    """First weights by Glorot and Bengio, of shape (fan_in, fan_out) unless said otherwise.

    >>> w = glorot(np.random.RandomState(0), 64, 10, "w")
    >>> w.name, w.get_value().shape
    ('w', (64, 10))
    """
    return uniform(rng, shape or (fan_in, fan_out), np.sqrt(6 / (fan_in + fan_out)), name)


def momentum(cost, parameters, rate, kept=0.9):
    """Updates of gradient descent with momentum: a step goes ``kept`` of the last step further.

    >>> w = tgen.shared(1.0, "w")
    >>> step = tgen.function([], updates=momentum(w ** 2, [w], rate=0.25, kept=0.5))
    >>> for _ in range(2): _ = step(); print(w.get_value())
    0.5
    0.0
    """
    updates = []
    for p, gradient in zip(parameters, T.grad(cost, parameters)):
        speed = zeros(p.get_value(borrow=True).shape, f"{p.name}_speed")
        change = kept * speed - rate * gradient
        updates += [(speed, change), (p, p + change)]
    return updates


def adam(cost, parameters, rate=1e-3, decay=(0.9, 0.999), small=1e-8, clip=None):
    """Updates of Adam (Kingma and Ba): steps of ``rate`` times the mean of the gradient over the root of the
    mean of its square.

    ``clip``: gradients longer than this, all parameters taken together, are shortened to it.

    >>> w = tgen.shared(1.0, "w")
    >>> step = tgen.function([], updates=adam(w ** 2, [w], rate=0.25))
    >>> for _ in range(2): _ = step(); print(w.get_value().round(3))
    0.75
    0.504
    """
    gradients = T.grad(cost, parameters)
    if clip is not None:
        length = T.sqrt(sum(T.sum(g**2) for g in gradients))
        gradients = [g * T.minimum(1, clip / (length + small)) for g in gradients]
    steps = zeros((), "steps")
    now = steps + 1
    updates = [(steps, now)]
    for p, g in zip(parameters, gradients):
        mean, square = (
            zeros(p.get_value(borrow=True).shape, f"{p.name}_{what}") for what in ("mean", "square")
        )
        new_mean, new_square = decay[0] * mean + (1 - decay[0]) * g, decay[1] * square + (1 - decay[1]) * g**2
        change = new_mean / (1 - decay[0] ** now) / (T.sqrt(new_square / (1 - decay[1] ** now)) + small)
        updates += [(mean, new_mean), (square, new_square), (p, p - rate * change)]
    return updates


class EarlyStopping:
    """Remembers the parameters of the epoch with the lowest validation cost.

    >>> w = tgen.shared(0.0, "w")
    >>> stopping = EarlyStopping([w], patience=2)
    >>> for epoch, cost in enumerate([3.0, 1.0, 2.0, 2.0]):
    ...     w.set_value(10.0 * epoch)
    ...     if stopping.over(epoch, cost): break
    >>> stopping.restore()
    >>> epoch, stopping.best, w.get_value()
    (3, 1, array(10.))
    """

    def __init__(self, parameters, patience):
        self.parameters, self.patience, self.lowest, self.best, self.kept = (
            parameters,
            patience,
            np.inf,
            0,
            None,
        )

    def over(self, epoch, cost):
        """Note the cost of an epoch; whether ``patience`` epochs have passed since the best one."""
        if self.kept is None or cost < self.lowest:
            self.lowest, self.best, self.kept = cost, epoch, [p.get_value() for p in self.parameters]
            return False
        return epoch - self.best >= self.patience

    def restore(self):
        """Put the best epoch's parameters back."""
        for p, value in zip(self.parameters, self.kept):
            p.set_value(value)


def fit(train, valid, parameters, batches, epochs, patience=None, every=5):
    """Call ``train(i)`` for i below ``batches``, epoch after epoch, and keep the parameters with the lowest
    ``valid()``.

    ``train(i)`` and ``valid()`` return scalars. Ends after ``epochs`` epochs, or when ``patience`` of them
    brought nothing better; prints a line every ``every`` epochs. Returns the lowest validation value.
    """
    stopping = EarlyStopping(parameters, epochs if patience is None else patience)
    for epoch in range(epochs):
        cost = np.mean([train(i) for i in range(batches)])
        found = float(valid())
        if epoch % every == 0:
            print(f"epoch {epoch + 1:3}: training cost {cost:.4f}, validation {found:.4f}")
        if stopping.over(epoch, found):
            break
    stopping.restore()
    return stopping.lowest
