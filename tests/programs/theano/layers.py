"""A small library of layers: every layer knows its input, its output and its parameters, and networks share them by name."""
from collections import OrderedDict

import numpy as np

import theano
import theano.tensor as T
from theano.sandbox.rng_mrg import MRG_RandomStreams as RandomStreams
from theano.tensor.nnet import conv
from theano.tensor.signal import downsample

_rng = np.random.RandomState(1234)
_srng = RandomStreams(12345)


def floatX(values):
    return np.asarray(values, dtype=theano.config.floatX)


class Layer(object):
    """A function of the layer before it; ``params`` is name -> shared variable."""

    def __init__(self, incoming, name=None):
        self.input_layer, self.name = incoming, name
        self.params = OrderedDict()
        self.input_shape = incoming.output_shape if isinstance(incoming, Layer) else tuple(incoming)
        self.output_shape = self.get_output_shape()

    def add_param(self, value, shape, name):
        if isinstance(value, theano.compile.SharedVariable):
            assert value.get_value(borrow=True).shape == tuple(shape)
        else:
            value = theano.shared(floatX(value), name='%s.%s' % (self.name, name), borrow=True)
        self.params[name] = value
        return value

    def get_output_shape(self):
        return self.input_shape

    def get_output_for(self, input, deterministic=False):
        return input


class InputLayer(Layer):
    def __init__(self, shape, input_var):
        self.input_var = input_var
        super(InputLayer, self).__init__(shape, 'input')


class DenseLayer(Layer):
    def __init__(self, incoming, num_units, nonlinearity=T.nnet.relu, W=None, b=None, name=None):
        self.num_units, self.nonlinearity = num_units, nonlinearity
        super(DenseLayer, self).__init__(incoming, name)
        n_in = int(np.prod(self.input_shape[1:]))
        bound = np.sqrt(6. / (n_in + num_units))
        self.W = self.add_param(_rng.uniform(-bound, bound, (n_in, num_units)) if W is None else W, (n_in, num_units), 'W')
        self.b = self.add_param(np.zeros(num_units) if b is None else b, (num_units,), 'b')

    def get_output_shape(self):
        return self.input_shape[0], self.num_units

    def get_output_for(self, input, deterministic=False):
        if input.ndim > 2:
            input = input.flatten(2)
        return self.nonlinearity(T.dot(input, self.W) + self.b)


class ConvLayer(Layer):
    def __init__(self, incoming, num_filters, filter_size, nonlinearity=T.tanh, name=None):
        self.num_filters, self.filter_size, self.nonlinearity = num_filters, filter_size, nonlinearity
        super(ConvLayer, self).__init__(incoming, name)
        shape = (num_filters, self.input_shape[1]) + tuple(filter_size)
        self.W = self.add_param(_rng.normal(scale=0.3, size=shape), shape, 'W')
        self.b = self.add_param(np.zeros(num_filters), (num_filters,), 'b')

    def get_output_shape(self):
        batch, _, rows, columns = self.input_shape
        return batch, self.num_filters, rows - self.filter_size[0] + 1, columns - self.filter_size[1] + 1

    def get_output_for(self, input, deterministic=False):
        image_shape = self.input_shape if self.input_shape[0] is not None else None
        convolved = conv.conv2d(input, self.W, image_shape=image_shape, filter_shape=self.W.get_value(borrow=True).shape)
        return self.nonlinearity(convolved + self.b.dimshuffle('x', 0, 'x', 'x'))


class MaxPoolLayer(Layer):
    def __init__(self, incoming, ds, name=None):
        self.ds = ds
        super(MaxPoolLayer, self).__init__(incoming, name)

    def get_output_shape(self):
        batch, channels, rows, columns = self.input_shape
        return batch, channels, rows // self.ds[0], columns // self.ds[1]

    def get_output_for(self, input, deterministic=False):
        return downsample.max_pool_2d(input, self.ds, ignore_border=True)


class DropoutLayer(Layer):
    def __init__(self, incoming, p=0.5, name=None):
        self.p = p
        super(DropoutLayer, self).__init__(incoming, name)

    def get_output_for(self, input, deterministic=False):
        if deterministic or self.p == 0:
            return input
        keep = 1. - self.p
        mask = _srng.binomial(self.output_shape if None not in self.output_shape else input.shape, p=keep, dtype=theano.config.floatX)
        return input * mask / keep


def get_all_layers(layer):
    layers = []
    while isinstance(layer, Layer):
        layers.insert(0, layer)
        layer = layer.input_layer
    return layers


def get_output(layer, deterministic=False):
    layers = get_all_layers(layer)
    value = layers[0].input_var
    for each in layers[1:]:
        value = each.get_output_for(value, deterministic=deterministic)
    return value


def get_params(layer):
    """Each parameter once, although layers may share them."""
    found = OrderedDict((param, None) for each in get_all_layers(layer) for param in each.params.values())
    return list(found)


def nesterov_momentum(loss, params, learning_rate, momentum=0.9):
    grads = theano.grad(loss, params)
    updates = OrderedDict()
    for param, grad in zip(params, grads):
        value = param.get_value(borrow=True)
        velocity = theano.shared(np.zeros(value.shape, dtype=value.dtype), broadcastable=param.broadcastable)
        x = momentum * velocity - learning_rate * grad
        updates[velocity] = x
        updates[param] = param + momentum * x - learning_rate * grad
    return updates
