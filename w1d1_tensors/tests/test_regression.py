"""Tests of regression.py. The oracles: numpy's least squares and matrix_rank, autograd, and a softmax by formula."""

import functools

import numpy as np
import pytest
import regression
import torch

from shared.checks import close, equal, exercise, fail, same_for_any_layout, same_gradients, strided
from shared.data.arrays import mnist

rows_or_column = pytest.mark.parametrize("shape", ["(n,)", "(n, 1)"])


def shaped(y, shape):
    """The same targets as a row, or as a column."""
    return {"(n,)": y, "(n, 1)": y[:, None]}[shape]


# ---- A line, three ways ----------------------------------------------------------------------------------------------


@exercise("with_bias")
def test_ones_stand_at_the_right_end(device):
    x = torch.tensor([[5.0, -2.0], [7.0, 0.0], [0.0, 3.0]], device=device)
    expected = torch.tensor([[5.0, -2.0, 1.0], [7.0, 0.0, 1.0], [0.0, 3.0, 1.0]], device=device)
    equal(regression.with_bias(x), expected)


@exercise("with_bias")
@pytest.mark.parametrize("n, d", [(1, 1), (4, 3), (3, 0), (0, 2)])
def test_one_more_column_for_any_size(n, d, draw):
    x = draw(n, d, dtype=torch.float64)
    expected = torch.from_numpy(np.pad(x.cpu().numpy(), ((0, 0), (0, 1)), constant_values=1.0)).to(x)
    equal(regression.with_bias(x), expected)


@exercise("with_bias")
def test_bias_in_any_layout_and_in_16_bits(draw):
    def padded(x):
        return torch.nn.functional.pad(x, (0, 1), value=1.0)

    same_for_any_layout(regression.with_bias, padded, draw(4, 3))
    for dtype in (torch.bfloat16, torch.float16):
        x = draw(4, 3, dtype=dtype)
        equal(regression.with_bias(x), padded(x), name=str(dtype))


solvers = pytest.mark.parametrize(
    "name", [pytest.param(n, marks=exercise(n), id=n) for n in ("solve_normal", "solve_qr")]
)


def least_squares(x, y):
    """numpy's, in float64."""
    found = np.linalg.lstsq(x.double().cpu().numpy(), y.double().flatten().cpu().numpy(), rcond=None)[0]
    return torch.from_numpy(found).to(x)


@solvers
def test_a_line_through_two_points(name, device):
    x = torch.tensor([[0.0, 1.0], [1.0, 1.0]], device=device)
    y = torch.tensor([3.0, 5.0], device=device)
    close(getattr(regression, name)(x, y), torch.tensor([2.0, 3.0], device=device))


@solvers
@rows_or_column
@pytest.mark.parametrize("n, d", [(17, 3), (9, 1), (1, 1), (12, 4)])
def test_smallest_sum_of_squares(name, shape, n, d, draw):
    x, y = draw(n, d, dtype=torch.float64), draw(n, dtype=torch.float64)
    close(getattr(regression, name)(x, shaped(y, shape)), least_squares(x, y))


@solvers
def test_solves_float32_and_views(name, draw):
    x, y = draw(40, 3), draw(40)
    close(getattr(regression, name)(x, y), least_squares(x, y), rtol=1e-3, atol=1e-4)
    got = getattr(regression, name)(strided(x), strided(y[:, None]))
    close(got, least_squares(x, y), rtol=1e-3, atol=1e-4, name="of views")
    got = getattr(regression, name)(x.T.contiguous().T, y[:, None])
    close(got, least_squares(x, y), rtol=1e-3, atol=1e-4, name="of an x with its columns first in memory")
    ones = draw(1).expand(40)
    close(getattr(regression, name)(x, ones), least_squares(x, ones), rtol=1e-3, atol=1e-4, name="of an expanded y")


