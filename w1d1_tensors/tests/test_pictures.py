"""Tests of pictures.py. The oracles: loops over pixels, points and waves, and a training loop of the tests' own."""

import cmath
import copy
import math

import pictures
import pytest
import torch
from torch import nn

from shared.checks import (
    close,
    equal,
    exercise,
    randomize,
    same_distribution,
    same_for_any_layout,
    same_gradients,
    strided,
)

# ---- The grid --------------------------------------------------------------------------------------------------------


def places(height, width):
    """(x, y, radius) pixel by pixel, as nested lists: each pixel is a square whose side is 2 / the shorter side."""
    step = 2 / min(height, width)
    table = []
    for row in range(height):
        y = (row + 0.5 - height / 2) * step
        xs = [(column + 0.5 - width / 2) * step for column in range(width)]
        table.append([(x, y, math.hypot(x, y)) for x in xs])
    return table


@exercise("picture_grid")
@pytest.mark.parametrize("height, width", [(3, 5), (7, 4), (1, 1), (1, 4), (6, 2), (5, 5)])
def test_every_pixel_knows_where_it_is(height, width, device):
    close(pictures.picture_grid(height, width, device=device), torch.tensor(places(height, width), device=device))


@exercise("picture_grid")
def test_the_corners_by_hand(device):
    grid = pictures.picture_grid(2, 4, device=device)
    close(grid[0, 0], torch.tensor([-1.5, -0.5, math.sqrt(2.5)], device=device), name="top left")
    close(grid[1, 3], torch.tensor([1.5, 0.5, math.sqrt(2.5)], device=device), name="bottom right")


@exercise("picture_grid")
def test_a_finer_grid_goes_through_the_same_places(device):
    close(pictures.picture_grid(12, 21, device=device)[1::3, 1::3], pictures.picture_grid(4, 7, device=device))


@exercise("picture_grid")
def test_the_grid_in_float64(device):
    expected = torch.tensor(places(3, 4), dtype=torch.float64, device=device)
    close(pictures.picture_grid(3, 4, device=device, dtype=torch.float64), expected)


@exercise("picture_grid")
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_a_dtype_that_cannot_count_the_pixels(dtype, device):
    # Next to the centre of a row of 3,000, a place that was counted in float16 is off by a whole pixel.
    expected = torch.tensor(places(2, 3000), dtype=torch.float64).to(dtype)
    close(pictures.picture_grid(2, 3000, device=device, dtype=dtype), expected.to(device))


@exercise("picture_grid")
def test_every_number_is_rounded_once(device):
    # A radius made of an x and a y that are rounded already often comes to the wrong neighbour. No number here lies so
    # close to the middle between two of bfloat16 that float32 could choose the other one.
    expected = torch.tensor(places(3, 5), dtype=torch.float64).to(torch.bfloat16).to(device)
    equal(pictures.picture_grid(3, 5, device=device, dtype=torch.bfloat16), expected)


# ---- The network -----------------------------------------------------------------------------------------------------


def linears(network):
    return [module for module in network.modules() if isinstance(module, nn.Linear)]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@exercise("picture_network")
@pytest.mark.parametrize("width, depth, inputs", [(5, 3, 4), (7, 1, 3), (2, 11, 5), (4, 2, 1), (6, 0, 3)])
def test_colours_are_what_the_layers_say(width, depth, inputs, draw):
    network = pictures.picture_network(width, depth, inputs, generator=seeded())
    sizes = [(layer.in_features, layer.out_features) for layer in linears(network)]
    equal(sizes, list(zip([inputs] + [width] * depth, [width] * depth + [3])), name="(inputs, outputs) of the Linears")
    network = network.to(draw.device)
    x = draw(6, inputs)
    hidden, bends = x, [*[torch.sin, *[torch.tanh] * (depth - 1)][:depth], torch.sigmoid]
    for bent, layer in zip(bends, linears(network)):
        hidden = bent((hidden[:, None, :] * layer.weight).sum(-1) + layer.bias)
    close(network(x), hidden)


