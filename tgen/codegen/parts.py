"""The C functions of parts, from the nests of a module.

A nest names what it works on as members of the frame and sizes. Its function reads these into locals first: a
store to a bool or an int64 array might else be one to the frame, and the loop would read its pointers anew
for each element. Nests that differ in such names only (the updates of all weights are one loop) become one
function with parameters, which their parts call: the compiler's time goes by what differs.
"""

from .bodies import ARGUMENTS, Body
from .chunks import is_tuned
from .facts import Facts
from .library import FRAME
from .nest import ONE, ZERO, Call, Do, If, Name, Set
from .schedule.share import share


class Functions:
    """The functions of all parts: ``views`` in the order of the text, ``runs`` the statement that runs a
    part, by its name; ``shared`` are those that several parts call.
    """

    def __init__(self, module):
        self.views, self.runs = [], {}
        for own in module.own.values():
            facts = Facts(own.nodes)
            unused = [p for p in own.parameters if p.text not in facts.locals]
            self.write(own.comment, own.name, own.parameters, unused, own.nodes, facts)
        self.bodies = {(p.name, v.suffix): Body(v.nodes, v.facts) for p in module.parts for v in p.variants}
        self.shared = [] if "share" in module.skip else share(self.bodies.values())
        for shared in self.shared:
            comment = f"The loops of {len(shared.calls)} parts."
            self.write(comment, shared.name, shared.parameters, [], shared.nodes, shared.facts)
        self.calls = {body: call for shared in self.shared for body, call in shared.calls}
        for part in module.parts:
            self.runs[part.name] = self.run(part)

    def run(self, part):
        """The statement that runs a part, when its functions are written."""
        calls = [self.variant(part, variant) for variant in part.variants]
        return calls[0] if len(calls) == 1 else If(part.dense, (calls[0],), (calls[1],))

    def variant(self, part, variant):
        body, name = self.bodies[part.name, variant.suffix], part.name + variant.suffix
        used, facts = body.arguments(), variant.facts
        if body in self.calls:
            nodes, used = (self.calls[body],), [*used, FRAME]
            facts = Facts(nodes)
        else:
            read, nodes = body.alone()
            nodes, used = (*read, *nodes), [*used, FRAME] if read else used
        unused = [word for word in ARGUMENTS if word not in used]
        self.write(part.comment, name, ARGUMENTS, unused, nodes, facts)
        if variant.extent == ONE and not part.counted:
            return Do(Call(name, (FRAME, ZERO, ZERO, ONE)))
        how = "tgen_product" if part.product else "tgen_kernel"
        call = Call(how, (FRAME, Name(name), variant.extent, part.cost))
        return Set(part.counted, call) if part.counted else Do(call)

    def write(self, comment, name, parameters, unused, nodes, facts):
        self.views.append(
            {
                "comment": comment,
                "name": name,
                "tuned": is_tuned(facts.calls),
                "parameters": parameters,
                "unused": unused,
                "nodes": nodes,
                "facts": facts,
            }
        )
