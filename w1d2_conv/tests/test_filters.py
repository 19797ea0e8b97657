"""Tests of filters.py. The oracles: torch's padding and convolution, its Gaussian window, differences, loops."""

import math

import filters
import pytest
import torch
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from shared.checks import close, equal, exercise, raises, same_for_any_layout, same_gradients


def reflected(image, kernel):
    """torch's convolution of each channel by itself, after torch's padding by reflection."""
    down, right = kernel.shape[0] // 2, kernel.shape[1] // 2
    padded = F.pad(image[None], (right, right, down, down), mode="reflect")
    return F.conv2d(padded.transpose(0, 1), kernel[None, None])[:, 0]


def bump(size, sigma, dtype, device):
    """torch's Gaussian window in both directions, computed in float64."""
    line = torch.signal.windows.gaussian(size, std=sigma, dtype=torch.float64)
    kernel = torch.outer(line, line)
    return (kernel / kernel.sum()).to(dtype).to(device)


# ---- One kernel, one picture -----------------------------------------------------------------------------------------

both_ways = pytest.mark.parametrize(
    "name", [pytest.param(n, marks=exercise(n), id=n) for n in ("apply_kernel", "fft_convolve")]
)
# (channel, height, width), (kh, kw). A kernel of 7 by 9 reaches as far as a picture of 4 by 5 can be reflected.
SHAPES = [
    ((3, 6, 8), (3, 5)),
    ((1, 7, 5), (5, 3)),
    ((4, 9, 6), (1, 3)),
    ((2, 5, 9), (3, 1)),
    ((3, 4, 5), (7, 9)),
    ((2, 1, 6), (1, 5)),
    ((2, 6, 1), (5, 1)),
    ((5, 3, 4), (1, 1)),
]


@both_ways
def test_a_row_by_hand(name, device):
    # Reflected, the row is 2 1 2 4 2.
    image = torch.tensor([[[1.0, 2.0, 4.0]]], device=device)
    kernel = torch.tensor([[1.0, 0.0, 10.0]], device=device)
    close(getattr(filters, name)(image, kernel), torch.tensor([[[22.0, 41.0, 22.0]]], device=device))


@both_ways
@pytest.mark.parametrize("image, kernel", SHAPES, ids=str)
def test_equals_torch_with_reflected_edges(name, image, kernel, draw):
    image, kernel = draw(*image), draw(*kernel)
    close(getattr(filters, name)(image, kernel), reflected(image, kernel))


@both_ways
def test_pictures_and_kernels_of_any_layout(name, draw):
    same_for_any_layout(getattr(filters, name), reflected, draw(3, 6, 9), draw(5, 3))


@both_ways
def test_a_picture_whose_channels_are_last_in_memory(name, draw):
    image, kernel = draw(7, 6, 3).permute(2, 0, 1), draw(3, 5)
    close(getattr(filters, name)(image, kernel), reflected(image, kernel))


@both_ways
@pytest.mark.parametrize("image, kernel", [((3, 6, 7), (5, 3)), ((2, 5, 4), (3, 7))], ids=str)
def test_gradients_of_picture_and_kernel(name, image, kernel, draw):
    same_gradients(getattr(filters, name), reflected, draw(*image), draw(*kernel))


@both_ways
@pytest.mark.parametrize("kernel", [(2, 3), (5, 4), (4, 6)], ids=str)
def test_a_kernel_without_a_middle_is_refused(name, kernel, draw):
    raises(ValueError, getattr(filters, name), draw(3, 8, 9), draw(*kernel), names=kernel)


@exercise("apply_kernel")
def test_an_infinite_pixel_stays_under_the_kernel_and_in_its_channel(draw):
    image, kernel = draw(3, 7, 8), draw(3, 1)
    infinite, zero, one = image.clone(), image.clone(), torch.zeros_like(image)
    infinite[1, 3, 4], zero[1, 3, 4], one[1, 3, 4] = torch.inf, 0.0, 1.0
    share = reflected(one, kernel)
    expected = torch.where(share.abs() < 1e-6, reflected(zero, kernel), share.sign() * torch.inf)
    close(filters.apply_kernel(infinite, kernel), expected)


