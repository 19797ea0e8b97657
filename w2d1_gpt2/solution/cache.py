"""Cache: keys and values are computed once per token, not once per token and step; and a model that writes on it.

`python cache.py` lets the course's `stories` model tell a story, with the cache and without.
"""

import argparse
import time

import torch
from jaxtyping import Float, Int
from model import GPT2, GPT2Config
from torch import Tensor

Heads = Float[Tensor, "batch head time d_head"]

# ---- The cache -------------------------------------------------------------------------------------------------------


class KVCache:
    """The keys and values, in every layer, of all tokens that a model has seen.

    With `model(ids, cache=cache)` the model gives the logits of `ids` alone, as if the tokens of all earlier calls
    stood before them. What is inside is yours; this is the contract:

    - `cache.length` is the number of tokens that every layer holds, so it moves when the last layer has appended.
    - `cache[i].append(key, value)` takes the new tokens' keys and values of layer i, (batch, head, time, d_head) each,
      and returns those of all tokens so far, the new ones last.
    - `cache.reset()` forgets all tokens.
    - Wrong use is a ValueError that says what is wrong, and leaves the cache as it was: see `append`.
    """

    def __init__(
        self,
        config: GPT2Config,
        batch_size: int,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
        max_length: int | None = None,
    ):
        """Room for `max_length` tokens in each of `batch_size` texts: `config.n_positions` if None, and it may be more
        than that. Keys and values have `dtype`, torch's default if None, and lie on `device`.
        """
        self.layers = [LayerCache(self, i) for i in range(config.n_layer)]
        # BEGIN SOLUTION
        # TODO: the storage, and how many tokens each layer holds.
        length = config.n_positions if max_length is None else max_length
        shape = (batch_size, config.n_head, length, config.n_embd // config.n_head)
        self.keys = [torch.empty(shape, device=device, dtype=dtype) for _ in range(config.n_layer)]
        self.values = [torch.empty(shape, device=device, dtype=dtype) for _ in range(config.n_layer)]
        self.filled = [0] * config.n_layer
        # END SOLUTION

    def __getitem__(self, layer: int) -> "LayerCache":
        return self.layers[layer]

    @property
    def length(self) -> int:
        """The number of tokens that every layer holds."""
        # BEGIN SOLUTION
        return min(self.filled)
        # END SOLUTION

    def append(self, layer: int, key: Heads, value: Heads) -> tuple[Heads, Heads]:
        """What `cache[layer].append(key, value)` calls. Raises ValueError, and keeps nothing, if

        - `key` or `value` hasn't the four dimensions (batch, head, time, d_head), batch, heads or d_head are not those
          that the cache was made for, or `value` has another shape than `key`;
        - dtype or device are not the cache's;
        - there would be more than `max_length` tokens;
        - the layers fall out of step: this one has the tokens of this pass already, or others got a different number;
        - `key` or `value` requires gradients (a cache is for use, under `torch.no_grad()`, not for training).
        """
        # BEGIN SOLUTION
        # TODO: refuse what must be refused.
        keys, values, start = self.keys[layer], self.values[layer], self.length
        end = start + key.shape[-2]
        for name, got in (("key", key), ("value", value)):
            expected = (*keys.shape[:2], key.shape[-2], keys.shape[3])
            if tuple(got.shape) != expected:
                raise ValueError(f"{name} has shape {tuple(got.shape)}, but this cache expects {expected}")
            if got.dtype != keys.dtype or got.device != keys.device:
                raise ValueError(f"{name} is {got.dtype} on {got.device}, the cache {keys.dtype} on {keys.device}")
            if got.requires_grad:
                raise ValueError(f"{name} requires gradients: use the cache under torch.no_grad()")
        if end > keys.shape[2]:
            raise ValueError(f"{end} tokens, but the cache has room for {keys.shape[2]}")
        if self.filled[layer] != start:
            raise ValueError(f"layer {layer} has the tokens of this pass already, other layers lack them: reset()?")
        if max(self.filled) not in (start, end):
            raise ValueError(f"layer {layer} gets {end - start} tokens, another one got {max(self.filled) - start}")
        # TODO: keep the new ones; return all so far.
        keys[:, :, start:end] = key
        values[:, :, start:end] = value
        self.filled[layer] = end
        return keys[:, :, :end], values[:, :, :end]
        # END SOLUTION

    def reset(self) -> None:
        """Forgets all tokens; the next one is the first."""
        # BEGIN SOLUTION
        self.filled = [0] * len(self.filled)
        # END SOLUTION


class LayerCache:
    """What one layer sees of the cache: a door to `KVCache.append`, and no more."""

    def __init__(self, cache: KVCache, layer: int):
        self.cache, self.layer = cache, layer

    def append(self, key: Heads, value: Heads) -> tuple[Heads, Heads]:
        return self.cache.append(self.layer, key, value)


# ---- Writing ---------------------------------------------------------------------------------------------------------


def sample(
    logits: Float[Tensor, "batch vocab"],
    temperature: float = 1.0,
    top_k: int | None = None,
    generator: torch.Generator | None = None,
) -> Int[Tensor, "batch"]:
    """One token for each row, drawn from softmax(logits / temperature). The quotient fits into the logits' dtype.

    Temperature 0 takes the largest logit, always, however close another one comes. A logit of -inf has no chance. With
    `top_k`, only the `top_k` largest logits of a row have a chance:
    just so many, whichever of several equal ones; a `top_k` beyond the vocabulary leaves all. `generator` may live on
    another device than the logits (a CPU generator gives everyone the same draws); None is torch's global one.
    Raises ValueError for a negative temperature or a `top_k` below 1.

    >>> sample(torch.tensor([[1.0, 3.0, 2.0], [4.0, 0.0, 0.0]]), temperature=0).tolist()
    [1, 0]
    """
    # BEGIN SOLUTION
    if temperature < 0 or (top_k is not None and top_k < 1):
        raise ValueError(f"temperature {temperature} must be at least 0, top_k {top_k} at least 1")
    if temperature == 0:
        return logits.argmax(dim=-1)
    # TODO: the candidates, their probabilities, one draw for each row.
    candidates = None
    if top_k is not None and top_k < logits.shape[-1]:
        logits, candidates = logits.topk(top_k)
    probabilities = (logits / temperature).softmax(dim=-1)
    if generator is not None:
        probabilities = probabilities.to(generator.device)
    chosen = torch.multinomial(probabilities, 1, generator=generator).to(logits.device)
    # TODO: where top_k was used, chosen counts candidates: which tokens are they?
    return (chosen if candidates is None else candidates.gather(-1, chosen)).squeeze(-1)
    # END SOLUTION


@torch.no_grad()
def generate(
    model: GPT2,
    ids: Int[Tensor, "batch time"],
    max_new_tokens: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    generator: torch.Generator | None = None,
    use_cache: bool = True,
    stop: int | None = None,
) -> Int[Tensor, "batch longer"]:
    """`ids` and up to `max_new_tokens` more, each drawn by `sample` from the logits of the last position.

    With `use_cache` the model sees each token once; the result is the same without. The model works without dropout,
    and is left in the mode it was in, even if an error ends the writing. The result is a new tensor, also for 0 new
    tokens. `stop` is a token that ends a text: such a row is filled up with `stop`, and as
    soon as every row has drawn one, it ends for all (a `stop` in the prompt doesn't count).
    Raises ValueError, before any work, if prompt and new tokens are more than the model's `n_positions`, or the prompt
    is empty.
    """
    # BEGIN SOLUTION
    batch, time = ids.shape
    if time == 0 or time + max_new_tokens > model.config.n_positions:
        positions = model.config.n_positions
        raise ValueError(f"{time} + {max_new_tokens} tokens: at least 1 must be there, and {positions} fit")
    was_training = model.training
    model.eval()
    # TODO: the cache, on the device and in the dtype of the model.
    cache = None
    if use_cache:
        cache = KVCache(model.config, batch, ids.device, model.wte.weight.dtype, max_length=time + max_new_tokens)
    text = new = ids.clone()
    stopped = torch.zeros(batch, dtype=torch.bool, device=ids.device)
    try:
        for _ in range(max_new_tokens):
            # TODO: logits of the last position, a token for each row, append.
            logits = model(new, cache=cache)[:, -1]
            token = sample(logits, temperature, top_k, generator)
            if stop is not None:
                token = token.masked_fill(stopped, stop)
                stopped |= token == stop
            text = torch.cat([text, token[:, None]], dim=1)
            if stop is not None and stopped.all():
                break
            # TODO: what does the model have to see next, with the cache, and without?
            new = token[:, None] if use_cache else text
    finally:
        model.train(was_training)
    return text
    # END SOLUTION


# ---- A look (given) --------------------------------------------------------------------------------------------------


def show(prompt: str, temperature: float) -> None:
    """One story, told twice: with the cache and without."""
    from weights import load_pretrained

    from shared import data

    model, tokenizer = load_pretrained(data.stories_model()), data.stories_tokenizer()
    ids = tokenizer(prompt, return_tensors="pt").input_ids
    count = model.config.n_positions - ids.shape[1]
    for use_cache in (True, False):
        start = time.perf_counter()
        generator = torch.Generator().manual_seed(0)
        text = generate(model, ids, count, temperature, top_k=50, generator=generator, use_cache=use_cache)
        seconds = time.perf_counter() - start
        print(f"{'with' if use_cache else 'without'} the cache: {count / seconds:.0f} tokens a second")
    print(f"\n{tokenizer.decode(text[0])}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("prompt", nargs="?", default="Once upon a time")
    parser.add_argument("--temperature", type=float, default=0.8)
    a = parser.parse_args()
    show(a.prompt, a.temperature)
