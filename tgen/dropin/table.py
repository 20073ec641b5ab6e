"""Theano's modules: a row per module, its path without "theano." and where each of its names comes from.

A row is words: "tgen.graph.walk:" opens a module of tgen, the names after it are taken from there;
``new=old`` renames, ``*`` stands for the module's ``__all__``. Names are looked up when they are used
(``modules``), and a test looks up all of them. A path that is a file of tgen has that file's names beside
those of its row.
"""

_SHARED = "tgen.graph.shared: SharedVariable tgen.runtime.shared: shared shared_constructor=shared"
_MODE = """tgen.runtime.mode: get_mode predefined_modes=NAMED
           tgen.dropin.modes: Mode get_default_mode register_mode FAST_RUN FAST_COMPILE
           predefined_linkers=LINKERS predefined_optimizers=OPTIMIZERS"""
_FUNCTION = """tgen.runtime.function: function Function tgen.runtime.io: In Out SymbolicInput=In
               SymbolicOutput=Out tgen.dropin.inputs: Param
               tgen.errors: UnusedInputError AliasedMemoryError"""
_NODES = "tgen.graph.nodes: Apply Variable Constant"
_WALKS = """tgen.dropin.graphs: inputs ancestors stack_search io_toposort general_toposort
            io_connection_pattern list_of_nodes ops variables
            orphans variables_and_orphans is_in_ancestors is_same_graph view_roots clone clone_get_equiv
            nodes_constructed
            tgen.dropin.functions: FunctionGraph"""
_TYPES = "tgen.dropin.opclasses: Type tgen.core.generic: Generic=GenericType generic=GENERIC"
_GRADIENT = """tgen.tensor.gradient: * tgen.tensor.verify: * tgen.graph.nograd: DisconnectedType NullType
               grad_undefined grad_not_implemented
               tgen.errors: DisconnectedInputError NullTypeGradError GradientError tgen.dropin.opclasses:
               DisconnectedGrad ZeroGrad GradClip GradScale"""
_PRINTING = "tgen.show.printing: * pprint=pp tgen.show.drawing: *"
_LOOPS = "tgen.loop: scan map reduce foldl foldr scan_checkpoints"
_USER_OPS = "tgen.pyops: as_op FromFunctionOp OpFromGraph"
_CONFIG = """tgen.config: config change_flags
             tgen.dropin.flags: AddConfigVar ConfigParam StrParam IntParam FloatParam BoolParam EnumStr"""
_SUBTENSOR = (
    "tgen.dropin.opclasses: Subtensor IncSubtensor AdvancedSubtensor AdvancedSubtensor1 "
    "AdvancedIncSubtensor AdvancedIncSubtensor1"
)
_BASIC = f"""{_NODES} {_TYPES} tgen.pyops: Op tgen.core.types: Tensor=TensorType tgen.tensor: * tgen.config:
             config tgen.dropin.compat: _asarray=asarray tgen.runtime.shared: _shared=shared
            tgen.dropin.opclasses: Dot Reshape Join Alloc ARange MaxAndArgmax Argmax Rebroadcast"""
_SHAREDVAR = (
    f"{_SHARED} tgen.graph.shared: TensorSharedVariable ScalarSharedVariable tgen.runtime.shared: "
    "tensor_constructor=shared scalar_constructor=shared"
)
_VARIABLES = (
    "tgen.tensor.variable: TensorVariable TensorConstant tgen.graph.nodes: _tensor_py_operators=Variable"
)
_SCALAR = """tgen.tensor: upcast add sub mul true_div int_div mod pow maximum minimum neg abs_ sgn exp log
             log1p expm1 sqr sqrt tanh sin cos sigmoid softplus
             eq neq lt le gt ge switch cast identity=tensor_copy tgen.pyops: ScalarOp UnaryScalarOp
             BinaryScalarOp
             tgen.pyops.scalarop: upgrade_to_float upgrade_to_float64
             upgrade_to_float_no_complex=upgrade_to_float upcast_out same_out specific_out transfer_type"""
_SPARSE = "tgen.dropin.opclasses: SparseType SparseVariable SparseConstant SparseSharedVariable"
_REWRITES = "tgen.dropin.compat: OpRemove OpSub local_optimizer"
_CUDA = "tgen.dropin.compat: cuda_available cuda_enabled use"

