"""The UCI optical digits (Alpaydin and Kaynak, CC BY 4.0, see LICENSE): 1,797 images of 8x8 pixels with
values 0 to 16.
"""

import importlib.resources

import numpy as np

TRAIN, VALID = 1200, 300  # the other 297 are the test set
SHIFT = 0.7  # how far, in pixels, a training image is also shown moved


def load():
    """(images, labels): float32[1797, 64] in 0..1 and int32[1797].

    >>> images, labels = load()
    >>> images.shape, images.dtype, float(images.max()), labels[:5].tolist()
    ((1797, 64), dtype('float32'), 1.0, [0, 1, 2, 3, 4])
    """
    with importlib.resources.files("tgen.examples.digits").joinpath("digits.npz").open("rb") as file:
        stored = np.load(file)
        return stored["images"].astype("float32") / np.float32(16), stored["labels"].astype("int32")


def moved(images, axis, sign):
    """The 8x8 images moved by SHIFT pixels up, down, left or right: a blend of the image and its neighbour by
    one pixel.
    """
    frames = images.reshape(-1, 8, 8)
    neighbour = np.zeros_like(frames)
    ahead, behind = [slice(None)] * 3, [slice(None)] * 3
    ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
    source, target = (behind, ahead) if sign > 0 else (ahead, behind)
    neighbour[tuple(target)] = frames[tuple(source)]
    return ((1 - SHIFT) * frames + SHIFT * neighbour).reshape(images.shape).astype(images.dtype)


def upsampled(images, side=28):
    """The 8x8 images, float32[n, 64], as side x side images: float32[n, side * side], straight lines between
    the centres of pixels.

    >>> ramp = np.tile(np.arange(8, dtype="float32"), (1, 8))
    >>> upsampled(ramp, 4)[0, :4]
    array([0.5, 2.5, 4.5, 6.5], dtype=float32)
    """
    places = np.clip((np.arange(side) + 0.5) * 8 / side - 0.5, 0, 7)
    weights = np.maximum(1 - abs(places[:, None] - np.arange(8)), 0).astype(images.dtype)
    return (weights @ images.reshape(-1, 8, 8) @ weights.T).reshape(len(images), side * side)


def black_and_white(images):
    """The images with 1 where a pixel is darker than half and 0 elsewhere: for models of zeros and ones."""
    return (images > 0.5).astype(images.dtype)


def sets(seed):
    """{"train", "valid", "test"} -> (images, labels), split and shuffled by ``seed``. Only the training
    images come moved, too.

    >>> [(name, len(labels)) for name, (images, labels) in sets(0).items()]
    [('train', 6000), ('valid', 300), ('test', 297)]
    """
    rng = np.random.RandomState(seed)
    images, labels = load()
    order = rng.permutation(len(images))
    images, labels = images[order], labels[order]
    train = images[:TRAIN]
    seen = np.concatenate([train] + [moved(train, axis, sign) for axis in (1, 2) for sign in (1, -1)])
    shuffled = rng.permutation(len(seen))
    return {
        "train": (seen[shuffled], np.tile(labels[:TRAIN], 5)[shuffled]),
        "valid": (images[TRAIN : TRAIN + VALID], labels[TRAIN : TRAIN + VALID]),
        "test": (images[TRAIN + VALID :], labels[TRAIN + VALID :]),
    }
