"""The backend that compiles: C text, a compiler, a cache of what it made."""

from typing import Any

from tgen.backends.c import build, cache, host, toolchain
from tgen.codegen.explain import explained
from tgen.codegen.generate import generate
from tgen.codegen.schedule import left_out
from tgen.config import config
from tgen.ir.nodes import Function
from tgen.lower.signature import Signature
from tgen.passes.plan import MemoryPlan, plan


class C:
    """See ``tgen/backends/interface.py``."""

    name, language, comment = "c", "C", "  // "

    def probe(self) -> str:
        chain = toolchain.get()
        host.table()
        return f"programs are compiled by {chain.version}"

    def identity(self) -> tuple[str, ...]:
        return build.key_of(""), config.schedule

    def plan(self, function: Function) -> MemoryPlan | None:
        return plan(function)

    def schedule(self, function: Function) -> str | None:
        return explained(function, plan(function), left_out())

    def text(self, function: Function, general: bool) -> str:
        return generate(function, plan(function), general, left_out())

    def load(self, key: str) -> build.Library | None:
        """A record says which text a program key is, so the front end need not run."""
        known = cache.record_get(key)
        return None if known is None else build.load(known["c"])

    def build(self, key: str, text: str, function: Function, facts: dict[str, Any]) -> build.Library:
        library = build.obtain(text, facts)
        cache.record_put(key, {"c": library.key})
        return library

    def room(self, signature: Signature) -> int:
        return 0
