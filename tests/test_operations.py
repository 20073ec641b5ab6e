"""``tgen ops``: every primitive and public function is a row, and what it says of gradients is what T.grad
does.
"""

import numpy as np
import pytest

import tgen.tensor as T
from tgen.cli import operations, probing
from tgen.core.op import OPS, Op
from tgen.errors import DisconnectedInputError

FUNCTIONS = operations.functions()
# functions whose calls are no expressions of variables: nothing to probe
UNPROBED = {
    "T.shared",
    "T.upcast",
    "T.grad",
    "T.Lop",
    "T.Rop",
    "T.jacobian",
    "T.hessian",
    "T.subgraph_grad",
    "T.pp",
    "T.debugprint",
    "T.dprint",
    "T.verify_grad",
    "T.numeric_grad",
    "T.constant",
    "T.get_scalar_constant_value",
    "T.get_vector_length",
    "T.is_flat",
    "T.nnet.get_conv_output_shape",
}
STATUS = {
    "yes": "T.sum T.nnet.softmax T.sort T.topk T.nnet.conv2d T.signal.pool.pool_3d T.set_subtensor T.tanh "
    "T.einsum T.triu T.matmul T.permute_row_elements T.nnet.h_softmax tgen.scan tgen.ifelse",
    "zero": "T.round T.argmax T.isclose T.floor T.sgn T.int_div T.zero_grad T.eq T.argsort T.searchsorted",
    "-": "T.arange T.eye T.zeros_like T.and_ T.disconnected_grad T.pp T.shape",
}


@pytest.mark.parametrize("status, names", STATUS.items())
def test_status_of_gradients(status, names):
    assert {name: operations.gradient(FUNCTIONS[name])[0] for name in names.split()} == dict.fromkeys(
        names.split(), status
    )


def test_the_status_is_what_grad_does():
    x = T.dvector("x")
    assert np.array_equal(T.grad(T.round(x).sum(), x).eval({x: [0.3, 1.7]}), [0, 0])
    with pytest.raises(DisconnectedInputError):
        T.grad(T.shape(x).sum() * 1.0, x)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - UNPROBED))
def test_every_function_is_probed(name):
    status, composed = probing.probe(FUNCTIONS[name]) or (None, None)
    assert status in probing.MEANING, (
        f"no trial of tgen.cli.probing fits the parameters of {name}{operations.signature(FUNCTIONS[name])}; "
        "name them in PARAMETERS"
    )
    assert set(composed) <= set(OPS)


@pytest.mark.slow
def test_the_table_is_whole():
    assert all(isinstance(operations.line(name, op)[4], str) for name, op in OPS.items())
    for name in (
        "T.tanh",
        "T.nnet.relu",
        "T.signal.downsample.max_pool_2d",
        "T.nnet.neighbours.images2neibs",
        "tgen.scan",
    ):
        row = operations.line(name, FUNCTIONS[name])
        assert row[0] == name and row[1] == "function" and len(row[3]) > 5, row
    assert (
        operations.line("T.nnet.relu", T.nnet.relu)[4] == "(x, alpha=0)"
        and operations.signature(OPS["clip"]) == "(x, y, z)"
    )
    assert operations.line("T.nnet.relu", T.nnet.relu, composes=True)[3] == "abs, add, dimshuffle, mul"
    assert operations.line("assert", OPS["assert"])[3].endswith("(can fail)") and operations.line(
        "add", OPS["add"]
    )[3].endswith("(commutative)")


def test_what_is_no_function_is_no_row():
    assert (
        not any(isinstance(f, (Op, type)) for f in FUNCTIONS.values())
        and "T.dmatrix" not in FUNCTIONS
        and "T.matrices" not in FUNCTIONS
    )
    assert all(f"T.{name}" in FUNCTIONS for name in ("tanh", "dot", "where", "grad")) and all(
        f"T.nnet.{name}" in FUNCTIONS for name in ("relu", "conv2d")
    )


def test_a_probe_writes_nothing(capsys):
    for name in ("T.debugprint", "T.pp", "T.verify_grad"):
        assert probing.probe(FUNCTIONS[name]) is None
    assert capsys.readouterr() == ("", "")