# ---- Kernels that blur and sharpen -----------------------------------------------------------------------------------


@exercise("gaussian_kernel")
def test_a_bump_by_hand(device):
    corner, side = math.exp(-1.0), math.exp(-0.5)
    rows = [[corner, side, corner], [side, 1.0, side], [corner, side, corner]]
    total = 4 * corner + 4 * side + 1
    expected = torch.tensor(rows, device=device) / total
    close(filters.gaussian_kernel(3, 1.0, device=device), expected)


@exercise("gaussian_kernel")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("size, sigma", [(1, 0.7), (3, 0.8), (5, 2.3), (9, 2), (13, 0.3), (7, 50.0), (5, 0.05)])
def test_equals_torch_s_gaussian_window(size, sigma, dtype):
    close(filters.gaussian_kernel(size, sigma, dtype), bump(size, sigma, dtype, "cpu"))


@exercise("gaussian_kernel")
def test_the_bump_is_float32_on_the_cpu_unless_told():
    close(filters.gaussian_kernel(5, 1.3), bump(5, 1.3, torch.float32, "cpu"))


@exercise("gaussian_kernel")
def test_the_bump_is_made_where_it_is_asked_for(device):
    # The meta device is there on every machine.
    kernel = filters.gaussian_kernel(3, 1.0, torch.float64, device)
    equal([kernel.device.type, kernel.dtype], [device.type, torch.float64], parts=("the device", "the dtype"))


@exercise("gaussian_kernel")
@pytest.mark.parametrize("size, sigma", [(4, 1.0), (2, 0.7), (0, 1.0), (3, 0.0), (5, -1.5)])
def test_an_even_size_or_no_width_is_refused(size, sigma):
    raises(ValueError, filters.gaussian_kernel, size, sigma)


def unsharp(image, amount=1.0, sigma=1.0):
    size = 2 * math.ceil(3 * sigma) + 1
    return (1 + amount) * image - amount * reflected(image, bump(size, sigma, image.dtype, image.device))


@exercise("sharpen")
@pytest.mark.parametrize("amount", [0.7, 3, -1.0], ids=lambda amount: f"amount {amount}")
@pytest.mark.parametrize("sigma", [0.6, 0.7, 1, 1.5], ids=lambda sigma: f"sigma {sigma}")
def test_sharpened_equals_unsharp_masking_with_torch(amount, sigma, draw):
    image = draw(3, 8, 7)
    close(filters.sharpen(image, amount, sigma), unsharp(image, amount, sigma))


@exercise("sharpen")
def test_an_edge_overshoots_on_both_sides(device):
    # By hand: with sigma 1/4 the kernel has 3 places, and in a row its weights are e, 1, e, divided by 1 + 2e.
    image = torch.tensor([[[0.0, 0.0, 1.0, 1.0]] * 3], device=device)
    e = math.exp(-8)
    lost = 20 * e / (1 + 2 * e)
    expected = torch.tensor([[[0.0, -lost, 1 + lost, 1.0]] * 3], device=device)
    close(filters.sharpen(image, amount=20, sigma=0.25), expected)


@exercise("sharpen")
def test_a_small_sigma_needs_only_the_next_pixels(draw):
    image = draw(3, 2, 2)
    close(filters.sharpen(image, 0.8, sigma=0.3), unsharp(image, 0.8, 0.3))


@exercise("sharpen")
def test_amount_and_sigma_are_1_unless_told(draw):
    image = draw(2, 5, 6)
    close(filters.sharpen(image), unsharp(image))


@exercise("sharpen")
def test_an_amount_of_0_changes_nothing(draw):
    image = draw(2, 5, 6)
    close(filters.sharpen(image, amount=0), image)


@exercise("sharpen")
def test_sharpened_pictures_of_any_layout(draw):
    same_for_any_layout(filters.sharpen, unsharp, draw(3, 7, 9), 1.4, 0.8)


@exercise("sharpen")
def test_sharpening_has_the_right_gradient(draw):
    same_gradients(filters.sharpen, unsharp, draw(2, 6, 5), 0.6, 0.7)


