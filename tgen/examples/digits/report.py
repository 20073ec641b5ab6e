"""What the demo shows: a progress bar on a terminal, a line now and then in a pipe, the curve as
a picture.
"""

import sys

BAR = 24
QUIET_EVERY = 10  # epochs between lines when the output is no terminal


class Progress:
    """One line that is rewritten while an epoch runs; ``done`` says how it went."""

    def __init__(self, epochs, stream=None):
        self.epochs, self.stream = epochs, stream or sys.stdout
        self.live = self.stream.isatty()

    def step(self, epoch, batch, batches):
        if not self.live or batch % max(1, batches // BAR):
            return
        filled = BAR * batch // batches
        self.stream.write(f"\r\x1b[Kepoch {epoch:3}/{self.epochs} [{'#' * filled}{'.' * (BAR - filled)}]")
        self.stream.flush()

    def done(self, epoch, seconds, cost, valid_cost, valid_errors):
        if not self.live and epoch % QUIET_EVERY and epoch != 1:
            return
        line = (
            f"epoch {epoch:3}/{self.epochs}  training cost {cost:.4f}  validation cost {valid_cost:.4f}, "
            f"errors {valid_errors:.2%}  {seconds * 1e3:.0f} ms"
        )
        self.stream.write(f"\r\x1b[K{line}" if self.live else line + "\n")
        self.stream.flush()

    def end(self):
        if self.live:
            self.stream.write("\n")


class PlotUnavailable(Exception):
    """matplotlib is not installed."""


def plotter():
    """matplotlib's pyplot, drawing to files. PlotUnavailable says how to get it."""
    try:
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
    except ImportError:
        raise PlotUnavailable(
            "--plot needs matplotlib: install it with  pip install 'tgen[plot]'  (or  pip install matplotlib)"
        ) from None
    return plt


def draw(plt, history, best, path):
    """The training and validation cost per epoch, the best epoch marked, written to ``path``."""
    epochs = range(1, len(history) + 1)
    figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
    axes.semilogy(epochs, [h[0] for h in history], label="training")
    axes.semilogy(epochs, [h[1] for h in history], label="validation")
    axes.axvline(best + 1, color="0.6", linestyle="--", linewidth=1, label=f"kept: epoch {best + 1}")
    axes.set(xlabel="epoch", ylabel="cross-entropy", title="UCI digits, tanh network")
    axes.legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)
