"""A convolutional network of the layers in layers.py learns which way the stripes of an image run. THEANO_FLAGS=floatX=float32 is meant."""
from __future__ import print_function

import numpy as np

import theano
import theano.tensor as T

import layers


def images(count, rng):
    """Noisy images with two stripes across (0), down (1) or from corner to corner (2)."""
    labels = rng.randint(0, 3, count)
    x = rng.normal(scale=0.4, size=(count, 1, 12, 12))
    for image, label in zip(x[:, 0], labels):
        at = rng.randint(1, 5)
        for k in (at, at + 5):
            if label == 0:
                image[k] += 1.5
            elif label == 1:
                image[:, k] += 1.5
            else:
                image[np.arange(12), (np.arange(12) + k) % 12] += 1.5
    return layers.floatX(x), labels.astype('int32')


def build(input_var, batch_size):
    network = layers.InputLayer((batch_size, 1, 12, 12), input_var)
    network = layers.ConvLayer(network, 8, (3, 3), name='conv')
    network = layers.MaxPoolLayer(network, (2, 2))
    network = first = layers.DenseLayer(network, 40, name='first')
    network = layers.DropoutLayer(network, 0.3)
    network = second = layers.DenseLayer(network, 40, name='second')
    network = layers.DenseLayer(network, 40, W=second.W, b=second.b, name='again')      # tied to the layer before
    network = layers.DenseLayer(network, 3, nonlinearity=T.nnet.softmax, name='out')
    return network


rng = np.random.RandomState(3)
train_x, train_y = images(400, rng)
test_x, test_y = images(200, rng)
input_var, target_var = T.tensor4('inputs'), T.ivector('targets')
network = build(input_var, 20)
params = layers.get_params(network)
print('parameters:', ' '.join('%s%s' % (p.name, p.get_value().shape) for p in params))

loss = T.nnet.categorical_crossentropy(layers.get_output(network), target_var).mean()
train_fn = theano.function([input_var, target_var], loss, updates=layers.nesterov_momentum(loss, params, 0.02))
test_prediction = layers.get_output(network, deterministic=True)
test_fn = theano.function([input_var, target_var], T.mean(T.eq(T.argmax(test_prediction, axis=1), target_var), dtype=theano.config.floatX))

for epoch in range(6):
    cost = np.mean([train_fn(train_x[k:k + 20], train_y[k:k + 20]) for k in range(0, 400, 20)])
    print('epoch %d: loss %.4f' % (epoch + 1, cost))
accuracy = np.mean([test_fn(test_x[k:k + 20], test_y[k:k + 20]) for k in range(0, 200, 20)])
print('accuracy %.1f %%, dtype %s' % (100 * accuracy, params[0].get_value().dtype))

mask = theano.function([], layers.RandomStreams(12345).uniform((2, 3)))
print('first draws', ' '.join('%.6f' % v for v in mask().ravel()[:4]))