# ---- Kernels that find edges -----------------------------------------------------------------------------------------


def slopes(image):
    """Oracle: differences of neighbours, (gx, gy), of the grey picture with reflected edges."""
    grey = F.pad(image.mean(0)[None, None], (1, 1, 1, 1), mode="reflect")[0, 0]
    right, down = grey[:, 2:] - grey[:, :-2], grey[2:] - grey[:-2]
    return right[:-2] + 2 * right[1:-1] + right[2:], down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:]


def magnitude(image):
    gx, gy = slopes(image)
    return torch.hypot(gx, gy)


def arrow(image):
    """(gx, gy) once more, from your magnitude and angle: an angle of -π is the same as one of π."""
    steep, angle = filters.sobel(image)
    return steep * torch.cos(angle), steep * torch.sin(angle)


@exercise("sobel")
@pytest.mark.parametrize("shape", [(3, 6, 8), (1, 7, 5), (4, 2, 3), (3, 2, 2)], ids=str)
def test_how_steep_it_is(shape, draw):
    image = draw(*shape)
    close(filters.sobel(image)[0], magnitude(image), name="the magnitude")


@exercise("sobel")
@pytest.mark.parametrize("shape", [(3, 6, 8), (1, 7, 5), (4, 3, 9)], ids=str)
def test_which_way_it_gets_brighter(shape, draw):
    image = draw(*shape)
    gx, gy = slopes(image)
    close(arrow(image), (gx, gy), parts=("magnitude · cos(angle)", "magnitude · sin(angle)"))


@exercise("sobel")
@pytest.mark.parametrize(
    "right, down, angle",
    [(1, 0, 0.0), (0, 1, math.pi / 2), (0, -1, -math.pi / 2), (1, 1, math.pi / 4), (-1, 1, 3 * math.pi / 4)]
    + [(-1, -1, -3 * math.pi / 4), (1, -1, -math.pi / 4)],
)
def test_a_ramp_by_hand(right, down, angle, device):
    # The middle of a 3 by 3 picture. Each kernel gives 8 times the slope.
    place = torch.tensor([-1.0, 0.0, 1.0], device=device)
    image = (right * place[None, :] + down * place[:, None])[None]
    steep, turn = filters.sobel(image)
    got = (steep[1, 1].item(), turn[1, 1].item())
    close(got, (8 * math.hypot(right, down), angle), parts=("the magnitude", "the angle"))


@exercise("sobel")
def test_a_flat_picture_is_not_steep_anywhere(device):
    close(filters.sobel(torch.full((3, 4, 5), 0.5, device=device))[0], torch.zeros(4, 5, device=device))


@exercise("sobel")
def test_slopes_of_any_layout(draw):
    same_for_any_layout(arrow, slopes, draw(3, 6, 9))


def stripes(size, wavelength, angle, sigma, phase=0.0, dtype=torch.float32, device="cpu"):
    """Oracle: entry by entry."""
    middle = size // 2
    rows = []
    for y in range(-middle, middle + 1):
        rows.append([])
        for x in range(-middle, middle + 1):
            along = x * math.cos(angle) + y * math.sin(angle)
            window = math.exp(-(x * x + y * y) / (2 * sigma * sigma))
            rows[-1].append(window * math.cos(2 * math.pi * along / wavelength + phase))
    mean = sum(map(sum, rows)) / size**2
    return (torch.tensor(rows, dtype=torch.float64) - mean).to(dtype).to(device)


@exercise("gabor_kernel")
@pytest.mark.parametrize("phase", [0.0, 0.9, -math.pi / 2], ids=lambda phase: f"phase {phase:.1f}")
@pytest.mark.parametrize("angle", [0, 0.5, math.pi / 2, 2.2, -0.7], ids=lambda angle: f"angle {angle:.1f}")
@pytest.mark.parametrize("size, wavelength, sigma", [(7, 3.7, 1.6), (5, 6, 2), (1, 2.5, 0.8), (3, 2.2, 40.0)])
def test_every_entry_of_a_gabor_kernel(size, wavelength, sigma, angle, phase):
    got = filters.gabor_kernel(size, wavelength, angle, sigma, phase)
    close(got, stripes(size, wavelength, angle, sigma, phase))


