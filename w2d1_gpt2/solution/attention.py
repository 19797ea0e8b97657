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
    # BEGIN SOLUTION
    # TODO: for each t, take the mean over time of x[:, : t + 1], and stack the results along time.
    return torch.stack([x[:, : t + 1].mean(dim=1) for t in range(x.shape[1])], dim=1)
    # END SOLUTION


def average_matmul(x: Float[Tensor, "batch time channel"]) -> Float[Tensor, "batch time channel"]:
    """The same averages as one matrix product, `weights @ x`, with `weights` of shape (time, time)."""
    # BEGIN SOLUTION
    # TODO: a lower-triangular matrix of ones, its rows divided by their sums.
    length = x.shape[1]
    weights = torch.ones(length, length, dtype=x.dtype, device=x.device).tril()
    return (weights / weights.sum(dim=1, keepdim=True)) @ x
    # END SOLUTION


def average_softmax(x: Float[Tensor, "batch time channel"]) -> Float[Tensor, "batch time channel"]:
    """The same averages once more: `weights` is the softmax of a matrix of 0 (the past) and -inf (the future)."""
    # BEGIN SOLUTION
    # TODO: put -inf above the diagonal of a matrix of zeros, softmax each row, multiply.
    length = x.shape[1]
    scores = torch.full((length, length), -math.inf, dtype=x.dtype, device=x.device).triu(1)
    return scores.softmax(dim=-1) @ x
    # END SOLUTION


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
    # BEGIN SOLUTION
    # TODO: compare every query's position with every key's.
    query = torch.arange(past, past + length, device=device)
    key = torch.arange(past + length, device=device)
    return query[:, None] < key[None, :]
    # END SOLUTION


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
    # BEGIN SOLUTION
    # TODO: scores, scaled.
    scores = (query / math.sqrt(query.shape[-1])) @ key.transpose(-2, -1)  # (..., query, key)
    # TODO: the mask, then the softmax over the keys, then dropout.
    if mask is not None:
        scores = scores.masked_fill(mask, -math.inf)
    weights = F.dropout(scores.softmax(dim=-1), dropout_p)
    # TODO: the mixture of values.
    return weights @ value
    # END SOLUTION


