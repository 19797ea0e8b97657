"""The cache computes keys and values once per token, not again in every step. With it, a model writes text.

`python cache.py` lets the course's `stories` model tell a story, and times it with the cache and without.
"""

import argparse
import textwrap
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

    It trusts its caller: nothing is asked of it where tokens don't fit. `CarefulCache` looks at them first.
    """

    def __init__(
        self,
        config: GPT2Config,
        batch_size: int,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
        max_length: int | None = None,
    ):
        """Makes room for `max_length` tokens in each of `batch_size` texts. None means `config.n_positions`; it may
        also be more than that. Keys and values have `dtype` (torch's default if None), and lie on `device`.
        """
        self.layers = [LayerCache(self, i) for i in range(config.n_layer)]
        # BEGIN SOLUTION
        # TODO: make the storage, and note how many tokens each layer holds.
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
        """What `cache[layer].append(key, value)` calls: keeps the new tokens of this layer, and returns all so far."""
        # BEGIN SOLUTION
        keys, values, start = self.keys[layer], self.values[layer], self.filled[layer]
        end = start + key.shape[2]
        # TODO: store the new tokens, and return all so far.
        keys[:, :, start:end] = key
        values[:, :, start:end] = value
        self.filled[layer] = end
        return keys[:, :, :end], values[:, :, :end]
        # END SOLUTION

    def reset(self) -> None:
        """Forgets all tokens, so that the next one is the first."""
        # BEGIN SOLUTION
        self.filled = [0] * len(self.filled)
        # END SOLUTION


class LayerCache:
    """What one layer sees of the cache. Its `append` calls `KVCache.append` for this layer, and does nothing more."""

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

    Temperature 0 always takes the largest logit, however close another one comes. A logit of -inf has no chance. With
    `top_k`, exactly `top_k` of the largest logits of a row can be drawn. If several are equal, any of them will do. A
    `top_k` beyond the vocabulary leaves all of them. `generator` may live on another device than the logits (a CPU
    generator gives everyone the same draws); None is torch's global one. Raises ValueError for a negative temperature
    or a `top_k` below 1.

    >>> sample(torch.tensor([[1.0, 3.0, 2.0], [4.0, 0.0, 0.0]]), temperature=0).tolist()
    [1, 0]
    """
    # BEGIN SOLUTION
    if temperature < 0 or (top_k is not None and top_k < 1):
        raise ValueError(f"temperature {temperature} must be at least 0, top_k {top_k} at least 1")
    if temperature == 0:
        return logits.argmax(dim=-1)
    # TODO: find the candidates and their probabilities, and draw once for each row.
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
    and is left in the mode it was in, even if an error ends the writing. The result is a new tensor, even if there are
    0 new tokens. `stop` is a token that ends a text: a row that has drawn it is filled up with `stop`, and as soon as
    every row has drawn one, it ends for all (a `stop` in the prompt doesn't count). Raises ValueError, before any work,
    if prompt and new tokens are more than the model's `n_positions`, or the prompt is empty.
    """
    # BEGIN SOLUTION
    batch, time = ids.shape
    if time == 0 or time + max_new_tokens > model.config.n_positions:
        positions = model.config.n_positions
        raise ValueError(f"{time} + {max_new_tokens} tokens: at least 1 must be there, and {positions} fit")
    was_training = model.training
    model.eval()
    # TODO: make the cache, with the model's device and dtype.
    cache = None
    if use_cache:
        cache = KVCache(model.config, batch, ids.device, model.wte.weight.dtype, max_length=time + max_new_tokens)
    text = new = ids.clone()
    stopped = torch.zeros(batch, dtype=torch.bool, device=ids.device)
    try:
        for _ in range(max_new_tokens):
            # TODO: take the logits of the last position, draw a token for each row, and append it.
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


# ---- A cache that looks first ----------------------------------------------------------------------------------------


class CarefulCache(KVCache):
    """A KVCache that refuses wrong use. All that fits is handed on to KVCache, so the contract there holds here too.

    Wrong use is a ValueError that says what is wrong, and leaves the cache as it was: see `append`.
    """

    def __init__(
        self,
        config: GPT2Config,
        batch_size: int,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
        max_length: int | None = None,
    ):
        """As in KVCache: the defaults mean the same."""
        super().__init__(config, batch_size, device, dtype, max_length)
        # BEGIN SOLUTION
        # TODO: note what append will have to know in order to check.
        self.fits = (batch_size, config.n_head, config.n_embd // config.n_head)
        self.room = config.n_positions if max_length is None else max_length
        self.kind = torch.empty(0, device=device, dtype=dtype)
        self.seen = [0] * config.n_layer
        # END SOLUTION

    def append(self, layer: int, key: Heads, value: Heads) -> tuple[Heads, Heads]:
        """As in KVCache, but raises ValueError, and keeps nothing, if

        - `key` or `value` doesn't have the four dimensions (batch, head, time, d_head), batch, heads or d_head are not
          those that the cache was made for, or `value` has another shape than `key`;
        - dtype or device is not the cache's;
        - there would be more than `max_length` tokens;
        - the layers fall out of step: this one has the tokens of this pass already, or others got a different number;
        - `key` or `value` requires gradients (a cache is for use, under `torch.no_grad()`, not for training).
        """
        # BEGIN SOLUTION
        # TODO: refuse what must be refused.
        for name, got in (("key", key), ("value", value)):
            if got.dim() != 4 or (*got.shape[:2], got.shape[3]) != self.fits:
                raise ValueError(f"{name} has shape {tuple(got.shape)}: batch, heads and d_head must be {self.fits}")
            if got.dtype != self.kind.dtype or got.device != self.kind.device:
                raise ValueError(f"{name} is {got.dtype} on {got.device}, not {self.kind.dtype} on {self.kind.device}")
            if got.requires_grad:
                raise ValueError(f"{name} requires gradients: use the cache under torch.no_grad()")
        if key.shape != value.shape:
            raise ValueError(f"key has {key.shape[2]} tokens, value {value.shape[2]}")
        start = self.length
        end = start + key.shape[2]
        if end > self.room:
            raise ValueError(f"{end} tokens, but the cache has room for {self.room}")
        if self.seen[layer] != start:
            raise ValueError(f"layer {layer} has the tokens of this pass already, other layers lack them: reset()?")
        if max(self.seen) not in (start, end):
            raise ValueError(f"layer {layer} gets {end - start} tokens, another one got {max(self.seen) - start}")
        # TODO: let KVCache do the work, and note that it is done.
        self.seen[layer] = end
        return super().append(layer, key, value)
        # END SOLUTION

    def reset(self) -> None:
        """As in KVCache."""
        # BEGIN SOLUTION
        super().reset()
        self.seen = [0] * len(self.seen)
        # END SOLUTION


# ---- A look (given) --------------------------------------------------------------------------------------------------


def show(prompt: str, temperature: float) -> None:
    """A story, and then how fast it is written with the cache and without."""
    from weights import load_pretrained

    from shared import data

    torch.set_num_threads(1)  # one token is so little work that several threads would mostly wait for each other
    model, tokenizer = load_pretrained(data.stories_model()), data.stories_tokenizer()
    ids = tokenizer(data.END_OF_TEXT + prompt, return_tensors="pt").input_ids  # this token stands before each story
    count = model.config.n_positions - ids.shape[1]

    def write(**how) -> Int[Tensor, "batch length"]:
        generator = torch.Generator().manual_seed(0)
        return generate(model, ids, count, temperature, top_k=50, generator=generator, **how)

    story = write(stop=tokenizer.convert_tokens_to_ids(data.END_OF_TEXT))
    print(textwrap.fill(tokenizer.decode(story[0], skip_special_tokens=True), 100))
    print(f"\nNow {count} tokens, whether the story ends or not:")
    for use_cache in (True, False):
        start = time.perf_counter()
        write(use_cache=use_cache)
        seconds = time.perf_counter() - start
        print(f"  {'with' if use_cache else 'without'} the cache: {count / seconds:.0f} tokens a second", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("prompt", nargs="?", default="Once upon a time")
    parser.add_argument("--temperature", type=float, default=0.8)
    a = parser.parse_args()
    show(a.prompt, a.temperature)
