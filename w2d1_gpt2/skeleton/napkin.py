"""Napkin mathematics: what a GPT costs, from its config alone. `python napkin.py` prints GPT-2 small to XL.

Nothing here builds a model. GB means 10⁹ bytes, TFLOP/s 10¹² operations a second; a FLOP is one addition or one
multiplication, so a multiply-add counts as 2.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from model import GPT2Config

SIZES = {
    "small": GPT2Config(n_embd=768, n_layer=12, n_head=12),
    "medium": GPT2Config(n_embd=1024, n_layer=24, n_head=16),
    "large": GPT2Config(n_embd=1280, n_layer=36, n_head=20),
    "XL": GPT2Config(n_embd=1600, n_layer=48, n_head=25),
}


@dataclass(frozen=True)
class GPU:
    name: str
    memory: float  # bytes
    peak: float  # FLOP/s of dense matrix products in 16 bits
    price: float  # dollars an hour


# Memory and peak from the makers' data sheets. The prices are examples of what renting costs: put in your own.
GPUS = (
    GPU("T4", 16e9, 65e12, 0.35),
    GPU("L4", 24e9, 121e12, 0.70),
    GPU("A100", 80e9, 312e12, 1.60),
    GPU("H100", 80e9, 989e12, 2.80),
    GPU("H200", 141e9, 989e12, 3.60),
)


def count_parameters(config: GPT2Config) -> int:
    """The number of parameters of GPT2(config), the tied embedding counted once: exact, however large.

    >>> count_parameters(GPT2Config())
    124439808
    """
    # TODO: the two embeddings.
    # TODO: one block: two LayerNorms, c_attn, c_proj, c_fc and the MLP's c_proj, biases included.
    # TODO: all together, with the last LayerNorm.
    raise NotImplementedError("count_parameters")


def flops_per_token(config: GPT2Config, context: int, training: bool = False) -> int:
    """The FLOPs of all matrix products for one token of a text of `context` tokens (also more than `n_positions`).

    The forward pass over the text, divided by `context`. Attention counts in full: every token with all `context`
    tokens, also those that the mask hides. Embedding look-ups, softmax, GELU, LayerNorm and biases are left out. With
    `training`, three times that: the backward pass has two products for each one of the forward pass.

    >>> flops_per_token(GPT2Config(), 1024)
    284812800
    """
    # TODO: each weight of a matrix (the tied output is one, too) takes part in one multiply-add.
    # TODO: the products without weights: query · key, and weights · value.
    raise NotImplementedError("flops_per_token")


def training_memory(config: GPT2Config, batch: int, length: int, mixed: bool = False) -> dict[str, int]:
    """Bytes that a training step with Adam holds: {"weights", "gradients", "adam", "activations"}.

    In float32, every number takes 4 bytes: one weight, one gradient and two Adam averages for each parameter. `mixed`:
    gradients and activations take 2 bytes; weights are kept twice, in 2 bytes to compute with and 4 to update.
    Adam's averages stay float32. Micikevicius et al. 2018, section 3.1; Rajbhandari et al. 2020, section 3.1.

    Activations are a rough estimate, 16 · n_embd + n_head · length numbers for each token and layer (what attention and
    MLP read or write, and a row of attention weights for each head), and vocab_size numbers for each token's logits.

    >>> training_memory(GPT2Config(), batch=1, length=1024)["adam"]
    995518464
    """
    # TODO: how many numbers the activations are.
    # TODO: bytes for each.
    raise NotImplementedError("training_memory")


def cache_bytes(config: GPT2Config, batch: int, length: int, bytes_per_value: int = 2) -> int:
    """The size of the key/value cache (section 5) once it holds `length` tokens of `batch` texts.

    >>> cache_bytes(GPT2Config(), batch=1, length=1)
    36864
    """
    raise NotImplementedError("cache_bytes")


def pick_gpu(
    config: GPT2Config,
    tokens: float,
    batch: int,
    length: int,
    gpus: Sequence[GPU] = GPUS,
    utilisation: float = 0.4,
) -> tuple[GPU, float]:
    """The GPU that trains the model on `tokens` tokens for the fewest dollars, and the hours that it takes.

    Only those count whose memory holds all of `training_memory` with `mixed`. If there is none, ValueError says how
    many GB (10⁹ bytes) are needed, to within one. A GPU does `utilisation` times its peak. Of two that
    cost the same, the one with fewer hours. `gpus` may be a list or a tuple, and stays in its order.

    >>> gpu, hours = pick_gpu(GPT2Config(), tokens=2.5e9, batch=8, length=1024)
    >>> gpu.name, round(hours, 1)
    ('H100', 1.5)
    """
    # TODO: which ones does it fit on?
    # TODO: how long does each take, and what does that cost?
    raise NotImplementedError("pick_gpu")


def counted(config: GPT2Config, length: int) -> tuple[int, float]:
    """Given: what the napkin is checked against. Builds your GPT2 without memory (on torch's `meta` device), counts its
    parameters, and lets torch's own counter watch it read `length` tokens: (parameters, FLOPs per token)."""
    import torch
    from model import GPT2
    from torch.utils.flop_counter import FlopCounterMode

    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        model = GPT2(config).eval()
        model(torch.zeros(1, length, dtype=torch.int64))
    return sum(p.numel() for p in model.parameters()), counter.get_total_flops() / length


def main() -> None:
    batch, length, tokens = 8, 1024, 10e9
    print(
        f"GPT-2 on a napkin: mixed precision, batches of {batch} texts of {length} tokens, {tokens:.0e} tokens in all\n"
    )
    print("          parameters        GFLOPs a token    memory, GB             cache   cheapest")
    print("          napkin, counted   napkin, counted   state + activations    MB")
    for name, config in SIZES.items():
        parameters, flops = counted(config, length)
        memory = training_memory(config, batch, length, mixed=True)
        activations = memory.pop("activations")
        gpu, hours = pick_gpu(config, tokens, batch, length)
        print(
            f"  {name:6}  {count_parameters(config) / 1e6:6.1f} {parameters / 1e6:7.1f} M"
            f"  {flops_per_token(config, length) / 1e9:6.3f} {flops / 1e9:7.3f}"
            f"   {sum(memory.values()) / 1e9:5.1f} + {activations / 1e9:5.1f}"
            f"      {cache_bytes(config, 1, length) / 1e6:8.1f}"
            f"   {gpu.name}, {hours / 24:.1f} days, ${hours * gpu.price:,.0f}"
        )


if __name__ == "__main__":
    main()