@exercise("picture_network")
def test_a_network_of_standard_size():
    sizes = [(layer.in_features, layer.out_features) for layer in linears(pictures.picture_network())]
    equal(sizes, [(3, 8), *[(8, 8)] * 5, (8, 3)])


def check_normal(numbers, deviation, name):
    """Ten equally likely stretches of a normal distribution. A right answer fails once in 10^7 runs, ten checks in all.

    n is 20,000 or more; with 20,000, a standard deviation that is off by 5 % is noticed.
    """
    stretch = (torch.special.ndtr(numbers.detach().double().flatten() / deviation) * 10).long().clamp(max=9)
    same_distribution(stretch, [0.1] * 10, false_alarm=1e-7, name=name)


@exercise("picture_network")
def test_parameters_are_normal():
    for gain in (3.0, 0.7):
        first, last = linears(pictures.picture_network(20_000, 1, 2, gain=gain, generator=seeded(1)))
        check_normal(first.weight, gain / math.sqrt(2), "weights of the first Linear")
        check_normal(first.bias, 0.3, "biases of the first Linear")
        check_normal(last.weight, gain / math.sqrt(20_000), "weights of the last Linear")
    _, second, third, _ = linears(pictures.picture_network(200, 3, generator=seeded(2)))
    check_normal(second.weight, 3 / math.sqrt(200), "weights of the second Linear")
    check_normal(third.weight, 3 / math.sqrt(200), "weights of the third Linear")
    equal(int((second.weight == third.weight).sum()), 0, name="weights that two layers have in common")


@exercise("picture_network")
def test_biases_of_all_layers_are_normal():
    biases = [
        layer.bias for seed in range(50) for layer in linears(pictures.picture_network(30, 2, generator=seeded(seed)))
    ]
    # n = 1500, 1500 and 150: with the last, a deviation that is off by a factor of 2 is noticed.
    for i, name in enumerate(("first", "second", "last")):
        check_normal(torch.cat(biases[i::3]), 0.3, f"biases of the {name} Linear")


@exercise("picture_network")
def test_the_same_seed_gives_the_same_network():
    one, same, other = (
        torch.cat([p.detach().flatten() for p in pictures.picture_network(5, 3, generator=seeded(seed)).parameters()])
        for seed in (4, 4, 5)
    )
    equal(one, same)
    equal(int((one == other).sum()), 0, name="parameters that another seed leaves as they are")


@exercise("picture_network")
def test_the_next_network_of_a_generator_is_another():
    for generator in (seeded(), None):
        one, other = (linears(pictures.picture_network(generator=generator))[0].weight for _ in range(2))
        equal(int((one == other).sum()), 0, name="weights that two networks have in common")


@exercise("picture_network")
def test_without_a_generator_the_seed_of_torch_decides():
    torch.manual_seed(11)
    one = linears(pictures.picture_network())
    torch.manual_seed(11)
    two = linears(pictures.picture_network())
    same = [torch.equal(a.weight, b.weight) and torch.equal(a.bias, b.bias) for a, b in zip(one, two)]
    equal(same, [True] * len(one), name="whether the same seed gives each layer the same numbers")


# ---- Rendering -------------------------------------------------------------------------------------------------------


class Known(nn.Module):
    """A network whose colours can be worked out by hand. Remembers how many points it got in each call."""

    def __init__(self, formula):
        super().__init__()
        self.one = nn.Parameter(torch.ones(1))
        self.formula, self.calls = formula, []

    def forward(self, points):
        self.calls.append(len(points))
        return torch.stack(self.formula(*points.unbind(-1)), dim=-1) * self.one


def mixed(x, y, radius, *extra):
    return [x + 2 * y, radius * (1 + sum((k + 1) * e for k, e in enumerate(extra))), y * y - x]


def painted(height, width, extra, formula=mixed):
    return torch.tensor([[formula(*place, *extra) for place in row] for row in places(height, width)])


