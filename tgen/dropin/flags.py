"""Theano's flags: those tgen has no use for are options of config too, so programs can read and set them; and
THEANO_FLAGS.

>>> from tgen.config import config
>>> config.gcc.cxxflags, config.scan.allow_gc
('', False)
"""

import operator
import os

from tgen.config import OPTIONS, Bool, Choice, config
from tgen.errors import nearest, tell_once

_WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class Accepted:
    """A flag that means nothing here, of the type of its default. ``told``: what to tell once who sets
    another value (``only`` that one, if given).
    """

    doc = None

    def __init__(self, default, told=None, only=None):
        self.default, self.told, self.only = default, told, only

    def check(self, name, value):
        kept = self._converted(name, value)
        if self.told and kept != self.default and self.only in (None, kept):
            tell_once(f"config.{name}={kept!r}: {self.told}")
        return kept

    read = check

    def _converted(self, name, value):
        kind = type(self.default)
        try:
            return value if value is None else _WORDS[str(value).lower()] if kind is bool else kind(value)
        except (KeyError, TypeError, ValueError):
            raise ValueError(
                f"config.{name} must be a {kind.__name__}, as its default {self.default!r} is; got {value!r}"
            ) from None


class Device:
    """Where functions run: the CPU, whatever is asked for."""

    default = "cpu"
    doc = "where functions run: gpu*, cuda* and opencl* are accepted with one warning, and mean cpu"

    def check(self, name, value):
        if not isinstance(value, str) or not value.startswith(("cpu", "gpu", "cuda", "opencl")):
            raise ValueError(f"config.{name} must be 'cpu'; got {value!r}")
        if not value.startswith("cpu"):
            tell_once("tgen runs on the CPU: a GPU was asked for, and the program goes on without it")
        return "cpu"

    read = check


# flags whose values are checked, and that repr(config) shows
CHECKED = {
    "allow_gc": Bool(True, doc="accepted; temporaries never outlive a call"),
    "exception_verbosity": Choice("low", "high", doc="accepted; messages are always full"),
    "warn_float64": Choice(
        "ignore",
        "warn",
        "raise",
        "pdb",
        doc="accepted",
        told=dict.fromkeys(("warn", "raise", "pdb"), "nothing is said about variables of float64"),
    ),
    "device": Device(),
    "openmp": Bool(True, doc="accepted; config.threads decides"),
}
_HOME = os.path.join(os.path.expanduser("~"), ".theano")
_DTYPES = "dtypes follow NumPy's promotion, and ints divide as / and // say"
_EVERY_CALL = "DebugMode compares all results of every call, within rounding"

