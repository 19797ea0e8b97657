"""Digits, photographs and the teapot are what their docstrings say."""

import pytest
import torch

from shared.data import arrays


def test_mnist():
    images, labels, test_images, test_labels = arrays.mnist()
    assert (images.shape, test_images.shape) == ((5000, 28, 28), (1000, 28, 28))
    assert (images.dtype, labels.dtype) == (torch.uint8, torch.int64)
    assert torch.bincount(labels).tolist() == [479, 563, 488, 493, 535, 434, 501, 550, 462, 495]
    assert torch.bincount(test_labels).tolist() == [85, 126, 116, 107, 110, 87, 87, 99, 89, 94]
    # Terminal is 255 and stands in the middle.
    assert images[:, 10:18, 10:18].float().mean() > 10 * images[:, :3].float().mean()


def test_photographs():
    shapes = {"astronaut": (512, 512, 3), "cat": (300, 451, 3), "coffee": (400, 600, 3), "rocket": (427, 640, 3)}
    for name, shape in shapes.items():
        photograph = arrays.photograph(name)
        assert photograph.shape == shape
        assert photograph.dtype == torch.uint8
        assert photograph.float().std() > 30, name
    with pytest.raises(ValueError, match="there are: astronaut"):
        arrays.photograph("dog")


def test_the_teapot_is_closed_at_its_seams():
    patches = arrays.teapot_patches()
    assert patches.shape == (32, 4, 4, 3)
    assert patches.dtype == torch.float32
    low, high = patches.reshape(-1, 3).aminmax(dim=0)
    assert torch.allclose(low, torch.tensor([-3.0, -2.0, 0.0]))
    assert torch.allclose(high, torch.tensor([3.525, 2.0, 3.15]))
    # The rim goes round in four patches: the last column of each is the first of the next.
    for one, other in ((0, 1), (1, 2), (2, 3), (3, 0)):
        assert torch.equal(patches[one][:, 3], patches[other][:, 0])
