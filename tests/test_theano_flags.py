"""THEANO_FLAGS and theano.config: what tgen knows is done, what has no meaning here is accepted, what changes
a program is told once.
"""

import os
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest

import tgen
import tgen.tensor as T
from tgen import config, errors
from tgen.config import OPTIONS
from tgen.dropin import flags
from tgen.errors import TheanoWarning

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KNOWN = [f"{section}.{name}".lstrip(".") for section, rows in flags.FLAGS.items() for name in rows]


@pytest.fixture(autouse=True)
def kept():
    """Options and what was told are put back."""
    before, told = {name: getattr(config, name) for name in OPTIONS}, set(errors._TOLD)
    errors._TOLD.clear()
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in [n for n in OPTIONS if n not in before]:
            del OPTIONS[name], config.__dict__[name]
        for name, value in before.items():
            setattr(config, name, value)
    errors._TOLD.clear()
    errors._TOLD.update(told)


def read(text, **environment):
    """The TheanoWarnings of reading THEANO_FLAGS."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        flags.read_environment({"THEANO_FLAGS": text, **environment})
    assert all(w.category is TheanoWarning for w in caught)
    return [str(w.message) for w in caught]


# -- the environment


def test_flags_that_mean_something():
    assert (
        read(
            "floatX=float32,mode=FAST_COMPILE, "
            "on_unused_input=ignore,compute_test_value=off,profile=True,"
            "allow_gc=False,exception_verbosity=high"
        )
        == []
    )
    assert (config.floatX, config.mode, config.on_unused_input, config.profile, config.allow_gc) == (
        "float32",
        "FAST_COMPILE",
        "ignore",
        True,
        False,
    )
    assert T.matrix().dtype == "float32"


@pytest.mark.parametrize(
    "text",
    [
        "force_device=True,openmp=False,openmp_elemwise_minsize=1000",
        "gcc.cxxflags=-O3 -ffast-math -march=native,blas.ldflags=-lopenblas -lm",
        "base_compiledir=/tmp/a,compiledir=/tmp/a/b",
        "lib.cnmem=0.75,dnn.enabled=False,dnn.conv.algo_fwd=time_once,nvcc.fastmath=True",
        "cxx=clang++",
        "",
        "scan.allow_gc=False,scan.debug=1,warn.round=False,experimental.local_alloc_elemwise=True,"
        "traceback.limit=20,linker=c|py,device=cpu,",
    ],
)
def test_flags_without_meaning_are_silent(text):
    assert read(text) == []
    for name, value in flags.pairs_of(text):
        assert str(getattr(config, name)) in (value, str(OPTIONS[name].read(name, value)))


@pytest.mark.parametrize("device", ["gpu", "gpu0", "cuda", "cuda3", "opencl0:0"])
def test_a_gpu_is_one_warning(device):
    told = read(f"device={device},force_device=True,floatX=float32")
    assert len(told) == 1 and "runs on the CPU" in told[0]
    assert config.device == "cpu" and config.floatX == "float32" and read(f"device={device}") == []


def test_sandbox_cuda_use_is_the_same_warning():
    with pytest.warns(TheanoWarning, match="runs on the CPU"):
        tgen.sandbox.cuda.use("gpu0", force=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tgen.sandbox.cuda.use("gpu1")
        config.device = "cuda"


@pytest.mark.parametrize(
    "text, words",
    [
        ("cast_policy=numpy+floatX", "NumPy's promotion"),
        ("int_division=floatX", "NumPy's promotion"),
        ("cxx=", "compiles C"),
        ("linker=py", "compiled C"),
        ("warn_float64=raise", "float64"),
        ("unpickle_function=False", "unpickled"),
        ("DebugMode.check_c=False", "DebugMode"),
    ],
)
def test_flags_that_change_a_program_are_told_once(text, words):
    told = read(text)
    assert len(told) == 1 and words in told[0] and read(text) == []


@pytest.mark.parametrize(
    "text, words",
    [
        ("flaotX=float32", "'flaotX'.*nearest: floatX"),
        ("gcc.cxxflag=-O3", "nearest: gcc.cxxflags"),
        ("qqqqq=1", "'qqqqq', which Theano does not have$"),
    ],
)
def test_unknown_flags(text, words):
    (told,) = read(text + ",profile=True")
    assert re.search(words, told) and config.profile is True


@pytest.mark.parametrize(
    "text, words",
    [
        ("floatX=float16", "THEANO_FLAGS: config.floatX must be one of 'float64', 'float32'"),
        ("profile=maybe", "profile"),
        ("floatX", "has no value"),
        ("lib.cnmem=much", "lib.cnmem must be a float"),
        ("scan.allow_gc=perhaps", "must be a bool"),
        ("device=toaster", "'cpu'"),
        ("mode=NOPE", "config.mode"),
    ],
)
def test_values_that_cannot_be(text, words):
    with pytest.raises(ValueError, match=words):
        flags.read_environment({"THEANO_FLAGS": f"on_unused_input=warn,{text}"})
    assert config.on_unused_input == "raise", "nothing is set when something is wrong"


def test_tgen_flags_go_first():
    assert (
        read("floatX=float32,profile=True,optimizer=None", TGEN_FLAGS="floatX=float64", TGEN_PROFILE="0")
        == []
    )
    assert (config.floatX, config.profile, config.optimizer) == ("float64", False, "None")


def test_profile_mode_of_old():
    assert read("mode=ProfileMode") == [] and config.profile is True and config.mode == "Mode"


@pytest.mark.slow
def test_read_by_install_in_a_fresh_process():
    code = (
        "import tgen, warnings; warnings.simplefilter('always'); theano = tgen.install_as_theano(); "
        "tgen.install_as_theano(); import theano.tensor as T; "
        "print(theano.config.floatX, T.scalar().dtype, theano.config.device, theano.config.mode)"
    )
    env = os.environ | {
        "PYTHONPATH": ROOT,
        "THEANO_FLAGS": "floatX=float32,device=cuda0,mode=FAST_RUN,lib.cnmem=1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120)
    assert done.stdout == "float32 float32 cpu FAST_RUN\n" and done.stderr.count("TheanoWarning") == 1, (
        done.stderr
    )


# -- the object


@pytest.mark.slow
@pytest.mark.parametrize("name", KNOWN)
def test_every_flag_can_be_read_and_set(name):
    value, part = config, config
    for word in name.split("."):
        value = getattr(value, word)
    assert value == getattr(config, name) == OPTIONS[name].default
    for word in name.split(".")[:-1]:
        part = getattr(part, word)
    setattr(part, name.split(".")[-1], value)
    with config.change_flags({name: value}):
        assert getattr(config, name) == value
    assert read(f"{name}={value}") == []


def test_sections():
    config.gcc.cxxflags = "-O1"
    assert (
        config.gcc.cxxflags == "-O1"
        and "cxxflags" in dir(config.gcc)
        and "gcc" in dir(config)
        and "conv" in dir(config.dnn)
    )
    with config.change_flags({"gcc.cxxflags": "-O2", "dnn.conv.precision": "float32"}, floatX="float32"):
        assert (config.gcc.cxxflags, config.dnn.conv.precision, config.floatX) == (
            "-O2",
            "float32",
            "float32",
        )
    assert (
        (config.gcc.cxxflags, config.floatX) == ("-O1", "float64")
        and "gcc.cxxflags = '-O1'" in repr(config)
        and "nvcc" not in repr(config)
    )
    for wrong in (
        lambda: config.gcc.nothing,
        lambda: setattr(config.gcc, "nothing", 1),
        lambda: config.nothing,
        lambda: config.change_flags({"gcc.nothing": 1}),
    ):
        with pytest.raises(AttributeError, match="no option"):
            wrong()


def test_switches_read_words():
    for value, wanted in ((1, True), (0, False), ("False", False), ("True", True), (np.bool_(True), True)):
        config.profile = value
        assert config.profile is wanted
    with pytest.raises(TypeError, match="profile"):
        config.profile = 2
    config.optimizer = None
    assert config.optimizer == "None"


def test_options_of_a_program():
    parser = tgen.configparser
    parser.AddConfigVar("lab.depth", "how deep", parser.IntParam(3, lambda n: n > 0))
    parser.AddConfigVar("lab.kind", "which", parser.EnumStr("thin", "thick"))
    parser.AddConfigVar("lab_rate", "how fast", parser.FloatParam(1))
    assert (config.lab.depth, config.lab.kind, config.lab_rate) == (
        3,
        "thin",
        1.0,
    ) and "lab.depth = 3    # how deep" in repr(config)
    assert read("lab.depth=5,lab.kind=thick,lab_rate=0.5") == [] and (
        config.lab.depth,
        config.lab.kind,
        config.lab_rate,
    ) == (5, "thick", 0.5)
    for name, value in (("depth", 0), ("kind", "wide"), ("depth", "x")):
        with pytest.raises(ValueError, match=f"lab.{name}"):
            setattr(config.lab, name, value)
    with pytest.raises(AttributeError, match="already"):
        parser.AddConfigVar("lab.depth", "", parser.IntParam(1))
    with pytest.raises(TypeError, match="StrParam"):
        parser.AddConfigVar("lab.odd", "", 3)


def test_an_option_of_a_program_from_the_environment(monkeypatch):
    monkeypatch.setenv("THEANO_FLAGS", "floatX=float64,late.name=there")
    tgen.configparser.AddConfigVar("late.name", "", tgen.configparser.StrParam("here"))
    assert config.late.name == "there"