@exercise("solve_qr")
@pytest.mark.parametrize("degree", [5, 6])
def test_columns_that_nearly_depend_on_each_other(degree, device):
    # The powers of t on [0, 1]: condition 4e3 and 2e4. In float32, QR was off by 6e-4 at most, xᵀx by 0.2 to 28.
    x = torch.linspace(0, 1, 50, dtype=torch.float64)[:, None] ** torch.arange(degree + 1)
    x, y = x.float().to(device), x.sum(dim=1).float().to(device)
    close(regression.solve_qr(x, y), least_squares(x, y), atol=0.03, rtol=0)


@exercise("solve_qr")
def test_no_singular_value_is_cut_off(device):
    # Two columns that differ by 1e-5: condition 2e5. Whoever leaves the small singular value out finds (1, 1).
    t = torch.linspace(-1, 1, 40, dtype=torch.float64)
    x = torch.stack([t, t + 1e-5 * (7 * t).cos()], dim=1).float()
    y = x.double() @ torch.tensor([2.0, 0.0], dtype=torch.float64)
    got = regression.solve_qr(x.to(device), y.float().to(device))
    close(got, least_squares(x, y.float()).to(device), atol=0.1, rtol=0)


@exercise("solve_qr")
def test_no_singular_value_is_cut_off_in_a_tall_matrix(device):
    # Condition 1.6e4, so float32 is right to 2e-3. With 2,000 rows, torch's own pinv leaves out whatever is smaller
    # than 2,000 · 1.2e-7 of the largest singular value, a four-thousandth, and finds (1, 1).
    t = torch.linspace(-1, 1, 2000, dtype=torch.float64)
    x = torch.stack([t, t + 1e-4 * (7 * t).cos()], dim=1).float()
    y = x.double() @ torch.tensor([2.0, 0.0], dtype=torch.float64)
    got = regression.solve_qr(x.to(device), y.float().to(device))
    close(got, least_squares(x, y.float()).to(device), atol=0.02, rtol=0)


@exercise("numerical_rank")
@pytest.mark.parametrize("n, d, rank", [(7, 5, 3), (4, 9, 2), (6, 6, 6), (1, 1, 1), (5, 3, 3)])
def test_rank_of_a_product(n, d, rank, draw):
    x = draw(n, rank) @ draw(rank, d)
    equal(int(regression.numerical_rank(x)), int(np.linalg.matrix_rank(x.cpu().numpy())))
    equal(int(regression.numerical_rank(strided(x))), rank, name="of a view")
    x = draw(n, rank, dtype=torch.float64) @ draw(rank, d, dtype=torch.float64)
    equal(int(regression.numerical_rank(1e6 * x)), rank, name="float64, a million times as large")
    equal(int(regression.numerical_rank(1e-20 * x)), rank, name="float64, 1e-20 times as large")


@exercise("numerical_rank")
@pytest.mark.parametrize("n, d", [(4, 3), (0, 3), (3, 0), (1, 1)])
def test_nothing_has_rank_0(n, d, device):
    equal(int(regression.numerical_rank(torch.zeros(n, d, device=device))), 0)


@exercise("numerical_rank")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n, d", [(40, 5), (5, 40)])
def test_where_the_line_is_drawn(n, d, dtype, device):
    # Relative to the largest, the line is at 40 eps; singular values of 44 and 36 eps lie on its two sides.
    x = torch.zeros(n, d, dtype=dtype, device=device)
    eps = torch.finfo(dtype).eps
    values = torch.tensor([8.0, -8 * 44 * eps, 8 * 36 * eps, 7.0], dtype=dtype)
    x[[0, 1, 2, 3], [2, 0, 1, 3]] = values.to(device)
    equal(int(regression.numerical_rank(x)), 3)


def by_autograd(x, y, w):
    w = w.detach().clone().requires_grad_()
    loss = ((x @ w).flatten() - y.flatten()).square().mean()
    return torch.autograd.grad(loss, w)[0]


