"""GPT-2, from its parts: LayerNorm, GELU, MLP, Block, and the model.

Every module and parameter carries GPT-2's own name (`wte`, `h.0.attn.c_attn.weight`, …), so that real weights find
their place. `python model.py` shows what a model knows that has learned nothing yet.
"""

import math
from dataclasses import dataclass

import torch
from attention import MultiHeadAttention
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class GPT2Config:
    """The defaults are GPT-2 small. The names are Hugging Face's, but for `dropout`, which they have three of."""

    vocab_size: int = 50257
    n_positions: int = 1024  # the longest text, in tokens
    n_embd: int = 768  # channels
    n_layer: int = 12
    n_head: int = 12
    dropout: float = 0.1
    layer_norm_epsilon: float = 1e-5


class LayerNorm(nn.Module):
    """Gives every vector mean 0 and variance 1 over its last dimension, then scales by `weight` and shifts by `bias`.

    The variance is the mean of squared deviations (divided by n, not n - 1), and eps is added to it under the root.
    `weight` and `bias` are parameters of shape (n,), at first all ones and all zeros. Rows far from 0 (near 1000, say)
    keep their accuracy. Ba et al. 2016; equal to `torch.nn.LayerNorm(n)`.

    >>> LayerNorm(3)(torch.tensor([1.0, 2.0, 3.0])).detach()
    tensor([-1.2247,  0.0000,  1.2247])
    """

    def __init__(self, n: int, eps: float = 1e-5):
        super().__init__()
        raise NotImplementedError("LayerNorm.__init__")

    def forward(self, x: Float[Tensor, "... n"]) -> Float[Tensor, "... n"]:
        # TODO: mean and variance over the last dimension, normalise, scale and shift.
        raise NotImplementedError("LayerNorm.forward")


def gelu(x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The smooth gate of GPT-2: x/2 · (1 + tanh(sqrt(2/π) · (x + 0.044715 x³))).

    The tanh form, not the exact one with erf: the two differ in the fourth digit. Hendrycks & Gimpel 2016, section 2.

    >>> gelu(torch.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.1588,  0.0000,  0.8412])
    """
    raise NotImplementedError("gelu")


class MLP(nn.Module):
    """Works on each token by itself: `c_fc` widens it four times, GELU, `c_proj` narrows it again, dropout.

    `c_fc` and `c_proj` are nn.Linear with biases. Dropout acts on the result, and only while training.
    """

    def __init__(self, n_embd: int, dropout: float = 0.0):
        super().__init__()
        raise NotImplementedError("MLP.__init__")

    def forward(self, x: Float[Tensor, "... n_embd"]) -> Float[Tensor, "... n_embd"]:
        raise NotImplementedError("MLP.forward")


class Block(nn.Module):
    """One layer: the tokens talk (`attn`), then each thinks (`mlp`). Each half adds to the residual stream.

    GPT-2 normalises what goes INTO each half (`ln_1`, `ln_2`), and never the stream itself ("pre-norm"). The norms may
    be yours or torch's, which hold the same parameters under the same names.
    """

    def __init__(self, config: GPT2Config):
        super().__init__()
        raise NotImplementedError("Block.__init__")

    def forward(self, x: Float[Tensor, "batch time n_embd"], cache=None) -> Float[Tensor, "batch time n_embd"]:
        """`cache` is handed on to the attention."""
        raise NotImplementedError("Block.forward")


def initialise(model: nn.Module) -> None:
    """GPT-2's initialisation, in place, whatever was there before.

    Biases become 0, LayerNorm's weights 1, all other weights are drawn from N(0, 0.02²); except those of the two
    projections in each block that add to the residual stream (both are called `c_proj`): 2 · n_layer of them add up, so
    their standard deviation is 0.02 / sqrt(2 · n_layer). `model` has GPT-2's names, and its GPT2Config in
    `model.config`. Radford et al. 2019, section 2.3.
    """
    # TODO: go through model.named_parameters(); the name tells what a tensor is.
    raise NotImplementedError("initialise")


class GPT2(nn.Module):
    """Token ids in, one score for every possible next token out, at every position. Radford et al. 2019.

    Children: `wte` and `wpe` (nn.Embedding of tokens and positions), `h` (nn.ModuleList of Blocks), `ln_f` (the last
    LayerNorm, yours or torch's). There is no output layer: the scores are products with `wte.weight`, the same tensor
    ("tied"). So `state_dict()` has GPT-2's names and no others. `config` is kept as `self.config`. A new model is as
    `initialise` leaves it.
    """

    def __init__(self, config: GPT2Config):
        super().__init__()
        # TODO: the children (mind the config's eps), then initialise.
        raise NotImplementedError("GPT2.__init__")

    def forward(self, ids: Int[Tensor, "batch time"], cache=None) -> Float[Tensor, "batch time vocab"]:
        """Raises ValueError for more than `n_positions` tokens, earlier ones included.

        While training, dropout acts on the sum of the embeddings, besides what the blocks do.
        `cache` is for section 5: `cache.length` tells how many tokens came before `ids`, `cache[i]` belongs to block i.
        """
        # TODO: token embedding + position embedding, dropout.
        # TODO: the blocks, the last LayerNorm, the tied output.
        raise NotImplementedError("GPT2.forward")


def cross_entropy(
    logits: Float[Tensor, "... vocab"], targets: Int[Tensor, "..."], ignore_index: int = -100
) -> Float[Tensor, ""]:
    """Mean of -log p(target), in nats, over the targets that are not `ignore_index`.

    Finite for float32 logits in the thousands, and for logits of -inf where no target is; an ignored position has none.
    Infinite if a target that counts has a logit of -inf.
    `ignore_index` may be any number: a token's id, a negative one, or one beyond the vocabulary. The most used form of
    `torch.nn.functional.cross_entropy`.

    >>> cross_entropy(torch.zeros(1, 2, 4), torch.tensor([[3, -100]]))  # ln 4
    tensor(1.3863)
    """
    # TODO: -log p = logsumexp(logits) - logits[target]; then the mean over the positions that count.
    raise NotImplementedError("cross_entropy")


def weight_decay_groups(model: nn.Module, weight_decay: float) -> list[dict]:
    """Two parameter groups for an optimizer: matrices and embeddings with `weight_decay`, all 1-D tensors with 0.

    A tensor with more than two dimensions goes with the matrices. Each dictionary has the keys "params", a list (it may
    be empty), and "weight_decay". Every trainable parameter is in just one group, once, on the meta device too, where
    tensors have no memory; frozen ones (`requires_grad` False) are in none.
    """
    raise NotImplementedError("weight_decay_groups")


# ---- A look (given) --------------------------------------------------------------------------------------------------


def show() -> None:
    """GPT-2 small, as it starts: its size, and its loss on tokens drawn at random."""
    torch.manual_seed(0)
    model = GPT2(GPT2Config()).eval()
    ids = torch.randint(model.config.vocab_size, (2, 65))
    with torch.no_grad():
        loss = cross_entropy(model(ids[:, :-1]), ids[:, 1:]).item()
    size, vocab_size = sum(p.numel() for p in model.parameters()), model.config.vocab_size
    print(f"{size:,} parameters")
    print(f"{loss:.2f} nats per token; guessing costs ln {vocab_size} = {math.log(vocab_size):.2f}")


if __name__ == "__main__":
    show()