@exercise("gabor_kernel")
def test_upright_stripes_by_hand(device):
    # The window is nearly flat and a wave is 2 long, so the columns are -1, 1, -1, and their mean is -1/3.
    expected = torch.tensor([[-2.0, 4.0, -2.0]] * 3, device=device) / 3
    close(filters.gabor_kernel(3, 2, 0, 1e4, device=device), expected)


@exercise("gabor_kernel")
def test_the_phase_is_0_unless_told_and_float64_is_exact():
    got = filters.gabor_kernel(5, 3.3, 0.4, 1.7, dtype=torch.float64)
    close(got, stripes(5, 3.3, 0.4, 1.7, dtype=torch.float64))


@exercise("gabor_kernel")
def test_a_gabor_kernel_is_made_where_it_is_asked_for(device):
    kernel = filters.gabor_kernel(3, 2.0, 0.3, 1.0, 0.0, torch.float64, device)
    equal([kernel.device.type, kernel.dtype], [device.type, torch.float64], parts=("the device", "the dtype"))


@exercise("gabor_kernel")
@pytest.mark.parametrize("size", [2, 6])
def test_a_gabor_kernel_of_even_size_is_refused(size):
    raises(ValueError, filters.gabor_kernel, size, 3.0, 0.5, 1.0)


@exercise("gabor_bank")
@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
def test_the_angles_share_out_half_a_turn(count, device):
    expected = [stripes(5, 3.7, i * math.pi / count, 1.6) for i in range(count)]
    close(filters.gabor_bank(count, 5, 3.7, 1.6, device=device), torch.stack(expected).to(device))


@exercise("gabor_bank")
def test_a_bank_in_float64():
    expected = [stripes(3, 2.4, i * math.pi / 3, 1.1, dtype=torch.float64) for i in range(3)]
    close(filters.gabor_bank(3, 3, 2.4, 1.1, torch.float64), torch.stack(expected))


@exercise("gabor_bank")
def test_a_bank_is_made_where_it_is_asked_for(device):
    bank = filters.gabor_bank(2, 3, 2.4, 1.1, torch.float64, device)
    equal([bank.device.type, bank.dtype], [device.type, torch.float64], parts=("the device", "the dtype"))


# ---- Two passes for one ----------------------------------------------------------------------------------------------


def multiplied(kernel, *tolerance):
    """Your column times your row."""
    parts = filters.separate(kernel, *tolerance)
    equal(len(parts) if isinstance(parts, tuple | list) else parts, 2, name="how many vectors come back")
    for part, name, length in zip(parts, ("column", "row"), kernel.shape, strict=True):
        equal(list(getattr(part, "shape", ())), [length], name=f"the shape of {name}")
    return parts[0][:, None] * parts[1][None, :]


def with_singular_values(draw, kh, kw, *values):
    """A kernel in float64 that has these singular values."""
    (u, _), (v, _) = (torch.linalg.qr(draw(side, len(values), dtype=torch.float64)) for side in (kh, kw))
    return (u * torch.tensor(values, dtype=u.dtype, device=u.device)) @ v.T


@exercise("separate")
@pytest.mark.parametrize("kh, kw", [(3, 5), (5, 3), (7, 7), (1, 4), (4, 1), (1, 1), (2, 31)])
def test_the_product_is_the_kernel(kh, kw, draw):
    kernel = draw(kh, 1) * draw(1, kw)
    close(multiplied(kernel), kernel)


@exercise("separate")
@pytest.mark.parametrize("scale", [1e-9, -1.0, 1e9])
def test_the_size_of_the_entries_does_not_matter(scale, draw):
    kernel = draw(3, 1) * draw(1, 5)
    close(multiplied(kernel * scale) / scale, kernel, name="column · row, scaled back")
    raises(ValueError, filters.separate, draw(3, 5) * scale)


@exercise("separate")
def test_well_known_kernels(device):
    sobel = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]], device=device)
    for name, kernel in (("Sobel", sobel), ("Gauss", bump(9, 1.7, torch.float32, device)), ("box", sobel * 0 + 1 / 9)):
        close(multiplied(kernel), kernel, name=name)