@exercise("squared_error_gradient")
def test_a_gradient_by_hand(device):
    # Errors 1 and 4; 2/2 · (1·1 + 2·4) = 9.
    x, y, w = ([[1.0], [2.0]], [2.0, 2.0], [3.0])
    x, y, w = (torch.tensor(values, device=device) for values in (x, y, w))
    close(regression.squared_error_gradient(x, y, w), torch.tensor([9.0], device=device))


@exercise("squared_error_gradient")
@rows_or_column
@pytest.mark.parametrize("n, d", [(7, 3), (1, 4), (3, 1), (5, 5)])
def test_gradient_equals_autograds(shape, n, d, draw):
    x, y, w = draw(n, d), draw(n), draw(d)
    close(regression.squared_error_gradient(x, shaped(y, shape), w), by_autograd(x, y, w))


@exercise("squared_error_gradient")
def test_gradient_in_any_layout(draw):
    for y in (draw(7), draw(7, 1)):
        same_for_any_layout(regression.squared_error_gradient, by_autograd, draw(7, 3), y, draw(3))


@exercise("squared_error_gradient")
def test_needs_no_autograd(draw, monkeypatch):
    def never(*args, **kwargs):
        fail("autograd was asked for the gradient; here you derive it by hand")

    x, y, w = draw(6, 2), draw(6), draw(2)
    expected = by_autograd(x, y, w)
    for place, name in (
        (torch.autograd, "grad"),
        (torch.autograd, "backward"),
        (torch.func, "grad"),
        (torch.func, "vjp"),
    ):
        monkeypatch.setattr(place, name, never)
    with torch.no_grad():
        got = regression.squared_error_gradient(x, y, w)
    close(got, expected)


def descent(x, y, lr, steps):
    """With autograd's gradients."""
    w, losses = torch.zeros(x.shape[1], dtype=x.dtype, device=x.device), []
    for step in range(steps + 1):
        losses.append((x @ w - y.flatten()).square().mean())
        w = w - lr * by_autograd(x, y, w) * (step < steps)
    return w, torch.stack(losses)


@exercise("descend")
@rows_or_column
@pytest.mark.parametrize("n, d, lr, steps", [(7, 3, 0.1, 5), (4, 1, 0.3, 1), (1, 2, 0.05, 3), (5, 5, 0.02, 2)])
def test_descent_equals_autograds(shape, n, d, lr, steps, draw):
    x, y = draw(n, d), draw(n)
    close(regression.descend(x, shaped(y, shape), lr, steps), descent(x, y, lr, steps))


@exercise("descend")
def test_no_step_at_all(draw):
    x, y = draw(6, 3), draw(6)
    w, losses = regression.descend(x, y, 0.1, 0)
    close(w, torch.zeros(3, device=x.device))
    close(losses, y.square().mean()[None])


@exercise("descend")
def test_descent_in_any_layout(draw):
    def mine(x, y):
        return regression.descend(x, y, 0.1, 4)

    same_for_any_layout(mine, lambda x, y: descent(x, y, 0.1, 4), draw(7, 3), draw(7))


@exercise("descend")
def test_steps_that_have_nothing_to_do_are_counted_too(draw):
    x = draw(6, 3)
    w, losses = regression.descend(x, torch.zeros_like(x[:, 0]), 0.1, 4)
    close(w, torch.zeros(3, device=x.device))
    close(losses, torch.zeros(5, device=x.device))


@exercise("descend")
def test_too_large_a_step_diverges(device):
    # The largest eigenvalue of xᵀx / n is 1 here, the column of ones': the limit is a learning rate of 1.
    x = torch.stack([torch.linspace(-1, 1, 9), torch.ones(9)], dim=1).to(device)
    y = x @ torch.tensor([2.0, 3.0], device=device)
    _, good = regression.descend(x, y, 0.9, 60)
    _, bad = regression.descend(x, y, 1.1, 60)
    close(good[-1], torch.zeros((), device=device))
    # Its error along the ones is multiplied by 1 - 2.2 a step; the other part has died out long before.
    close(bad[-1] / bad[-2], torch.tensor(1.44, device=device))


# ---- Ten digits ------------------------------------------------------------------------------------------------------


