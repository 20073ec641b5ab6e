"""What programs ask theano.config and the modes; the answers depend on THEANO_FLAGS."""
from __future__ import print_function

import numpy as np
import theano
import theano.tensor as T
from theano.compile.mode import Mode, get_default_mode, get_mode

if [int(part) for part in theano.__version__.split('.')[:2]] < [0, 7]:
    raise SystemExit('too old a Theano')
try:
    from theano.sandbox.cuda import cuda_available
    from theano.sandbox.cuda.dnn import dnn_available
except ImportError:
    cuda_available = False
print('config', theano.config.floatX, theano.config.device, theano.config.mode, theano.config.optimizer, bool(cuda_available), dnn_available())
print('more', theano.config.lib.cnmem, repr(theano.config.gcc.cxxflags), theano.config.exception_verbosity, theano.config.compute_test_value)

x = T.vector('x')
s = theano.shared(np.zeros(3, dtype=theano.config.floatX), 's')
y = T.exp(x) / T.sum(T.exp(x))
mode = get_default_mode().excluding('fusion', 'gpuarray')
asked = {'default': None, 'fast_run': 'FAST_RUN', 'fast_compile': 'FAST_COMPILE', 'debug': theano.compile.DebugMode(check_py_code=False),
         'excluding': mode, 'own': Mode(linker='cvm', optimizer='fast_run'), 'none': theano.Mode(optimizer=None), 'by name': get_mode('FAST_RUN').including('local_remove_all_assert')}
values = np.asarray([0., 1., 2.], dtype=theano.config.floatX)
results = dict((name, theano.function([x], y, updates=[(s, s + y)], mode=m)(values)) for name, m in asked.items())
print('dtype', y.dtype, set(str(r.dtype) for r in results.values()))
print('softmax', ' '.join('%.6f' % v for v in results['default']))
print('all alike', all(np.allclose(r, results['default']) for r in results.values()), '%.4f' % s.get_value().sum())

guarded = theano.function([x], T.log(x), mode=theano.compile.nanguardmode.NanGuardMode(nan_is_error=True, inf_is_error=True, big_is_error=False))
try:
    guarded(np.asarray([-1., 1., 2.], dtype=theano.config.floatX))
except AssertionError as error:
    print('guarded:', str(error).split(';')[0])

with theano.configparser.change_flags(floatX='float32', compute_test_value='raise'):
    v = T.matrix('v')
    v.tag.test_value = np.ones((2, 3), dtype='float32')
    print('inside', T.dot(v, v.T).tag.test_value.shape, v.dtype, theano.config.floatX)
f = theano.function([x], y)
if np.any([isinstance(node.op, T.Elemwise) and ('Gpu' not in type(node.op).__name__) for node in f.maker.fgraph.toposort()]):
    print('Used the cpu')
else:
    print('Used the gpu')
