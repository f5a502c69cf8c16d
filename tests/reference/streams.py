"""The engine's random streams (core/base/rng.h) and what it draws from them, written a second time.

Other scripts import this; trainings compared with other programs then start from our own initial
weights and take our own batches.
"""

import math

import numpy

INIT, SHUFFLE = 2, 3  # enum rng_purpose
MASK = 0xFFFFFFFF


def philox(counter, key):
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = p1 >> 32 ^ c1 ^ k0, p1 & MASK, p0 >> 32 ^ c3 ^ k1, p0 & MASK
        k0, k1 = k0 + 0x9E3779B9 & MASK, k1 + 0xBB67AE85 & MASK
    return c0, c1, c2, c3


class Stream:
    """One named stream: (seed, repeat, fold, purpose, index)."""

    def __init__(self, seed, repeat, fold, purpose, index):
        self.words = self._words((seed & MASK, seed >> 32), index, repeat << 16 | fold, purpose)

    @staticmethod
    def _words(key, *rest):
        block = 0
        while True:
            yield from philox((block, *rest), key)
            block += 1

    def u64(self):
        return next(self.words) << 32 | next(self.words)

    def f64(self):
        return (self.u64() >> 11) * 2.0**-53

    def below(self, n):
        m = next(self.words) * n
        while m & MASK < (1 << 32) % n:
            m = next(self.words) * n
        return m >> 32

    def normal(self):
        u = 1 - self.f64()
        return math.sqrt(-2 * math.log(u)) * math.cos(2 * math.pi * self.f64())

    def uniform(self):
        """In [-1, 1), exact in float32."""
        return (next(self.words) >> 8) * 2.0**-23 - 1


def initial_weights(name, layer, inputs, outputs, seed, repeat, fold):
    """Layers count from 1. float32, (inputs, outputs)."""
    stream = Stream(seed, repeat, fold, INIT, layer)
    n = inputs * outputs
    if name == "he_normal":
        draws = [math.sqrt(2 / inputs) * stream.normal() for _ in range(n)]
        return numpy.array(draws).astype(numpy.float32).reshape(inputs, outputs)
    assert name == "glorot_uniform"
    draws = numpy.array([stream.uniform() for _ in range(n)], dtype=numpy.float32)
    return (numpy.float32(math.sqrt(6 / (inputs + outputs))) * draws).reshape(inputs, outputs)


def batch_order(rows, epoch, seed, repeat, fold):
    """Epochs count from 1."""
    stream = Stream(seed, repeat, fold, SHUFFLE, epoch)
    order = list(range(rows))
    for i in range(rows, 1, -1):
        j = stream.below(i)
        order[i - 1], order[j] = order[j], order[i - 1]
    return order