@exercise("render_network")
@pytest.mark.parametrize("height, width", [(3, 5), (6, 4), (1, 1), (1, 7)])
@pytest.mark.parametrize("extra", [(), (0.5,), (-2.0, 0.25)], ids=str)
def test_each_pixel_is_asked_for(height, width, extra, device):
    close(
        pictures.render_network(Known(mixed).to(device), height, width, extra), painted(height, width, extra).to(device)
    )


@exercise("render_network")
@pytest.mark.parametrize("chunk", [1, 4, 15, 100])
def test_never_more_than_a_chunk_at_once(chunk, device):
    network = Known(mixed).to(device)
    close(pictures.render_network(network, 3, 5, (0.5,), chunk=chunk), painted(3, 5, (0.5,)).to(device))
    equal(max(network.calls) <= chunk, True, name=f"calls with at most {chunk} points")
    equal(sum(network.calls), 15, name="points in all calls")


@exercise("render_network")
def test_no_gradients_are_recorded_while_the_network_works(device):
    recording = []

    class Watching(Known):
        def forward(self, points):
            recording.append(torch.is_grad_enabled())
            return super().forward(points)

    pictures.render_network(Watching(mixed).to(device), 3, 5)
    equal(any(recording), False, name="were gradients recorded while the network worked")


@exercise("render_network")
def test_large_pictures_are_cut_unless_told_otherwise(device):
    network = Known(mixed).to(device)
    pictures.render_network(network, 300, 250)
    equal(max(network.calls) <= 65536, True, name="calls with at most 65,536 points")
    equal(sum(network.calls), 75000, name="points in all calls")


@exercise("render_network")
def test_a_network_of_the_radius_is_round(device):
    got = pictures.render_network(Known(lambda x, y, radius: [radius, radius.cos(), 1 - radius]).to(device), 5, 8)
    close(got.flip(0), got, name="upside down")
    close(got.flip(1), got, name="mirrored")
    close(got[:, :, 0], torch.tensor(places(5, 8), device=device)[:, :, 2], name="red")


@exercise("render_network")
def test_three_times_the_size_shows_the_same(device):
    network = randomize(nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 3))).to(device)
    small = torch.tensor(places(4, 6), device=device).view(24, 3)
    close(pictures.render_network(network, 12, 18)[1::3, 1::3], network(small).detach().view(4, 6, 3))


@exercise("render_network")
def test_the_network_says_in_which_dtype(device):
    network = Known(mixed).double().to(device)
    expected = torch.tensor([[mixed(*place, 0.1) for place in row] for row in places(3, 4)], dtype=torch.float64)
    close(pictures.render_network(network, 3, 4, (0.1,)), expected.to(device))


@exercise("render_network")
def test_no_gradients_are_recorded(device):
    equal(pictures.render_network(Known(mixed).to(device), 3, 4).requires_grad, False, name="requires_grad")


# ---- The loop --------------------------------------------------------------------------------------------------------


@exercise("loop_frames")
@pytest.mark.parametrize("frames, kwargs", [(4, {}), (7, {"reach": 2.0}), (1, {}), (2, {"reach": 0.5})], ids=str)
def test_time_goes_round_a_circle(frames, kwargs, device):
    reach = kwargs.get("reach", 0.3)
    expected = []
    for i in range(frames):
        turn = cmath.rect(reach, 2 * math.pi * i / frames)
        expected.append(painted(2, 3, (turn.real, turn.imag)))
    close(pictures.loop_frames(Known(mixed).to(device), frames, 2, 3, **kwargs), torch.stack(expected).to(device))


@exercise("loop_frames")
def test_time_goes_round_a_circle_in_float64(device):
    def clock(x, y, radius, a, b):
        return [a + 0 * x, b + 0 * x, 0 * x]

    frames = pictures.loop_frames(Known(clock).to(device).double(), 8, 1, 1, reach=1.0)
    turn = [cmath.rect(1, 2 * math.pi * i / 8) for i in range(8)]
    expected = torch.tensor([[z.real, z.imag, 0] for z in turn], dtype=torch.float64, device=device)
    close(frames.view(8, 3), expected)


