"""A character LSTM: it reads a text character by character and guesses the next; its bits a character, beside
the text's own.
"""

import numpy as np

import tgen
import tgen.tensor as T
from tgen.examples.training import adam, glorot, zeros

HIDDEN, STREAMS, STEPS, RATE, EPOCHS = 48, 20, 40, 0.01, 8
CHARACTERS, HELD_OUT = 40000, 10000
NOUNS = ("bear", "bird", "cat", "cow", "dog", "fox", "horse", "goat")
VERBS = ("bark", "eat", "hide", "jump", "look", "run", "sleep", "wait")


def text(length, seed):
    """(text, its entropy in bits a character): "the dog sleeps. the cows run. ...", words drawn evenly,
    singular as often as plural.

    The s stands at the noun or at the verb, so a reader has to remember the noun's end until the verb's.

    >>> text(33, 0)[0]
    'the dogs wait. the bears jump. th'
    """
    rng, made = np.random.RandomState(seed), ""
    while len(made) < length:
        noun, verb, plural = NOUNS[rng.randint(len(NOUNS))], VERBS[rng.randint(len(VERBS))], rng.randint(2)
        made += f"the {noun}s {verb}. " if plural else f"the {noun} {verb}s. "
    bits = np.log2(len(NOUNS) * len(VERBS) * 2)
    return made[:length], float(
        bits / (len("the s . ") + np.mean([len(n) for n in NOUNS]) + np.mean([len(v) for v in VERBS]))
    )


class LSTM:
    """A layer of long short-term memory: gates for input, forgetting and output and the new content, in one
    product a step.
    """

    def __init__(self, rng, n_in, n_hidden):
        self.n = n_hidden
        self.w, self.u, self.b = (
            glorot(rng, n_in, 4 * n_hidden, "w"),
            glorot(rng, n_hidden, 4 * n_hidden, "u"),
            zeros(4 * n_hidden, "b"),
        )
        self.parameters = [self.w, self.u, self.b]

    def __call__(self, symbols, h, c):
        """symbols int[steps, batch], first h and c [batch, n] -> all h and all c, [steps, batch, n]."""

        def step(x, h, c, u):
            z = x + T.dot(h, u)
            enter, forget, leave = (T.nnet.sigmoid(z[:, k * self.n : (k + 1) * self.n]) for k in range(3))
            c = forget * c + enter * T.tanh(z[:, 3 * self.n :])
            return leave * T.tanh(c), c

        # a row of w for each symbol: the product with a one-hot vector
        seen = self.w[symbols] + self.b
        (hs, cs), _ = tgen.scan(step, sequences=seen, outputs_info=[h, c], non_sequences=self.u)
        return hs, cs


def columns(codes, streams):
    """The text cut into ``streams`` pieces, one a column: int32[n + 1, streams], where each piece ends with
    the next one's first character.
    """
    n = (len(codes) - 1) // streams
    return np.stack([codes[k * n : (k + 1) * n + 1] for k in range(streams)], axis=1)


def build(rng, symbols):
    """(train, measure, forget): both functions take int32[steps + 1, STREAMS], return bits a character and go
    on where the last call ended; forget() starts anew. train makes a step of Adam.
    """
    layer, top, b = LSTM(rng, symbols, HIDDEN), glorot(rng, HIDDEN, symbols, "top"), zeros(symbols, "b_top")
    h, c = (zeros((STREAMS, HIDDEN), name) for name in "hc")
    seen = T.imatrix("seen")
    hs, cs = layer(seen[:-1], h, c)
    scores = T.dot(hs.reshape((-1, HIDDEN)), top) + b
    bits = T.mean(T.nnet.categorical_crossentropy(T.nnet.softmax(scores), seen[1:].flatten())) / np.log(2)
    kept = [(h, hs[-1]), (c, cs[-1])]
    train = tgen.function(
        [seen], bits, updates=kept + adam(bits, [*layer.parameters, top, b], RATE, clip=1.0), name="train"
    )
    measure = tgen.function([seen], bits, updates=kept, name="measure")

    def forget():
        h.set_value(np.zeros_like(h.get_value()))
        c.set_value(np.zeros_like(c.get_value()))

    return train, measure, forget


def main(seed=0):
    """Train, and return (bits a character of text never seen before training, after, the entropy of the
    source).
    """
    written, entropy = text(CHARACTERS + HELD_OUT, seed)
    alphabet = sorted(set(written))
    codes = np.array([alphabet.index(a) for a in written], "int32")
    seen, unseen = columns(codes[:CHARACTERS], STREAMS), columns(codes[CHARACTERS:], STREAMS)
    train, measure, forget = build(np.random.RandomState(seed), len(alphabet))

    def run(function, pages):
        """Bits a character, without the first STEPS ones: there the reader finds out where in a sentence it
        is.
        """
        forget()
        found = [function(pages[i : i + STEPS + 1]) for i in range(0, len(pages) - STEPS, STEPS)]
        return float(np.mean(found[1:]))

    before = run(measure, unseen)
    for epoch in range(EPOCHS):
        print(
            f"epoch {epoch + 1:3}: {run(train, seen):.3f} bits a character, unseen {run(measure, unseen):.3f}"
        )
    after = run(measure, unseen)
    print(
        f"bits a character of unseen text: {before:.3f} before, {after:.3f} after; the source has "
        f"{entropy:.3f}"
    )
    return before, after, entropy


if __name__ == "__main__":
    main()
