"""Train, stop early, test, save, draw: the main job."""

import argparse
import statistics
import sys
import time

import numpy as np

from tgen import scope
from tgen.examples.training import EarlyStopping

from . import data, model, report

EPOCHS, HIDDEN, BATCH, RATE, DECAY, PATIENCE = 200, 128, 20, 0.3, 3e-4, 12


def fit(net, epochs, patience, progress):
    """Train until the validation cost has not fallen for ``patience`` epochs; the best epoch's weights are
    put back.

    Returns [(training cost, validation cost, validation errors, seconds)] per epoch and the best epoch's
    index.
    """
    history, stopping = [], EarlyStopping(net.parameters, patience)
    for epoch in range(epochs):
        start = time.perf_counter()
        costs = []
        for i in range(net.batches):
            costs.append(float(net.train(i)))
            progress.step(epoch + 1, i + 1, net.batches)
        seconds = time.perf_counter() - start
        cost, errors = map(float, net.valid())
        history.append((statistics.fmean(costs), cost, errors, seconds))
        progress.done(epoch + 1, seconds, *history[-1][:3])
        if stopping.over(epoch, cost):
            break
    progress.end()
    stopping.restore()
    return history, stopping.best


def arguments(argv, prog):
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Train a tanh network on 1,797 handwritten "
        "digits (UCI) and report its accuracy on digits "
        "it has not seen.",
    )
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="at most this many (default %(default)s)")
    parser.add_argument("--hidden", type=int, default=HIDDEN, help="hidden units (default %(default)s)")
    parser.add_argument("--batch", type=int, default=BATCH, help="images a step (default %(default)s)")
    parser.add_argument(
        "--patience",
        type=int,
        default=PATIENCE,
        help="epochs without improvement before it stops (default %(default)s)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of the split and the first weights (default %(default)s)"
    )
    parser.add_argument("--save", metavar="FILE.npz", help="write the trained weights here")
    parser.add_argument(
        "--plot", metavar="FILE", help="draw the training and validation curve here (needs the plot extra)"
    )
    chosen = parser.parse_args(argv)
    if min(chosen.epochs, chosen.hidden, chosen.batch) < 1 or chosen.batch > 5 * data.TRAIN:
        parser.error(f"--epochs, --hidden and --batch must be at least 1, --batch at most {5 * data.TRAIN}")
    return chosen


def main(argv=None, prog="python -m tgen.examples.digits"):
    """Run the demo on command line arguments; the exit status: 0, or 2 when --plot finds no matplotlib."""
    chosen = arguments(argv, prog)
    try:
        plt = report.plotter() if chosen.plot else None
    except report.PlotUnavailable as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return 2
    sets = data.sets(chosen.seed)
    print(
        "UCI optical digits: "
        + ", ".join(f"{len(labels)} {name}" for name, (_, labels) in sets.items())
        + " images (training "
        "images "
        "also moved four "
        "ways)"
    )
    scope.reset()
    scope.set_random_seed(chosen.seed)
    start = time.perf_counter()
    net = model.build(sets, chosen.hidden, chosen.batch, RATE, DECAY)
    print(
        f"3 functions ready after {time.perf_counter() - start:.2f} s, "
        f"{sum(p.get_value().size for p in net.parameters):,} weights"
    )
    history, best = fit(net, chosen.epochs, chosen.patience, report.Progress(chosen.epochs))
    stopped = "stopped early" if len(history) < chosen.epochs else "ran to the end"
    print(
        f"{stopped} after {len(history)} epochs; weights of epoch {best + 1} kept; "
        f"{statistics.median(h[3] for h in history) * 1e3:.1f} ms an epoch"
    )
    print(
        f"test accuracy {1 - float(net.test()):.2%} on {len(sets['test'][1])} digits never seen in training"
    )
    if chosen.save:
        np.savez(chosen.save, **{p.name.removeprefix("mlp/"): p.get_value() for p in net.parameters})
        print(f"weights written to {chosen.save}")
    if plt is not None:
        report.draw(plt, history, best, chosen.plot)
        print(f"curve drawn to {chosen.plot}")
    return 0