class MultiHeadAttention(nn.Module):
    """Causal self-attention with several heads side by side, as in GPT-2.

    Parameters carry GPT-2's names: `c_attn`, one Linear that makes queries, keys and values at once, in that order,
    each `n_embd` wide; and `c_proj`, the output projection. Both have biases.
    """

    def __init__(self, n_embd: int, n_head: int, dropout: float = 0.0):
        """Raises ValueError if `n_head` doesn't divide `n_embd`. `dropout` acts on the weights and on the output."""
        super().__init__()
        # BEGIN SOLUTION
        if n_embd % n_head != 0:
            raise ValueError(f"n_embd {n_embd} is not a multiple of n_head {n_head}")
        self.n_head = n_head
        self.dropout = dropout
        self.c_attn = nn.Linear(n_embd, 3 * n_embd)
        self.c_proj = nn.Linear(n_embd, n_embd)
        # END SOLUTION

    def forward(self, x: Float[Tensor, "batch time n_embd"], cache=None) -> Float[Tensor, "batch time n_embd"]:
        """Every token looks at itself and at those before it. No text is too long. Dropout acts only while training.

        `cache` is for section 5: unless it is None, `cache.append(key, value)` takes this call's keys and values, both
        (batch, head, time, d_head), once, and returns those of all positions so far, this call's included.
        """
        # BEGIN SOLUTION
        batch, time, n_embd = x.shape
        # TODO: project, split into query, key and value, and give each head its own slice of the channels.
        qkv = self.c_attn(x).view(batch, time, 3, self.n_head, n_embd // self.n_head)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each (batch, head, time, d_head)
        # TODO: if there is a cache, swap key and value for what it returns.
        if cache is not None:
            key, value = cache.append(key, value)
        # TODO: attend causally, with dropout on the weights while training. The past is what came back beyond x.
        past = key.shape[-2] - time
        dropout_p = self.dropout if self.training else 0.0
        # Torch's attention: you have proved your own, and this one never writes the table of weights to memory. With no
        # past it makes the causal mask itself; one token alone may see everything; else its mask says who MAY look.
        allowed = ~causal_mask(time, past, x.device) if past > 0 and time > 1 else None
        mixed = F.scaled_dot_product_attention(query, key, value, allowed, dropout_p, is_causal=past == 0)
        # TODO: put the heads side by side again, project, dropout.
        merged = mixed.transpose(1, 2).reshape(batch, time, n_embd)
        return F.dropout(self.c_proj(merged), self.dropout, self.training)
        # END SOLUTION


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
    # BEGIN SOLUTION
    time, d_head = x.shape[-2:]
    if d_head % 2 != 0:
        raise ValueError(f"d_head {d_head} is odd: channels turn in pairs")
    # TODO: one angle for each position and pair.
    pair = torch.arange(d_head // 2, device=x.device, dtype=torch.float32)
    position = torch.arange(past, past + time, device=x.device)
    angle = position[:, None] * base ** (-2 * pair / d_head)  # (time, d_head / 2)
    # TODO: turn each pair: (a, b) becomes (a cos - b sin, b cos + a sin).
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)
    # END SOLUTION


class GroupedQueryAttention(nn.Module):
    """Causal self-attention in which `n_head / n_kv_head` neighbouring query heads share one key and value head.

    Four bias-free Linears, named as in Llama: q_proj, k_proj, v_proj, o_proj; queries and keys are turned by RoPE.
    The point is a cache that is n_head / n_kv_head times smaller. Ainslie et al. 2023, section 2.2.
    """

    def __init__(self, n_embd: int, n_head: int, n_kv_head: int):
        """Raises ValueError if `n_head` doesn't divide `n_embd`, or `n_kv_head` doesn't divide `n_head`."""
        super().__init__()
        # BEGIN SOLUTION
        if n_embd % n_head != 0 or n_head % n_kv_head != 0:
            raise ValueError(f"n_embd {n_embd}, n_head {n_head} and n_kv_head {n_kv_head} don't divide one another")
        self.n_head, self.n_kv_head, self.d_head = n_head, n_kv_head, n_embd // n_head
        self.q_proj = nn.Linear(n_embd, n_embd, bias=False)
        self.k_proj = nn.Linear(n_embd, n_kv_head * self.d_head, bias=False)
        self.v_proj = nn.Linear(n_embd, n_kv_head * self.d_head, bias=False)
        self.o_proj = nn.Linear(n_embd, n_embd, bias=False)
        # END SOLUTION

    def forward(self, x: Float[Tensor, "batch time n_embd"]) -> Float[Tensor, "batch time n_embd"]:
        """Every token looks at itself and at those before it; the first one is at position 0, and no text is too long.

        No cache, no dropout.
        """
        # BEGIN SOLUTION
        batch, time, n_embd = x.shape
        # TODO: project and split into heads; there are fewer heads of keys and values than of queries.
        query = self.q_proj(x).view(batch, time, self.n_head, self.d_head).transpose(1, 2)
        key = self.k_proj(x).view(batch, time, self.n_kv_head, self.d_head).transpose(1, 2)
        value = self.v_proj(x).view(batch, time, self.n_kv_head, self.d_head).transpose(1, 2)
        # TODO: turn queries and keys, then let each group of query heads share its key and value.
        query, key = apply_rope(query), apply_rope(key)
        group = self.n_head // self.n_kv_head
        key, value = key.repeat_interleave(group, dim=1), value.repeat_interleave(group, dim=1)
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.o_proj(mixed.transpose(1, 2).reshape(batch, time, n_embd))
        # END SOLUTION
