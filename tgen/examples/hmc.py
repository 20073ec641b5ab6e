"""Hamiltonian Monte Carlo (HMC): samples of a distribution known by its energy alone, here a normal one, so
that they can be checked.
"""

import numpy as np

import tgen
import tgen.tensor as T
from tgen.random import MRG_RandomStreams

DIMENSIONS, CHAINS, LEAPFROG_STEPS, BURN_IN, SAMPLES = 5, 100, 10, 300, 500
FIRST_STEP, TARGET, ADAPT = 0.01, 0.8, 0.1


def kinetic(velocity):
    return 0.5 * T.sum(velocity**2, axis=1)


def leapfrog(energy, position, velocity, step, n_steps):
    """(position, velocity) after ``n_steps`` steps of length ``step`` of Hamilton's equations."""

    def force(position):
        return -T.grad(T.sum(energy(position)), position)

    def move(position, velocity, step):
        position = position + step * velocity
        return position, velocity + step * force(position)

    velocity = velocity + 0.5 * step * force(position)
    (positions, velocities), _ = tgen.scan(
        move, outputs_info=[position, velocity], non_sequences=step, n_steps=n_steps
    )
    position = positions[-1]
    # the last of the moves went half a step too far
    return position, velocities[-1] - 0.5 * step * force(position)


class Sampler:
    """Chains in the rows of ``position``. ``simulate()`` moves each to a new place, or leaves it there; it
    returns where they are and the part of them that moved. ``adapt()`` does so, too, and makes the steps
    longer or shorter, towards TARGET moves of all.

    ``energy``: a function from positions (matrix) to -log of the density of each row (vector), up to a
    constant.
    """

    def __init__(self, energy, start, seed):
        streams = MRG_RandomStreams(seed)
        self.position = tgen.shared(start, "position")
        self.step = tgen.shared(np.asarray(FIRST_STEP, start.dtype), "step")
        velocity = streams.normal(start.shape, dtype=start.dtype)
        position, last = leapfrog(energy, self.position, velocity, self.step, LEAPFROG_STEPS)
        gain = energy(self.position) + kinetic(velocity) - energy(position) - kinetic(last)
        accept = T.log(streams.uniform((start.shape[0],), dtype=start.dtype)) < gain
        moved = T.switch(accept.dimshuffle(0, "x"), position, self.position)
        part = T.cast(T.mean(accept), start.dtype)
        self.simulate = tgen.function([], [moved, part], updates=[(self.position, moved)], name="simulate")
        longer = self.step * T.exp(ADAPT * (part - TARGET))
        self.adapt = tgen.function(
            [], [moved, part], updates=[(self.position, moved), (self.step, longer)], name="adapt"
        )


def gaussian(rng, n):
    """(mean, covariance, its energy): float64[n], float64[n, n], a function for ``Sampler``."""
    mean, root = rng.uniform(-3, 3, n), rng.uniform(-1, 1, (n, n))
    covariance = root @ root.T + 0.1 * np.eye(n)
    precision = np.linalg.inv(covariance)

    def energy(x):
        away = x - mean.astype(x.dtype)
        return 0.5 * T.sum(T.dot(away, precision.astype(x.dtype)) * away, axis=1)

    return mean, covariance, energy


def main(seed=0):
    """Sample, and return the largest errors of the samples' mean and covariance, and the part of the
    proposals that was accepted.
    """
    rng = np.random.RandomState(seed)
    mean, covariance, energy = gaussian(rng, DIMENSIONS)
    sampler = Sampler(energy, rng.randn(CHAINS, DIMENSIONS).astype(tgen.config.floatX), seed + 1)
    for _ in range(BURN_IN):
        sampler.adapt()
    places, parts = zip(*(sampler.simulate() for _ in range(SAMPLES)))
    samples, accepted = np.concatenate(places), float(np.mean(parts))
    mean_error, covariance_error = (
        float(abs(samples.mean(axis=0) - mean).max()),
        float(abs(np.cov(samples.T) - covariance).max()),
    )
    print(
        f"{len(samples)} samples, steps of {sampler.step.get_value():.3f}, {accepted:.1%} accepted; "
        f"variances {covariance.diagonal().min():.2f} to {covariance.diagonal().max():.2f}"
    )
    print(f"largest error of the mean {mean_error:.3f}, of the covariance {covariance_error:.3f}")
    return mean_error, covariance_error, accepted


if __name__ == "__main__":
    main()