# section -> {flag: default, or the arguments of Accepted}
FLAGS = {
    "": {
        "cast_policy": ("custom", _DTYPES),
        "int_division": ("int", _DTYPES),
        "deterministic": "default",
        "force_device": False,
        "init_gpu_device": "",
        "print_active_device": True,
        "enable_initial_driver_test": True,
        "contexts": "",
        "assert_no_cpu_op": "ignore",
        "gpu_back": "",
        "magma": "",
        "cxx": ("g++", "tgen always compiles C, with config.cc", ""),
        "nocleanup": False,
        "on_opt_error": "warn",
        "optimizer_verbose": False,
        "optimizer_verbose_ignore": "",
        "check_stack_trace": "off",
        "profile_optimizer": False,
        "profile_memory": False,
        "print_test_value": False,
        "print_global_stats": False,
        "compute_test_value_opt": "off",
        "unpickle_function": (True, "functions are unpickled as functions"),
        "reoptimize_unpickled_function": False,
        "openmp_elemwise_minsize": 200_000,
        "check_input": True,
        "cache_optimizations": False,
        "pickle_test_value": True,
        "home": os.path.expanduser("~"),
        "base_compiledir": _HOME,
        "compiledir": os.path.join(_HOME, "compiledir_tgen"),
        "compiledir_format": "compiledir_tgen",
        "subprocess_timeout": 0,
        "theano_rc": "",
    },
    "gcc": {"cxxflags": "", "cxxflags_off": ""},
    "blas": {"ldflags": "", "check_openmp": True},
    "cmodule": {
        "warn_no_version": False,
        "remove_gxx_opt": False,
        "compilation_warning": False,
        "preload_cache": False,
        "age_thresh_use": 2_073_600,
        "mac_framework_link": False,
        "debug": False,
    },
    "compile": {"timeout": 120, "wait": 5},
    "conv": {"assert_shape": False},
    "cublas": {"lib": ""},
    "cuda": {"root": "", "enabled": False, "include_path": "", "disable_gcc_cudnn_test": False},
    "ctc": {"root": ""},
    "dnn": {"enabled": "auto", "include_path": "", "library_path": "", "base_path": "", "bin_path": ""},
    "dnn.conv": {
        "workmem": "",
        "workmem_bwd": "",
        "algo_fwd": "small",
        "algo_bwd": "",
        "algo_bwd_data": "none",
        "algo_bwd_filter": "none",
        "precision": "as_input_f32",
    },
    "experimental": {
        "unpickle_gpu_on_cpu": False,
        "local_alloc_elemwise": False,
        "local_alloc_elemwise_assert": True,
        "mrg": False,
    },
    "gpu": {"local_elemwise_fusion": True},
    "gpuarray": {
        "preallocate": 0.0,
        "sched": "default",
        "single_stream": True,
        "cache_path": "",
        "sync": False,
    },
    "gpuelemwise": {"sync": True},
    "lib": {"amdlibm": False, "cnmem": 0.0},
    "metaopt": {"verbose": 0, "optimizer_excluding": "", "optimizer_including": ""},
    "numpy": {
        "seterr_all": "ignore",
        "seterr_divide": "None",
        "seterr_over": "None",
        "seterr_under": "None",
        "seterr_invalid": "None",
    },
    "nvcc": {"fastmath": False, "flags": "", "compiler_bindir": "", "cudafe": "heuristic"},
    "optdb": {"position_cutoff": float("inf"), "max_use_ratio": 8.0},
    "profiling": {
        "time_thunks": True,
        "n_apply": 20,
        "n_ops": 20,
        "output_line_width": 512,
        "min_memory_size": 1024,
        "min_peak_memory": False,
        "destination": "stderr",
        "debugprint": False,
        "ignore_first_call": False,
    },
    "pycuda": {"init": False},
    "scan": {"allow_gc": False, "allow_output_prealloc": True, "debug": False},
    "tensor": {"insert_inplace_optimizer_validate_nb": -1, "local_elemwise_fusion": True, "cmp_sloppy": 0},
    "traceback": {"limit": 8, "compile_limit": 0},
    "unittests": {"rseed": "666"},
    "vm": {"lazy": "None"},
    "warn": {
        "ignore_bug_before": "0.9",
        "argmax_pushdown_bug": False,
        "gpusum_01_011_0111_bug": False,
        "sum_sum_bug": False,
        "sum_div_dimshuffle_bug": False,
        "subtensor_merge_bug": False,
        "gpu_set_subtensor1": False,
        "vm_gc_bug": False,
        "signal_conv2d_interface": False,
        "reduce_join": False,
        "inc_set_subtensor1": False,
        "round": False,
        "inc_subtensor1_opt": False,
    },
    "DebugMode": {
        "patience": 10,
        "check_c": (True, _EVERY_CALL),
        "check_py": True,
        "check_finite": True,
        "check_strides": 0,
        "warn_input_not_reused": True,
        "check_preallocated_output": "",
        "check_preallocated_output_ndim": 4,
    },
    "ProfileMode": {
        "n_apply_to_print": 15,
        "n_ops_to_print": 20,
        "min_memory_size": 1024,
        "profile_memory": False,
    },
}


def _declare():
    for name, option in CHECKED.items():
        config.declare(name, option)
    for section, flags in FLAGS.items():
        for name, row in flags.items():
            config.declare(
                f"{section}.{name}" if section else name, Accepted(*row if isinstance(row, tuple) else (row,))
            )


_declare()