@exercise("loop_frames")
def test_the_last_frame_leads_to_the_first(device):
    def clock(x, y, radius, a, b):
        return [a + 0 * x, b + 0 * x, radius]

    frames = pictures.loop_frames(Known(clock).to(device), 12, 2, 3, reach=1.0)
    steps = (frames.roll(-1, 0) - frames).flatten(1).norm(dim=1)
    # A chord of a twelfth of the circle, at each of six pixels.
    close(
        steps,
        torch.full((12,), 2 * math.sin(math.pi / 12) * math.sqrt(6), device=device),
        name="steps, the last one home",
    )


# ---- PSNR ------------------------------------------------------------------------------------------------------------


@exercise("psnr")
@pytest.mark.parametrize("error, decibels", [(0.1, 20.0), (-0.01, 40.0), (1.0, 0.0), (0.5, 10 * math.log10(4))])
def test_decibels_of_an_even_error(error, decibels, device):
    wanted = torch.zeros(2, 3, 3, device=device)
    close(pictures.psnr(wanted + error, wanted), torch.tensor(decibels, device=device), atol=1e-4)


def decibels(got, wanted):
    pairs = list(zip(got.flatten().tolist(), wanted.flatten().tolist()))
    mean = sum((a - b) ** 2 for a, b in pairs) / len(pairs)
    return torch.tensor(-10 * math.log10(mean), dtype=got.dtype, device=got.device)


@exercise("psnr")
@pytest.mark.parametrize("shape", [(4, 5, 3), (7,), (1,), (2, 3, 4, 3)], ids=str)
def test_psnr_of_any_shape(shape, draw):
    got, wanted = draw(*shape).sigmoid(), draw(*shape).sigmoid()
    close(pictures.psnr(got, wanted), decibels(got, wanted))


@exercise("psnr")
def test_psnr_in_any_layout(draw):
    same_for_any_layout(pictures.psnr, decibels, draw(4, 5, 3).sigmoid(), draw(4, 5, 3).sigmoid())


@exercise("psnr")
def test_without_an_error_it_is_infinite(draw):
    x = draw(3, 4)
    close(pictures.psnr(x, x.clone()), torch.tensor(math.inf, device=x.device))


# ---- Fourier features ------------------------------------------------------------------------------------------------


def waves(points, frequencies):
    """e^(2πi f·p) point by point and wave by wave: the real parts, then the imaginary ones."""
    rows = []
    for point in points.reshape(-1, points.shape[-1]).tolist():
        turns = [cmath.exp(2j * math.pi * sum(p * f for p, f in zip(point, row))) for row in frequencies.tolist()]
        rows.append([turn.real for turn in turns] + [turn.imag for turn in turns])
    return torch.tensor(rows, dtype=points.dtype, device=points.device).view(*points.shape[:-1], -1)


@exercise("fourier_features")
@pytest.mark.parametrize("leading", [(), (4,), (3, 5), (1, 2, 3)], ids=str)
@pytest.mark.parametrize("d, count", [(2, 6), (3, 1), (1, 4), (2, 2)])
def test_features_are_waves(leading, d, count, draw):
    points, frequencies = draw(*leading, d), draw(count, d)
    close(pictures.fourier_features(points, frequencies), waves(points, frequencies), atol=1e-4)


@exercise("fourier_features")
def test_features_in_any_layout(draw):
    # Places near the centre: there are few turns whose rounding could show.
    same_for_any_layout(pictures.fourier_features, waves, draw(3, 4, 2) / 8, draw(5, 2))