@exercise("pixels")
@pytest.mark.parametrize("n, height, width", [(3, 2, 5), (1, 4, 3), (2, 1, 1)])
def test_pixels_in_reading_order_from_0_to_1(n, height, width, draw):
    images = draw.ints(0, 256, n, height, width).to(torch.uint8)
    images[0, 0, 0] = 255
    rows = [[value / 255 for line in image for value in line] for image in images.tolist()]
    close(regression.pixels(images), torch.tensor(rows, device=images.device))


@exercise("pixels")
def test_pixels_of_views(draw):
    def theirs(images):
        return torch.tensor(images.tolist(), device=images.device).reshape(len(images), -1) / 255

    images = draw.ints(0, 256, 3, 5, 7).to(torch.uint8)
    window = images[:, 1:3, 1:6]
    close(regression.pixels(window), theirs(window), name="of a window of larger images")
    close(regression.pixels(images.mT), theirs(images.mT), name="of transposed images")
    same_for_any_layout(regression.pixels, theirs, images)


def trained(x, labels, lr, steps, classes=10):
    """The gradient of the cross-entropy by formula, xᵀ(p - onehot) / n, in float64."""
    wide, weights = x.double(), torch.zeros(x.shape[1], classes, dtype=torch.float64, device=x.device)
    onehot = (labels[:, None] == torch.arange(classes, device=x.device)).double()
    for _ in range(steps):
        logits = wide @ weights
        e = (logits - logits.amax(dim=1, keepdim=True)).exp()
        weights = weights - lr / len(x) * wide.T @ (e / e.sum(dim=1, keepdim=True) - onehot)
    return weights.to(x.dtype)


@exercise("train_logistic")
@pytest.mark.parametrize(
    "n, d, classes, steps", [(13, 5, 3, 4), (1, 2, 4, 2), (6, 1, 2, 1), (5, 5, 5, 3), (3, 2, 3, 0)]
)
def test_training_equals_the_formula(n, d, classes, steps, draw):
    x, labels = draw(n, d), draw.ints(0, classes, n)
    got = regression.train_logistic(x, labels, 0.7, steps, classes=classes)
    close(got, trained(x, labels, 0.7, steps, classes))
    equal(got.requires_grad, False, name="whether the weights still require a gradient")


@exercise("train_logistic")
def test_large_logits_do_not_overflow(draw):
    x, labels = draw(8, 4) * 40, draw.ints(0, 3, 8)
    close(regression.train_logistic(x, labels, 1.0, 3, classes=3), trained(x, labels, 1.0, 3, 3), rtol=1e-3, atol=1e-2)


@exercise("train_logistic")
def test_ten_classes_unless_told(draw):
    x, labels = draw(8, 3), draw.ints(0, 4, 8)
    close(regression.train_logistic(x, labels, 0.5, 3), trained(x, labels, 0.5, 3))


@exercise("train_logistic")
def test_training_in_any_layout(draw):
    def mine(x, labels):
        return regression.train_logistic(x, labels, 1.5, 6)

    same_for_any_layout(mine, lambda x, labels: trained(x, labels, 1.5, 6), draw(9, 4), draw.ints(0, 10, 9))


@exercise("accuracy")
def test_a_share_by_hand(device):
    logits = torch.tensor([[0.1, 0.9, -3.0], [3.0, 2.0, 1.0], [-5.0, -2.0, -4.0]], device=device)
    close(float(regression.accuracy(logits, torch.tensor([1, 1, 1], device=device))), 2 / 3)
    close(float(regression.accuracy(logits, torch.tensor([0, 1, 2], device=device))), 0.0, name="all wrong")
    close(float(regression.accuracy(logits, torch.tensor([1, 0, 1], device=device))), 1.0, name="all right")


