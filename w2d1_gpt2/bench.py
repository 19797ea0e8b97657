"""Times your GPT-2 beside Hugging Face's, which has the same size and the same weights.

    make bench DAY=w2d1 [DEVICE=cuda] [IMPL=solution]

Each row compares the medians of several rounds, in which the two take turns. A machine's speed goes up and down, but
the ratio of the two times is steadier.
"""

import argparse
import os
import statistics
import time
from pathlib import Path

from shared.learner.script import begin

DAY = Path(__file__).resolve().parent
begin(__file__)

import torch
from cache import generate
from model import GPT2, GPT2Config, cross_entropy
from weights import to_hugging_face

DEVICE = torch.device(os.environ.get("DEVICE", "cpu"))
# Its size is between the course's `stories` model and GPT-2 small: it takes minutes on a laptop, and is large enough
# that the arithmetic counts.
CPU_CONFIG = GPT2Config(vocab_size=8192, n_positions=512, n_embd=384, n_layer=6, n_head=6, dropout=0.0)
GPU_CONFIG = GPT2Config(dropout=0.0)  # GPT-2 small


def theirs_like(mine: GPT2):
    from transformers import GPT2Config as TheirConfig
    from transformers import GPT2LMHeadModel

    c = mine.config
    sizes = {name: getattr(c, name) for name in ("vocab_size", "n_positions", "n_embd", "n_layer", "n_head")}
    plain = dict(resid_pdrop=0, embd_pdrop=0, attn_pdrop=0, bos_token_id=0, eos_token_id=0)
    model = GPT2LMHeadModel(TheirConfig(**sizes, **plain))
    missing = model.load_state_dict(to_hugging_face(mine.state_dict()), strict=False).missing_keys
    assert missing in ([], ["lm_head.weight"]), missing
    return model.to(DEVICE)


def wait() -> None:
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def seconds(call) -> float:
    wait()
    start = time.perf_counter()
    call()
    wait()
    return time.perf_counter() - start


def compare(name: str, mine, theirs, rounds: int, work: float, unit: str) -> None:
    """Prints both medians as work per second, and the ratio of times, mine / theirs (below 1, mine is faster)."""
    mine(), theirs()  # warm up
    times = [(seconds(mine), seconds(theirs)) for _ in range(rounds)]
    ours, other = (statistics.median(column) for column in zip(*times))
    spread = statistics.quantiles([b / a for a, b in times], n=4)
    print(
        f"{name:34} {work / ours:10,.0f} {work / other:10,.0f} {unit:9}  time, mine / theirs {ours / other:5.2f}"
        f"   (quartiles {1 / spread[2]:.2f} to {1 / spread[0]:.2f})",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    torch.manual_seed(0)
    config = CPU_CONFIG if DEVICE.type == "cpu" else GPU_CONFIG
    mine = GPT2(config).to(DEVICE).eval()
    theirs = theirs_like(mine).eval()
    length = min(512, config.n_positions)
    print(f"{sum(p.numel() for p in mine.parameters()):,} parameters on {DEVICE}, {torch.get_num_threads()} threads")
    print(f"{'':34} {'mine':>10} {'theirs':>10}")
    for batch in (1, 16):
        ids = torch.randint(config.vocab_size, (batch, length), device=DEVICE)

        @torch.no_grad()
        def forward(model=None, ids=ids):
            return model(ids)

        compare(
            f"forward, batch {batch}, {length} tokens",
            lambda forward=forward: forward(mine),
            lambda forward=forward: forward(theirs),
            rounds,
            ids.numel(),
            "tokens/s",
        )

        def both_ways(model, logits, ids=ids):
            model.zero_grad()
            cross_entropy(logits(model(ids)), ids).backward()

        compare(
            f"forward + backward, batch {batch}",
            lambda both_ways=both_ways: both_ways(mine, lambda out: out),
            lambda both_ways=both_ways: both_ways(theirs, lambda out: out.logits),
            max(3, rounds // 2),
            ids.numel(),
            "tokens/s",
        )
        prompt, new = ids[:, :16], 128
        settings = dict(max_new_tokens=new, min_new_tokens=new, do_sample=False, pad_token_id=0)
        settings["attention_mask"] = torch.ones_like(prompt)
        compare(
            f"generate {new} tokens, batch {batch}",
            lambda prompt=prompt, new=new: generate(mine, prompt, new, temperature=0),
            lambda prompt=prompt, settings=settings: theirs.generate(prompt, **settings),
            rounds,
            batch * new,
            "tokens/s",
        )


if __name__ == "__main__":
    main()
