"""Logistic regression by stochastic gradient descent with early stopping, in the manner of the Theano tutorials.

    tgen run logistic_sgd.py [EPOCHS]
"""
from __future__ import print_function

import sys
import timeit

import numpy

import theano
import theano.tensor as T


class LogisticRegression(object):
    """Classes by a weight matrix W and a bias b."""

    def __init__(self, input, n_in, n_out):
        self.W = theano.shared(value=numpy.zeros((n_in, n_out), dtype=theano.config.floatX), name='W', borrow=True)
        self.b = theano.shared(value=numpy.zeros((n_out,), dtype=theano.config.floatX), name='b', borrow=True)
        self.p_y_given_x = T.nnet.softmax(T.dot(input, self.W) + self.b)
        self.y_pred = T.argmax(self.p_y_given_x, axis=1)
        self.params = [self.W, self.b]
        self.input = input

    def negative_log_likelihood(self, y):
        return -T.mean(T.log(self.p_y_given_x)[T.arange(y.shape[0]), y])

    def errors(self, y):
        if y.ndim != self.y_pred.ndim:
            raise TypeError('y should have the same shape as self.y_pred', ('y', y.type, 'y_pred', self.y_pred.type))
        if y.dtype.startswith('int'):
            return T.mean(T.neq(self.y_pred, y))
        raise NotImplementedError()


def load_data(n_in=12, n_out=3, seed=17):
    """Three sets of points around n_out centers, as (shared points, shared labels cast to int32)."""
    rng = numpy.random.RandomState(seed)
    centers = rng.normal(scale=1.2, size=(n_out, n_in))

    def shared_dataset(count, borrow=True):
        labels = rng.randint(0, n_out, size=count)
        points = centers[labels] + rng.normal(scale=1.5, size=(count, n_in))
        shared_x = theano.shared(numpy.asarray(points, dtype=theano.config.floatX), borrow=borrow)
        shared_y = theano.shared(numpy.asarray(labels, dtype=theano.config.floatX), borrow=borrow)
        return shared_x, T.cast(shared_y, 'int32')

    return [shared_dataset(600), shared_dataset(200), shared_dataset(200)]


def sgd_optimization(learning_rate=0.13, n_epochs=8, batch_size=50):
    (train_x, train_y), (valid_x, valid_y), (test_x, test_y) = load_data()
    n_train_batches = train_x.get_value(borrow=True).shape[0] // batch_size
    n_valid_batches = valid_x.get_value(borrow=True).shape[0] // batch_size
    n_test_batches = test_x.get_value(borrow=True).shape[0] // batch_size

    print('... building the model')
    index = T.lscalar()
    x = T.matrix('x')
    y = T.ivector('y')
    classifier = LogisticRegression(input=x, n_in=12, n_out=3)
    cost = classifier.negative_log_likelihood(y)

    def batch(points, labels):
        return {x: points[index * batch_size:(index + 1) * batch_size], y: labels[index * batch_size:(index + 1) * batch_size]}

    test_model = theano.function(inputs=[index], outputs=classifier.errors(y), givens=batch(test_x, test_y))
    validate_model = theano.function(inputs=[index], outputs=classifier.errors(y), givens=batch(valid_x, valid_y))
    g_W = T.grad(cost=cost, wrt=classifier.W)
    g_b = T.grad(cost=cost, wrt=classifier.b)
    updates = [(classifier.W, classifier.W - learning_rate * g_W), (classifier.b, classifier.b - learning_rate * g_b)]
    train_model = theano.function(inputs=[index], outputs=cost, updates=updates, givens=batch(train_x, train_y))

    print('... training the model')
    patience, patience_increase, improvement_threshold = 60, 2, 0.995
    validation_frequency = min(n_train_batches, patience // 2)
    best_validation_loss, test_score = numpy.inf, 0.
    start_time = timeit.default_timer()
    done_looping, epoch = False, 0
    while epoch < n_epochs and not done_looping:
        epoch = epoch + 1
        for minibatch_index in range(n_train_batches):
            minibatch_avg_cost = train_model(minibatch_index)
            iter = (epoch - 1) * n_train_batches + minibatch_index
            if (iter + 1) % validation_frequency == 0:
                this_validation_loss = numpy.mean([validate_model(i) for i in range(n_valid_batches)])
                print('epoch %i, minibatch %i/%i, cost %.9f, validation error %f %%' % (
                    epoch, minibatch_index + 1, n_train_batches, minibatch_avg_cost, this_validation_loss * 100.))
                if this_validation_loss < best_validation_loss:
                    if this_validation_loss < best_validation_loss * improvement_threshold:
                        patience = max(patience, iter * patience_increase)
                    best_validation_loss = this_validation_loss
                    test_score = numpy.mean([test_model(i) for i in range(n_test_batches)])
            if patience <= iter:
                done_looping = True
                break
    print('best validation error %f %%, test error %f %%' % (best_validation_loss * 100., test_score * 100.))
    print('ran for %d epochs, %.1fs' % (epoch, timeit.default_timer() - start_time), file=sys.stderr)


if __name__ == '__main__':
    sgd_optimization(n_epochs=int(sys.argv[1]) if len(sys.argv) > 1 else 8)
