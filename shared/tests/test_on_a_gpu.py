"""The GPU that isn't there: it works like one, and what would stop on one stops here, in answers, tests and oracles."""

import copy

import pytest
import tiny_day
import torch
from torch import nn
from torch.nn import functional as F

from shared.author.on_a_gpu import stops_on_a_gpu
from shared.sandbox.pretended_gpu import OnlyOnGPU, pretended_gpu

SOLUTION = """import torch


def double(x):
    # BEGIN SOLUTION
    return 2 * x
    # END SOLUTION
"""
HEAD = "import inside\nimport torch\nfrom torch import nn\nfrom shared.checks import close, equal, exercise\n"

# What stood in the tests of the first three days, and failed on an H100.
FAULTS = {
    "an integer matrix product in the oracle": (
        "x = draw.ints(0, 9, 3, 3)\n    close(inside.double(x) @ x, 2 * (x @ x))",
        "integer matrix product",
    ),
    "a value on the CPU is compared with one on the GPU": (
        "x = draw(2, 3)\n    assert (inside.double(x) == torch.ones(2, 3)).sum() < 9",
        "same device",
    ),
    "the expected value lies on the CPU": ("close(inside.double(draw(1, 3) * 0), torch.zeros(1, 3))", "cpu expected"),
    "a model that was loaded isn't moved": (
        "torch.save(nn.Linear(3, 2).state_dict(), tmp_path / 'w')\n    model = nn.Linear(3, 2)\n"
        "    model.load_state_dict(torch.load(tmp_path / 'w'))\n"
        "    close(model(inside.double(draw(4, 3))).sum() * 0, 0.0)",
        "same device",
    ),
    "a generator of the other device": (
        "g = torch.Generator().manual_seed(0)\n    x = torch.rand(3, generator=g, device=device)\n"
        "    close(inside.double(x), x + x)",
        "device type for generator",
    ),
    "numpy reads from the GPU": ("close(inside.double(draw(3)).numpy().sum() * 0, 0.0)", "numpy"),
}


@pytest.mark.parametrize("what", FAULTS)
def test_check_finds_what_failed_on_a_real_one(what, tmp_path):
    body, words = FAULTS[what]
    tests = HEAD + f'\n\n@exercise("double")\ndef test_it(draw, device, tmp_path):\n    {body}\n'
    files = {"solution/inside.py": SOLUTION, "tests/test_inside.py": tests}
    day = tiny_day.build(tmp_path / "w9d1_tiny", {"inside": ["double"]}, files)
    (line,) = stops_on_a_gpu(day)
    assert "test_it would not pass on a GPU" in line and words in line


def test_check_finds_nothing_where_all_is_right(tmp_path):
    body = (
        "x = draw(3, 3)\n    close(inside.double(x) @ x, torch.mm(x + x, x))\n"
        "    close(inside.double(x[torch.tensor([0, 2])]), x[[0, 2]] * 2)\n"
        "    g = torch.Generator(device).manual_seed(0)\n    y = torch.rand(3, generator=g, device=device)\n"
        "    close(inside.double(y), y + y)\n    equal(y.cpu().numpy().shape, (3,))\n"
        "    assert not torch.backends.cudnn.allow_tf32 and not torch.backends.cuda.matmul.allow_tf32"
    )
    tests = HEAD + f'\n\n@exercise("double")\ndef test_it(draw, device):\n    {body}\n'
    files = {"solution/inside.py": SOLUTION, "tests/test_inside.py": tests}
    day = tiny_day.build(tmp_path / "w9d1_tiny", {"inside": ["double"]}, files)
    assert stops_on_a_gpu(day) == []


def trained(device: str) -> list[float]:
    """Losses of a small network with all that usually happens: a tied weight, Adam, clipping, dropout in eval mode."""
    torch.manual_seed(0)
    x, y = torch.randn(8, 4), torch.randint(0, 4, (8,))
    net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4, 4)).eval()
    net[3].weight = net[0].weight
    net, x, y = net.to(device), x.to(device), y.to(device)
    assert net[3].weight is net[0].weight and net[0].weight.device == x.device
    optimizer = torch.optim.Adam(net.parameters(), 0.1)
    losses = []
    for _ in range(3):
        loss = F.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    losses.append(copy.deepcopy(net)(x).sum().item())
    return losses


def test_a_network_trains_there_as_on_the_cpu():
    with pretended_gpu():
        there = trained("cuda")
    assert there == pytest.approx(trained("cpu"), rel=1e-5)


RIGHT = {
    "views share memory": lambda x: (x.view(-1).fill_(3.0), x.sum())[1],
    "a mask": lambda x: x[x > 0].sum(),
    "an index from the CPU": lambda x: x[torch.tensor([0, 1])].sum(),
    "numbers mix": lambda x: (x * torch.tensor(2.0) + 1).sum(),
    "strides": lambda x: x.as_strided((2, 2), (1, 2)).sum(),
    "in place by out=": lambda x: torch.add(x, x, out=torch.empty_like(x)).sum(),
    "complex numbers": lambda x: torch.fft.fft(x).conj().real.sum(),
    "attention": lambda x: F.scaled_dot_product_attention(x[None], x[None], x[None], is_causal=True).sum(),
    "lists of numbers": lambda x: x.new_tensor([[x[0, 0], 1.0]]).sum(),
    "einsum": lambda x: torch.einsum("ij,kj->ik", x, x).sum(),
    "data": lambda x: (setattr(x, "data", x.data * 2), x.sum())[1],
    "a recurrent layer": lambda x: nn.GRU(4, 4).to(x.device)(x)[0].shape[1] + 0 * x.sum(),
    "sort and top": lambda x: x.sort(-1)[0][:, 0].sum() + x.topk(2)[0].sum(),
}


@pytest.mark.parametrize("what", RIGHT)
def test_it_computes_what_the_cpu_computes(what):
    torch.manual_seed(0)
    x = torch.randn(3, 4)
    with pretended_gpu():
        there = RIGHT[what](x.clone().to("cuda"))
        assert there.device.type == "cuda"
        there = there.item()
    assert there == pytest.approx(RIGHT[what](x.clone()).item(), rel=1e-5)


WRONG = {
    "a tensor made on the CPU": lambda x: x + torch.zeros(3, 4),
    "a mask made on the CPU": lambda x: x.masked_fill(torch.ones(3, 4, dtype=torch.bool), 0.0),
    "an integer product": lambda x: x.long() @ x.long().T,
    "numpy": lambda x: x.numpy(),
    "a parameter left behind": lambda x: nn.Linear(4, 4)(x),
    "an embedding left behind": lambda x: nn.Embedding(5, 4)(x.long().clamp(0, 4)),
    "concatenated": lambda x: torch.cat([x, torch.zeros(1, 4)]),
    "written over": lambda x: x.index_put_((torch.tensor([0]),), torch.zeros(1, 4)),
    "a generator": lambda x: torch.rand(3, device="cuda", generator=torch.Generator()),
}


@pytest.mark.parametrize("what", WRONG)
def test_it_stops_where_cuda_stops(what):
    with pretended_gpu(), pytest.raises(OnlyOnGPU):
        WRONG[what](torch.randn(3, 4).to("cuda"))