@exercise("accuracy")
@pytest.mark.parametrize("n, classes", [(23, 4), (1, 3), (7, 7), (40, 2), (3001, 2)])
def test_share_of_rows(n, classes, draw):
    logits, labels = draw(n, classes), draw.ints(0, classes, n)
    hits = sum(row.index(max(row)) == label for row, label in zip(logits.tolist(), labels.tolist()))
    close(float(regression.accuracy(logits, labels)), hits / n)
    close(float(regression.accuracy(strided(logits), strided(labels))), hits / n, name="of views")


@functools.cache
def few_digits():
    """500 digits to train with and 300 others."""
    images, labels, test_images, test_labels = mnist()
    return images[:500], labels[:500], test_images[:300], test_labels[:300]


def numpy_features(images):
    rows = images.numpy().reshape(len(images), -1).astype(np.float32) / 255
    return torch.from_numpy(np.concatenate([rows, np.ones((len(rows), 1), dtype=np.float32)], axis=1))


def agree(got, expected, n, name):
    """Two accuracies on n images. Rounding may tip one image in a hundred either way."""
    if not abs(float(got) - expected) <= 0.01:  # written so that NaN fails
        fail(f"{name}: {float(got):.3f}, expected {expected:.3f} (of {n} images)")


@exercise("recognise")
@pytest.mark.parametrize("lr, steps", [(1.0, 15), (0.2, 8)])
def test_the_whole_way_from_images_to_a_figure(lr, steps, device):
    images, labels, test_images, test_labels = few_digits()
    x, test_x = numpy_features(images), numpy_features(test_images)
    weights = trained(x, labels, lr, steps)
    arguments = (part.to(device) for part in few_digits())
    got, seen, unseen = regression.recognise(*arguments, lr=lr, steps=steps)
    close(got.cpu(), weights, rtol=1e-3, atol=1e-4, name="weights")
    hits = [(a.numpy() @ weights.numpy()).argmax(1) == b.numpy() for a, b in ((x, labels), (test_x, test_labels))]
    agree(seen, hits[0].mean(), 500, "the accuracy on the training images")
    agree(unseen, hits[1].mean(), 300, "the accuracy on the test images")


@exercise("recognise")
@pytest.mark.parametrize("grey", [0, 3])
def test_blank_pages_are_read_by_the_bias(grey, device):
    noise = torch.randint(0, 256, (10, 4, 4), generator=torch.Generator().manual_seed(0))
    images = torch.cat([noise, torch.zeros(30, 4, 4)]).to(device, torch.uint8)
    labels = torch.tensor([0] * 10 + [1] * 30, device=device)
    nearly_blank, ones = torch.full_like(images[:6], grey), torch.ones_like(labels[:6])
    weights, _, unseen = regression.recognise(images, labels, nearly_blank, ones, lr=0.1, steps=50)
    equal(tuple(weights.shape), (17, 10), name="the weights' shape")
    agree(unseen, 1.0, 6, "the accuracy on the test images")


@exercise("recognise")
def test_learns_to_read(device):
    # 500 images and 40 steps: we read 86.7 % of the 300 others; guessing gets 10 %. Training is deterministic.
    _, _, unseen = regression.recognise(*(part.to(device) for part in few_digits()), steps=40)
    if not float(unseen) >= 0.8:
        fail(f"only {float(unseen):.0%} of the test images are read right; 80 % at least were expected")


@exercise("templates")
@pytest.mark.parametrize("side, classes", [(3, 2), (2, 7), (1, 3), (4, 1), (5, 5)])
def test_a_picture_for_each_class(side, classes, draw):
    weights = draw(side * side + 1, classes)
    expected = torch.zeros(classes, side, side, device=weights.device)
    for c in range(classes):
        for row in range(side):
            for column in range(side):
                expected[c, row, column] = weights[row * side + column, c]
    equal(regression.templates(weights), expected)
    equal(regression.templates(strided(weights)), expected, name="of a view")


@exercise("templates")
def test_templates_keep_float64_and_the_gradient(draw):
    weights = draw(10, 4, dtype=torch.float64)
    same_gradients(regression.templates, lambda w: torch.stack([w[:9, c].view(3, 3) for c in range(4)]), weights)
