"""Attention: how a token looks at the tokens before it.

Shapes are written `batch head query d_head`: a query is the token that looks, a key is a token that is looked at.
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

# ---- Averaging the past, three ways ----------------------------------------------------------------------------------


def average_loop(x: Float[Tensor, "batch time channel"]) -> Float[Tensor, "batch time channel"]:
    """Row t of the result is the mean of rows 0..t of `x`. Written with a loop over t.

    >>> average_loop(torch.tensor([[[2.0], [4.0], [9.0]]])).flatten().tolist()
    [2.0, 3.0, 5.0]
    """
    # TODO: for each t, take the mean over time of x[:, : t + 1], and stack the results along time.
    raise NotImplementedError("average_loop")


def average_matmul(x: Float[Tensor, "batch time channel"]) -> Float[Tensor, "batch time channel"]:
    """The same averages as one matrix product, `weights @ x`, with `weights` of shape (time, time)."""
    # TODO: a lower-triangular matrix of ones, its rows divided by their sums.
    raise NotImplementedError("average_matmul")


def average_softmax(x: Float[Tensor, "batch time channel"]) -> Float[Tensor, "batch time channel"]:
    """The same averages once more: `weights` is the softmax of a matrix of 0 (the past) and -inf (the future)."""
    # TODO: put -inf above the diagonal of a matrix of zeros, softmax each row, multiply.
    raise NotImplementedError("average_softmax")


# ---- Attention proper ------------------------------------------------------------------------------------------------


def causal_mask(length: int, past: int = 0, device: torch.device | None = None) -> Bool[Tensor, "query key"]:
    """True where a query may not look: at keys later than itself.

    The queries are the last `length` of `past + length` positions; `past` stays 0 until the cache (section 5). Each
    call makes a new mask, on `device`; None means the CPU.

    >>> causal_mask(3).int().tolist()
    [[0, 1, 1], [0, 0, 1], [0, 0, 0]]
    >>> causal_mask(2, past=1).int().tolist()
    [[0, 0, 1], [0, 0, 0]]
    """
    # TODO: compare every query's position with every key's.
    raise NotImplementedError("causal_mask")


def scaled_dot_product_attention(
    query: Float[Tensor, "... query d_head"],
    key: Float[Tensor, "... key d_head"],
    value: Float[Tensor, "... key d_value"],
    mask: Bool[Tensor, "..."] | None = None,
    dropout_p: float = 0.0,
) -> Float[Tensor, "... query d_value"]:
    """Each query's mixture of the values, weighted by softmax(query · key / sqrt(d_head)).

    `mask` is True where a query may NOT look (torch's own function means the opposite). It broadcasts against the
    scores, (..., query, key), and leaves every query at least one key. Scores may be in the thousands, of either sign.
    It works in any floating dtype, with that dtype's accuracy; float16 is one, and its largest number is 65504.
    `dropout_p` is the chance that a weight is dropped, after the softmax (survivors are scaled up); 0 drops nothing, 1
    drops all, and the result is 0. It acts whenever it is above 0: the caller passes 0 outside of training.
    Vaswani et al. 2017, section 3.2.1.
    """
    # TODO: scores, scaled.
    # TODO: the mask, then the softmax over the keys, then dropout.
    # TODO: the mixture of values.
    raise NotImplementedError("scaled_dot_product_attention")


class MultiHeadAttention(nn.Module):
    """Causal self-attention with several heads side by side, as in GPT-2.

    Parameters carry GPT-2's names: `c_attn`, one Linear that makes queries, keys and values at once, in that order,
    each `n_embd` wide; and `c_proj`, the output projection. Both have biases.
    """

    def __init__(self, n_embd: int, n_head: int, dropout: float = 0.0):
        """Raises ValueError if `n_head` doesn't divide `n_embd`. `dropout` acts on the weights and on the output."""
        super().__init__()
        raise NotImplementedError("MultiHeadAttention.__init__")

    def forward(self, x: Float[Tensor, "batch time n_embd"], cache=None) -> Float[Tensor, "batch time n_embd"]:
        """Every token looks at itself and at those before it. No text is too long. Dropout acts only while training.

        `cache` is for section 5: unless it is None, `cache.append(key, value)` takes this call's keys and values, both
        (batch, head, time, d_head), once, and returns those of all positions so far, this call's included.
        """
        # TODO: project, split into query, key and value, and give each head its own slice of the channels.
        # TODO: if there is a cache, swap key and value for what it returns.
        # TODO: attend causally, with dropout on the weights while training. The past is what came back beyond x.
        # TODO: put the heads side by side again, project, dropout.
        raise NotImplementedError("MultiHeadAttention.forward")


# ---- Bonus -----------------------------------------------------------------------------------------------------------


def apply_rope(
    x: Float[Tensor, "... time d_head"], past: int = 0, base: float = 10000.0
) -> Float[Tensor, "... time d_head"]:
    """Rotary position embedding: turns each pair of channels by an angle that grows with the position.

    Channel i is paired with channel i + d_head/2 (as Llama's code does); the token at position p (counted from `past`)
    turns its pair i by p · base^(-2i/d_head) radians. The angles are worked out in float32 or finer, whatever the dtype
    of x: bfloat16 has no 1001, float16 no 2049. No position is too late. Raises ValueError for an odd d_head.
    Su et al. 2021, section 3.2.2.

    >>> apply_rope(torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
    tensor([[1.0000, 0.0000],
            [0.5403, 0.8415]])
    """
    # TODO: one angle for each position and pair.
    # TODO: turn each pair: (a, b) becomes (a cos - b sin, b cos + a sin).
    raise NotImplementedError("apply_rope")


class GroupedQueryAttention(nn.Module):
    """Causal self-attention in which `n_head / n_kv_head` neighbouring query heads share one key and value head.

    Four bias-free Linears, named as in Llama: q_proj, k_proj, v_proj, o_proj; queries and keys are turned by RoPE.
    The point is a cache that is n_head / n_kv_head times smaller. Ainslie et al. 2023, section 2.2.
    """

    def __init__(self, n_embd: int, n_head: int, n_kv_head: int):
        """Raises ValueError if `n_head` doesn't divide `n_embd`, or `n_kv_head` doesn't divide `n_head`."""
        super().__init__()
        raise NotImplementedError("GroupedQueryAttention.__init__")

    def forward(self, x: Float[Tensor, "batch time n_embd"]) -> Float[Tensor, "batch time n_embd"]:
        """Every token looks at itself and at those before it; the first one is at position 0, and no text is too long.

        No cache, no dropout.
        """
        # TODO: project and split into heads; there are fewer heads of keys and values than of queries.
        # TODO: turn queries and keys, then let each group of query heads share its key and value.
        raise NotImplementedError("GroupedQueryAttention.forward")
