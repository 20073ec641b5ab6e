"""``theano.misc.pkl_utils``: objects in a zip file whose arrays ``numpy.load`` reads under the names of the
shared variables.
"""

import io
import pickle
import zipfile

import numpy as np

from tgen.graph.shared import Container, SharedVariable

PICKLE = "pkl"  # the archive's member with everything but the arrays


class PersistentSharedVariableID:
    """The members that shared values are kept in: a variable's name, or array_0, array_1 ... for one without.

    ``allow_unnamed``, ``allow_duplicates``: whether variables may lack a name, or share one (then _1, _2 is
    added); else ValueError.
    """

    def __init__(self, allow_unnamed=True, allow_duplicates=True):
        self.allow_unnamed, self.allow_duplicates = allow_unnamed, allow_duplicates
        self.names, self.unnamed = {PICKLE: 1}, 0

    def __call__(self, name):
        if not name:
            if not self.allow_unnamed:
                raise ValueError("a shared variable without a name is pickled, and allow_unnamed is False")
            name, self.unnamed = f"array_{self.unnamed}", self.unnamed + 1
        count = self.names[name] = self.names.get(name, 0) + 1
        if count == 1:
            return name
        if not self.allow_duplicates:
            raise ValueError(f"two shared variables are called {name!r}, and allow_duplicates is False")
        return self(f"{name}_{count - 1}")


class _Pickler(pickle.Pickler):
    def __init__(self, file, protocol, archive, member):
        super().__init__(file, protocol)
        self.archive, self.member, self.stored, self.variables = archive, member, {}, {}

    def persistent_id(self, obj):
        """The container of a shared array is stored as a member; everything else is pickled."""
        if isinstance(obj, SharedVariable):
            self.variables.setdefault(id(obj.container), obj.name)
        if not isinstance(obj, Container) or not isinstance(obj.storage.get(True), np.ndarray):
            return None
        if id(obj) not in self.stored:
            name = self.member(self.variables.get(id(obj)) or obj.name)
            with self.archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.save(file, obj.get(), allow_pickle=False)
            self.stored[id(obj)] = obj, name  # obj: an id is of use while its object lives
        return self.stored[id(obj)][1], obj.type, obj.name, obj.strict, obj.allow_downcast


class _Unpickler(pickle.Unpickler):
    def __init__(self, file, archive):
        super().__init__(file)
        self.archive, self.made = archive, {}

    def persistent_load(self, pid):
        name, type, called, strict, allow_downcast = pid
        if name not in self.made:
            with self.archive.open(f"{name}.npy") as file:
                value = np.load(file, allow_pickle=False)
            self.made[name] = Container(type, value, called, strict, allow_downcast, True)
        return self.made[name]


def dump(obj, file_handler, protocol=pickle.DEFAULT_PROTOCOL, persistent_id=None):
    """Write ``obj`` to a binary file as a zip archive: shared arrays are members of their own, the rest is
    one pickle.

    ``numpy.load`` of the file has the arrays under the names of their variables. ``persistent_id`` is a
    PersistentSharedVariableID, or its class.

    >>> import numpy as np, tgen
    >>> file = io.BytesIO()
    >>> dump({"w": tgen.shared(np.arange(3), "weights")}, file)
    >>> load(file)["w"].get_value(), np.load(file)["weights"]
    (array([0, 1, 2]), array([0, 1, 2]))
    """
    member = persistent_id or PersistentSharedVariableID
    member = member() if isinstance(member, type) else member
    with zipfile.ZipFile(file_handler, "w", zipfile.ZIP_DEFLATED, True) as archive:
        text = io.BytesIO()
        _Pickler(text, protocol, archive, member).dump(obj)
        archive.writestr(PICKLE, text.getvalue())


def load(f, persistent_load=None):
    """The object that ``dump`` wrote to the binary file ``f``. As with pickle, only load what you trust."""
    with zipfile.ZipFile(f, "r") as archive:
        return _Unpickler(io.BytesIO(archive.read(PICKLE)), archive).load()
