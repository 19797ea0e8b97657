"""The models of other people that the days compare with; their libraries are imported on first use only."""

import os
from pathlib import Path
from typing import Any
from unittest.mock import patch

from shared.data.texts import stories_model

# Bytes of each one's weights on the model hub.
REAL_GPT2_SIZES = {
    "distilgpt2": 353_000_000,
    "gpt2": 548_000_000,
    "gpt2-medium": 1_520_000_000,
    "gpt2-large": 3_250_000_000,
    "gpt2-xl": 6_430_000_000,
}


class NotAvailable(RuntimeError):
    """A real model that couldn't be downloaded; the message says which, and what to do."""


def tiny_gpt2(seed: int = 0, **overrides):
    """A random GPT2LMHeadModel, small enough for a test: float32, on the CPU, in eval mode.

    Every size is a different number (61 tokens, 23 positions, 40 wide, 3 layers, 5 heads of 8, an MLP of 160), so that
    two axes can't be confused in silence. Every parameter is drawn at random, biases and LayerNorm's too, so that a
    forgotten one shows. No dropout, no end token. `overrides` are fields of GPT2Config; the same arguments give the
    same model, and the global random state stays as it was.
    """
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    fields = {
        "vocab_size": 61,
        "n_positions": 23,
        "n_embd": 40,
        "n_layer": 3,
        "n_head": 5,
        "resid_pdrop": 0.0,
        "embd_pdrop": 0.0,
        "attn_pdrop": 0.0,
        "bos_token_id": None,  # GPT-2's own, 50256, lies outside so small a vocabulary
        "eos_token_id": None,
        "attn_implementation": "eager",
    }
    config = GPT2Config(**(fields | overrides))
    with torch.random.fork_rng(devices=[]):
        model = GPT2LMHeadModel(config)
    model = model.float().eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        # The tied embedding is one parameter under two names, and named_parameters gives it once.
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float32)
            is_gain = ".ln_" in name and name.endswith("weight")
            # Wide enough that attention picks and GELU bends, small enough that softmax doesn't saturate.
            parameter.copy_(1 + 0.3 * noise if is_gain else 0.2 * noise)
    return model


def stories_gpt2():
    """The small GPT-2 that ships with the course (`shared.data.stories_model`): float32, on the CPU, in eval mode."""
    import torch
    from transformers import GPT2LMHeadModel

    folder = stories_model()
    model = GPT2LMHeadModel.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", local_files_only=True
    )
    return model.eval()


def real_gpt2(name: str = "gpt2"):
    """OpenAI's GPT-2 itself, as a GPT2LMHeadModel in float32 and eval mode; the first call downloads it, and says so.

    `name` is one of gpt2, gpt2-medium, gpt2-large, gpt2-xl, distilgpt2. Nothing of the course needs it: it is an extra.
    Raises NotAvailable where it can't be had, for lack of a network for example.
    """
    if name not in REAL_GPT2_SIZES:
        raise ValueError(f"no GPT-2 is called {name!r}; there are {', '.join(REAL_GPT2_SIZES)}")
    import torch
    from transformers import GPT2LMHeadModel

    from shared.data.fetch import human_size

    options: dict[str, Any] = {"dtype": torch.float32, "attn_implementation": "eager"}
    try:
        return GPT2LMHeadModel.from_pretrained(name, local_files_only=True, **options).eval()
    except OSError:
        pass  # not downloaded yet
    size = human_size(REAL_GPT2_SIZES[name])
    print(f"Downloading the weights of {name}: {size}, from the model hub, into transformers' own cache.", flush=True)
    try:
        return GPT2LMHeadModel.from_pretrained(name, **options).eval()
    except Exception as error:  # the hub's client raises errors of several libraries, all of them meaning the same here
        raise NotAvailable(
            f"The weights of {name} ({size}) could not be had from the model hub ({type(error).__name__}). "
            "The exercises and their tests don't need them: shared.data.reference.stories_gpt2() ships with the course."
        ) from error


def bpe_ranks(vocab_path: str | Path, merges_path: str | Path) -> dict[bytes, int]:
    """{bytes of a token: its rank}, as tiktoken reads two files in GPT-2's format; for GPT-2's own, a rank is an id."""
    from tiktoken.load import data_gym_to_mergeable_bpe_ranks

    with patch.dict(os.environ, TIKTOKEN_CACHE_DIR=""):  # read the files where they are, and copy them nowhere
        return data_gym_to_mergeable_bpe_ranks(vocab_bpe_file=str(merges_path), encoder_json_file=str(vocab_path))