@exercise("fourier_features")
def test_features_send_gradients_back(draw):
    def theirs(points, frequencies):
        turns = torch.polar(torch.ones_like(points[..., :1]), (points[..., None, :] * frequencies).sum(-1) * math.tau)
        return torch.cat([turns.real, turns.imag], dim=-1)

    same_gradients(pictures.fourier_features, theirs, draw(3, 4, 2), draw(5, 2))


# ---- The fit ---------------------------------------------------------------------------------------------------------


def small_network(inputs, dtype=torch.float64, hidden=9, scale=0.5):
    layers = [nn.Linear(inputs, hidden), nn.Tanh(), nn.Linear(hidden, 3), nn.Sigmoid()]
    return randomize(nn.Sequential(*layers), seed=3, scale=scale).to(dtype)


def trained(network, image, seen, steps, learning_rate):
    """A copy of the network after so many steps of Adam, all pixels at once, and its PSNR."""
    network = copy.deepcopy(network)
    optimizer = torch.optim.Adam(network.parameters(), learning_rate)
    colours = image.reshape(-1, 3)
    for _ in range(steps):
        loss = nn.functional.mse_loss(network(seen), colours)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network, decibels(network(seen).detach(), colours)


def check_fit(draw, shape, count, **kwargs):
    height, width = shape
    image = strided(draw(height, width + 2, 3, dtype=torch.float64).sigmoid())[:, 1:-1]  # a part of a larger one
    seen = torch.tensor(places(*shape), dtype=image.dtype, device=image.device)[..., :2].reshape(-1, 2)
    inputs = 2
    if count:
        kwargs["frequencies"] = draw(count, 2, dtype=torch.float64)
        seen, inputs = waves(seen, kwargs["frequencies"]), 2 * count
    network = small_network(inputs).to(image.device)
    theirs, expected = trained(network, image, seen, kwargs.get("steps", 200), kwargs.get("learning_rate", 0.01))
    network[0].weight.grad = torch.ones_like(network[0].weight)  # somebody's old gradient
    got = pictures.fit_photograph(network, image, **kwargs)
    close(got, expected, rtol=1e-6, atol=1e-6, name="PSNR")
    equal(got.requires_grad, False, name="requires_grad of the PSNR")
    close(network.state_dict(), theirs.state_dict(), rtol=1e-6, atol=1e-6, name="the network")


@exercise("fit_photograph")
@pytest.mark.parametrize("count", [0, 4])
@pytest.mark.parametrize("steps", [0, 1, 3])
def test_a_few_steps_of_adam(steps, count, draw):
    check_fit(draw, (4, 7), count, steps=steps, learning_rate=0.05)


@exercise("fit_photograph")
def test_the_psnr_is_the_last_one_not_the_best(draw):
    # So large a step makes it worse again.
    check_fit(draw, (6, 8), 0, steps=12, learning_rate=1.0)


@exercise("fit_photograph")
def test_two_hundred_steps_unless_told_otherwise(draw):
    check_fit(draw, (5, 3), 3)


@exercise("fit_photograph")
def test_fourier_features_reach_what_places_do_not(device):
    # Stripes and squares, in float32. Seen by the tests' own loop: 7 dB from places, 33 dB from waves.
    rows, columns = torch.arange(16)[:, None], torch.arange(24)
    image = torch.stack(
        [(rows // 3 % 2).expand(16, 24), (rows // 2 + columns // 2) % 2, (columns % 3).expand(16, 24) / 2], -1
    )
    image = image.float().to(device)
    frequencies = 3 * torch.randn(32, 2, generator=seeded(1)).to(device)
    network = small_network(64, torch.float32, hidden=64, scale=0.15).to(device)
    reached = pictures.fit_photograph(network, image, frequencies, steps=150)
    equal(bool(reached > 25), True, name="a PSNR above 25 dB")
    seen = waves(torch.tensor(places(16, 24))[..., :2].reshape(-1, 2), frequencies.cpu()).to(device)
    close(reached, decibels(network(seen).detach(), image.reshape(-1, 3)), rtol=1e-3, atol=1e-2, name="PSNR")