ROWS = {
    "": f"""{_FUNCTION} {_SHARED} {_MODE} {_NODES} {_TYPES} {_CONFIG} {_LOOPS} {_USER_OPS} {_PRINTING}
            tgen.pyops: Op
            tgen.graph.shared: Container tgen.graph.updates: OrderedUpdates tgen.runtime.clone: clone
            tgen.tensor: dot get_scalar_constant_value
            tgen.tensor.gradient: grad Rop Lop subgraph_grad tgen.errors: MissingInputError
            tgen.dropin.compat: PY3 _asarray=asarray __version__=THEANO_VERSION
            tgen.dropin.modes: DebugMode NanGuardMode""",
    "version": "tgen.dropin.compat: version=THEANO_VERSION full_version=THEANO_VERSION "
    "short_version=THEANO_VERSION",
    "config": "",
    "configdefaults": _CONFIG,
    "configparser": f"{_CONFIG} tgen.dropin.flags: parse_config_string=pairs_of _config_var_list=all_flags",
    "compat": "tgen.dropin.compat: *",
    "gradient": _GRADIENT,
    "ifelse": "tgen.loop: ifelse tgen.dropin.opclasses: IfElse",
    "printing": f"{_PRINTING} tgen.pyops: Print",
    "updates": "tgen.graph.updates: OrderedUpdates",
    "compile": f"""{_FUNCTION} {_SHARED} {_MODE} {_USER_OPS} tgen.dropin.modes: DebugMode NanGuardMode
                   MonitorMode
                   tgen.runtime.function: pfunc=function ProfileStats=Profile tgen.core.generic: GenericType
                   tgen.pyops: ViewOp view_op deep_copy_op=view_op tgen.dropin.opclasses: Rebroadcast
                   Shape_i""",
    "compile.builders": "tgen.pyops: OpFromGraph",
    "compile.debugmode": "tgen.dropin.modes: DebugMode tgen.errors: BadOptimization "
    "DebugModeError=BadOptimization",
    "compile.function": "tgen.runtime.function: function",
    "compile.function_module": f"{_FUNCTION} tgen.dropin.functions: FunctionGraph",
    "compile.io": "tgen.runtime.io: In Out SymbolicInput=In SymbolicOutput=Out",
    "compile.mode": f"{_MODE} tgen.dropin.modes: default_mode=FAST_RUN",
    "compile.monitormode": "tgen.dropin.modes: MonitorMode",
    "compile.nanguardmode": "tgen.dropin.modes: NanGuardMode",
    "compile.ops": "tgen.pyops: as_op FromFunctionOp ViewOp view_op deep_copy_op=view_op "
    "tgen.dropin.opclasses: Rebroadcast Shape_i",
    "compile.pfunc": "tgen.runtime.function: pfunc=function tgen.dropin.inputs: Param",
    "compile.profiling": "tgen.runtime.function: ProfileStats=Profile",
    "compile.sharedvalue": f"{_SHARED} tgen.core.generic: generic=GENERIC",
    "gof": f"{_NODES} {_TYPES} {_WALKS} {_REWRITES} tgen.pyops: Op tgen.graph.shared: Container tgen.errors: "
    "MissingInputError",
    "gof.fg": "tgen.dropin.functions: FunctionGraph tgen.errors: MissingInputError",
    "gof.graph": f"{_NODES} {_WALKS}",
    "gof.link": "tgen.graph.shared: Container",
    "gof.null_type": "tgen.graph.nograd: NullType",
    "gof.op": "tgen.pyops: Op PureOp=Op",
    "gof.opt": _REWRITES,
    "gof.toolbox": "tgen.dropin.graphs: is_same_graph",
    "gof.type": _TYPES,
    "gof.utils": "tgen.dropin.compat: flatten uniq difference",
    "misc": "",
    "misc.pkl_utils": "tgen.dropin.archives: dump load PersistentSharedVariableID",
    "misc.safe_asarray": "tgen.dropin.compat: _asarray=asarray",
    "scalar": _SCALAR,
    "scalar.basic": _SCALAR,
    "scan_module": f"{_LOOPS} tgen.loop: until tgen.graph.updates: OrderedUpdates",
    "scan_module.scan": "tgen.loop: scan",
    "scan_module.scan_op": "tgen.dropin.opclasses: Scan",
    "scan_module.scan_utils": "tgen.loop: until tgen.runtime.clone: clone tgen.dropin.graphs: "
    "equal_computations",
    "scan_module.scan_views": "tgen.loop: map reduce foldl foldr",
    # there are no sparse matrices and no GPU: what programs ask first says so
    "sparse": _SPARSE,
    "sparse.basic": _SPARSE,
    "gpuarray": "tgen.dropin.compat: pygpu_activated use",
    "gpuarray.dnn": "tgen.dropin.compat: dnn_available dnn_present",
    "sandbox": "",
    "sandbox.cuda": _CUDA,
    "sandbox.cuda.dnn": "tgen.dropin.compat: dnn_available",
    "sandbox.neighbours": "tgen.tensor.nnet.neighbours: *",
    "sandbox.rng_mrg": "tgen.random.mrg: MRG_RandomStreams guess_n_streams",
    "tensor": f"""{_BASIC} {_SUBTENSOR} {_VARIABLES} tgen.graph.shared: TensorSharedVariable
                  tgen.dropin.opclasses: DimShuffle CAReduce Sum Prod""",
    "tensor.basic": _BASIC,
    "tensor.elemwise": "tgen.dropin.opclasses: DimShuffle CAReduce Sum Prod All Any",
    "tensor.extra_ops": """tgen.tensor: bartlett bincount compress cumprod cumsum diff fill_diagonal
                           fill_diagonal_offset ravel_multi_index repeat searchsorted
                           squeeze to_one_hot unique unravel_index
                           cpu_contiguous=tensor_copy tgen.dropin.opclasses: CumOp SearchsortedOp""",
    "tensor.nlinalg": "tgen.tensor: trace diag",
    "tensor.opt": f"""tgen.pyops: Assert assert_op tgen.dropin.opclasses: Shape_i MakeVector {_REWRITES}
                      tgen.dropin.compat: register_canonicalize=register_rewrite
                      register_specialize=register_rewrite register_stabilize=register_rewrite
                      register_useless=register_rewrite""",
    "tensor.raw_random": "tgen.dropin.raw_random: *",
    "tensor.shared_randomstreams": "tgen.random.randomstate: RandomStreams "
    "RandomStateSharedVariable=RandomStateVariable",
    "tensor.sharedvar": _SHAREDVAR,
    "tensor.slinalg": "",
    "tensor.sort": "tgen.tensor: argsort argtopk sort topk topk_and_argtopk tgen.dropin.opclasses: SortOp "
    "ArgSortOp",
    "tensor.subtensor": _SUBTENSOR,
    "tensor.type": "tgen.core.types: TensorType",
    "tensor.var": _VARIABLES,
    "tensor.xlogx": "tgen.tensor.math: xlogx xlogy0",
    "tensor.nnet": "tgen.dropin.opclasses: Softmax LogSoftmax",
    "tensor.nnet.abstract_conv": "tgen.dropin.opclasses: AbstractConv2d AbstractConv2d_gradInputs "
    "AbstractConv2d_gradWeights",
    "tensor.nnet.bn": "",
    "tensor.nnet.conv": "tgen.dropin.opclasses: ConvOp",
    "tensor.nnet.conv3d2d": "",
    "tensor.nnet.neighbours": "",
    "tensor.nnet.nnet": "tgen.tensor.nnet: * tgen.dropin.opclasses: Softmax LogSoftmax",
    "tensor.nnet.sigm": "tgen.tensor.nnet: sigmoid hard_sigmoid ultra_fast_sigmoid softplus",
    "tensor.signal": "",
    "tensor.signal.conv": "",
    "tensor.signal.downsample": "",
    "tensor.signal.pool": "tgen.dropin.opclasses: Pool",
}


def parsed(row):
    """{name: (module, name there)} of a row; the name "*" stands for a tuple of modules whose ``__all__`` is
    meant.

    >>> parsed("tgen.errors: A B=C tgen.tensor: *")
    {'A': ('tgen.errors', 'A'), 'B': ('tgen.errors', 'C'), '*': ('tgen.tensor',)}
    """
    found, module = {}, None
    for word in row.split():
        if word.endswith(":"):
            module = word[:-1]
        elif word == "*":
            found["*"] = (*found.get("*", ()), module)
        else:
            name, _, old = word.partition("=")
            found[name] = module, old or name
    return found
