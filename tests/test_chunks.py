"""What a function of templates/lib or the C text of a scalar op calls is declared beside it; here the C is
read to see that the declarations are true.
"""

import re

import pytest

from tgen.codegen.chunks import BODY, FILES, PREFIX, chunks, needed
from tgen.core.dtypes import DTYPE
from tgen.core.op import OPS, SCALAR
from tgen.ops.declare import LIBM, PLAIN_LIBM, c_calls, c_text

MATH = {name + suffix for name in (*LIBM, *PLAIN_LIBM) for suffix in ("", "f")}
ABI = {"tgen_host", "tgen_block", "tgen_storage", "tgen_part"}  # templates/abi.h.j2 has these


@pytest.mark.parametrize("file", FILES)
def test_a_chunk_says_what_it_uses(file):
    number = FILES.index(file)
    for name, chunk in chunks(number).items():
        code = re.sub(r"/\*.*?\*/", "", chunk.text, flags=re.S)
        used = set(re.findall(rf"\b{PREFIX}\w+", code)) - {name} - ABI
        used |= MATH & set(re.findall(r"\b\w+(?=\()", code))
        assert set(chunk.uses) == used, name
        known, others = needed({name})
        assert others <= MATH and all(c.place <= chunk.place for c in known), "callees stand first"


def test_a_chunk_has_a_name_of_its_own():
    """Of two files with a chunk of one name the second one's would be the first one's."""
    names = [name for number in range(len(FILES)) for name in chunks(number)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("number", range(len(FILES)))
def test_a_chunk_that_is_never_inlined_may_be_compiled_apart(number):
    for name, chunk in chunks(number).items():
        called = len(re.findall(r"^TGEN_(?:CALLED|MOVES) ", chunk.text, re.M))
        assert called == (chunk.routine is not None), name
        if called:
            assert chunk.text.count(BODY) == 1 and chunk.routine.text == chunk.text
            assert re.search(rf"\b{name}\([^{{}};]*\);$", chunk.routine.prototype), chunk.routine.prototype


@pytest.mark.parametrize("name", [name for name, op in OPS.items() if op.kind == SCALAR])
def test_an_op_marks_what_its_text_calls(name):
    op, texts = OPS[name], 0
    for dtype in DTYPE:
        dtypes = ("bool",) * (op.arity - 2) + (dtype,) * min(op.arity, 2) if name == "switch" else None
        for attrs in {"cast": [{"dtype": other} for other in DTYPE]}.get(name, [{}]):
            try:
                text, _ = c_text(op, dtypes or (dtype,) * op.arity, attrs)
            except (TypeError, KeyError):
                continue
            texts += 1
            calls = set(re.findall(r"\b[a-z]\w*(?=\()", text)) - {"sizeof"}
            assert calls == set(c_calls(op, dtypes or (dtype,) * op.arity, attrs)), text
    assert texts
