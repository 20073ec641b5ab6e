"""What an op does besides giving its results, and so what may be done with an application of it.

A pass that drops, merges or moves instructions asks the op's ``Effect``. The order of what is seen outside of
a call is that of the program: such ops hold the token WORLD, as a draw holds the state of its stream. That
state is an operand and a result, so its order needs nobody's care; WORLD is no value, so passes keep what
holds it in its order.
"""

from typing import NamedTuple

STATE, WORLD = "state", "world"


class Effect(NamedTuple):
    """The Effect of an op; that of most is PURE.

    token   what it takes from the application before it and hands to the next: None; STATE, which its first
            operand and its first result are; WORLD, which no value is
    stays   it is there for what it does: it stays where nobody reads its results
    merges  two applications to the same operands are one
    fails   it may end the call, so it runs where and when the program says, and nowhere else
    """

    token: str | None = None
    stays: bool = False
    merges: bool = True
    fails: bool = False

    @property
    def ordered(self) -> bool:
        """Whether it keeps the program's order among others of its kind."""
        return self.token == WORLD

    @property
    def moves(self) -> bool:
        """Whether it may run where the program would not: before a loop, or for all its steps at once."""
        return not (self.fails or self.ordered)

    @property
    def words(self) -> str:
        """For ``tgen ops``; "" for PURE."""
        said = {
            "draws random numbers": self.token == STATE,
            "acts in order": self.ordered,
            "can fail": self.fails,
        }
        return ", ".join(word for word, holds in said.items() if holds)


PURE = Effect()
REFUSES = Effect(fails=True)  # a value of its operands may be refused
CHECKS = Effect(fails=True, stays=True)  # nothing but a refusal
DRAWS, DRAWS_OR_REFUSES = Effect(STATE), Effect(STATE, fails=True)
CALLS = Effect(fails=True)  # a user's Python, which gives its results and may raise
ACTS = Effect(WORLD, stays=True, merges=False, fails=True)  # a user's Python, called for what it does