@exercise("separate")
def test_zeros_in_the_corner_and_all_over(device):
    kernel = torch.tensor([[0.0, 0.0, 0.0], [0.0, 2.0, -3.0]], device=device)
    close(multiplied(kernel), kernel)
    close(multiplied(kernel * 0), kernel * 0, name="a kernel of zeros")


@exercise("separate")
def test_kernels_that_are_no_product(draw, device):
    laplace = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]], device=device)
    for kernel in (laplace, torch.eye(2, device=device), draw(4, 3), draw(2, 6)):
        raises(ValueError, filters.separate, kernel)
    # The first row and the first column fit each other; the rest doesn't.
    kernel = torch.ones(3, 4, device=device)
    kernel[2, 3] = 1.01
    raises(ValueError, filters.separate, kernel)


@exercise("separate")
@pytest.mark.parametrize("tolerance", [(), (1e-3,), (0.2,)], ids=str)
@pytest.mark.parametrize("first", [1.0, 300.0], ids=lambda first: f"first {first}")
def test_the_second_singular_value_decides(tolerance, first, draw):
    limit = first * (tolerance or (1e-5,))[0]
    kernel = with_singular_values(draw, 5, 4, first, 0.6 * limit, 0.6 * limit, 0.4 * limit)
    close(multiplied(kernel, *tolerance), kernel, atol=10 * limit, name="a second value of 0.6 times the limit")
    kernel = with_singular_values(draw, 5, 4, first, 0.9 * limit, 0.9 * limit, 0.8 * limit)
    close(multiplied(kernel, *tolerance), kernel, atol=10 * limit, name="a second value of 0.9 times the limit")
    kernel = with_singular_values(draw, 5, 4, first, 1.1 * limit, 0.0, 0.0)
    raises(ValueError, filters.separate, kernel, *tolerance)


@exercise("separate")
def test_a_second_singular_value_exactly_at_the_limit_passes(device):
    # The singular values are 2 and 1, and then 3 and 0.
    kernel = torch.tensor([[2.0, 0.0], [0.0, 1.0]], device=device)
    first = torch.tensor([[2.0, 0.0], [0.0, 0.0]], device=device)
    close(multiplied(kernel, 0.5), first, atol=1.01, name="the product, if half of the first value is allowed")
    kernel = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 0.0]], device=device)
    close(multiplied(kernel, 0.0), kernel, name="the product, if nothing is allowed")


@exercise("separate")
def test_kernels_of_any_layout(draw):
    # Whole numbers, so that the product is exact, and still one in float64.
    kernel = draw.ints(-9, 10, 5, 1) * draw.ints(1, 10, 1, 3)
    same_for_any_layout(multiplied, lambda kernel: kernel, kernel.float())


# ---- Bonus -----------------------------------------------------------------------------------------------------------


class Seen(TorchDispatchMode):
    """Keeps the names of the operations that torch does."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.append(str(func))
        return func(*args, **(kwargs or {}))


@exercise("fft_convolve")
def test_the_work_is_done_by_the_fft(draw):
    image, small, large = draw(3, 6, 7), draw(3, 3), draw(7, 9)
    with Seen() as seen:
        filters.fft_convolve(image, small)
    with Seen() as seen_again:
        filters.fft_convolve(image, large)
    windows = [name for name in seen.names if "convolution" in name or "bmm" in name]
    transforms = [name for name in seen.names if "_fft" in name]
    # A loop over the kernel's places takes 7 times as many operations for the larger kernel.
    more = len(seen_again.names) > 2 * len(seen.names)
    parts = (
        "whether torch.fft was called",
        "whether windows were convolved",
        "whether a larger kernel takes more steps",
    )
    equal([bool(transforms), bool(windows), more], [True, False, False], parts=parts)


@exercise("fft_convolve")
@pytest.mark.parametrize("side", [40, 41])
def test_a_kernel_nearly_as_large_as_a_larger_picture(side, draw):
    image, kernel = draw(2, side, side + 3), draw(35, 37)
    close(filters.fft_convolve(image, kernel), reflected(image, kernel), atol=1e-3)