def pairs_of(text):
    """(name, value text) of each flag in a value of THEANO_FLAGS; what has no value is a ValueError.

    >>> pairs_of("floatX=float32, gcc.cxxflags=-O3 -fopenmp=x,")
    [('floatX', 'float32'), ('gcc.cxxflags', '-O3 -fopenmp=x')]
    """
    pairs = []
    for part in filter(None, map(str.strip, text.split(","))):
        name, mark, value = part.partition("=")
        if not mark:
            raise ValueError(
                f"THEANO_FLAGS: the flag {part!r} has no value; flags are written name=value, "
                "with commas between"
            )
        pairs.append((name.strip(), value.strip().strip("\"'")))
    return pairs


def read_environment(environment):
    """Set config as THEANO_FLAGS says; what TGEN_FLAGS and TGEN_<NAME> set stays. An unknown flag is a
    warning with the nearest one.

    ValueError for a value that a flag cannot have, with nothing set.
    """
    own = {name.partition("=")[0].strip() for name in environment.get("TGEN_FLAGS", "").split(",")}
    own |= {name for name in OPTIONS if f"TGEN_{name.upper()}" in environment}
    wanted = {}
    for name, text in pairs_of(environment.get("THEANO_FLAGS", "")):
        if name not in OPTIONS:
            tell_once(f"THEANO_FLAGS sets {name!r}, which Theano does not have{nearest(name, OPTIONS)}")
        elif (name, text) in (("mode", "ProfileMode"), ("mode", "PROFILE_MODE")):
            wanted["profile"] = True
        elif name not in own:
            wanted[name] = _value(name, text)
    for name, value in wanted.items():
        setattr(config, name, value)


def _value(name, text):
    try:
        return OPTIONS[name].read(name, text)
    except ValueError as error:
        raise ValueError(f"THEANO_FLAGS: {error}") from None


# -- options of a program's own: theano.configparser ---------------------------------------------------------


class ConfigParam(Accepted):
    """An option a program declares with AddConfigVar. ``valid``: a test of values, or None.

    >>> AddConfigVar("lab.depth", "how deep", IntParam(3, lambda n: n > 0))
    >>> config.lab.depth
    3
    """

    def __init__(self, default, valid=None, allow_override=True):
        super().__init__(default)
        self.valid = valid

    def _converted(self, name, value):
        kept = super()._converted(name, value)
        if self.valid is not None and not self.valid(kept):
            raise ValueError(f"config.{name} cannot be {value!r}")
        return kept


class StrParam(ConfigParam):
    """A string."""


class IntParam(ConfigParam):
    """An int."""


class FloatParam(ConfigParam):
    """A float."""

    def __init__(self, default, valid=None, allow_override=True):
        super().__init__(float(default), valid)


class BoolParam(ConfigParam):
    """A bool."""


class EnumStr(ConfigParam):
    """One of several strings, the default first."""

    def __init__(self, default, *options, allow_override=True):
        super().__init__(default, lambda value: value in (default, *options))


def AddConfigVar(name, doc, configparam, root=config, in_c_key=True):
    """Declare an option of a program's own: ``config.<name>``, with dots for sections, and a flag of
    THEANO_FLAGS.

    ``configparam`` is one of StrParam, IntParam, FloatParam, BoolParam and EnumStr. AttributeError for a name
    that is taken.
    """
    if not isinstance(configparam, Accepted):
        raise TypeError(
            f"AddConfigVar wants a StrParam, IntParam, FloatParam, BoolParam or EnumStr; got {configparam!r}"
        )
    configparam.doc = doc
    config.declare(name, configparam)
    for given, text in pairs_of(os.environ.get("THEANO_FLAGS", "")):
        if given == name:
            setattr(config, name, text)


class Flag:
    """One option as Theano's configparser lists it: its ``fullname``, its value by ``__get__`` and
    ``__set__``.
    """

    def __init__(self, fullname):
        self.fullname, self.doc = fullname, getattr(OPTIONS[fullname], "doc", "")

    def __get__(self, instance, owner=None):
        return operator.attrgetter(self.fullname)(config)

    def __set__(self, instance, value):
        setattr(config, self.fullname, value)


class _Flags:
    """All options there are when it is walked over."""

    def __iter__(self):
        return map(Flag, list(OPTIONS))

    def __len__(self):
        return len(OPTIONS)


all_flags = _Flags()
