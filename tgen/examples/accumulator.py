"""A counter in a shared variable: a function that answers with the value before the call and adds to it
after.
"""

import numpy as np

import tgen
import tgen.tensor as T


def main():
    """Count to 11 in two steps, then use the same formula with another value in the counter's place.

    >>> main()
    before 0.0, before 1.0, now 11.0
    state * 2 + 2 with 3 for the state: 8.0; the state is still 11.0
    """
    state = tgen.shared(np.array(0.0), "state")
    increment = T.dscalar("increment")
    accumulate = tgen.function([increment], state, updates=[(state, state + increment)])
    print(f"before {accumulate(1)}, before {accumulate(10)}, now {state.get_value()}")

    other = T.dscalar("other")
    replaced = tgen.function([increment, other], state * 2 + increment, givens=[(state, other)])
    print(f"state * 2 + 2 with 3 for the state: {replaced(2, 3)}; the state is still {state.get_value()}")


if __name__ == "__main__":
    main()
