"""How the course made its own small GPT-2, `stories`; anyone can make it again.

    python w2d1_gpt2/stories.py train              hours on two CPU cores, minutes with --device cuda
    python w2d1_gpt2/stories.py text MODEL_FOLDER  more training text, sampled from stories15M (not needed for `train`)

`train` uses the day's own model.py and train.py. It learns a byte-level BPE of 4,096 tokens on the course's stories and
children's books, trains on both, and writes a folder in Hugging Face's layout, in half precision.
"""

import argparse
import gzip
import json
import math
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "solution"))

import torch
from bigram import get_batch
from model import GPT2, GPT2Config
from train import TrainConfig, evaluate, train
from weights import save_pretrained

from shared import data

END = "<|endoftext|>"
HELD_OUT = 500  # stories that the model never sees
CONFIG = GPT2Config(vocab_size=4096, n_positions=256, n_embd=256, n_layer=4, n_head=8, dropout=0.0)


def documents() -> tuple[list[str], list[str]]:
    """Training documents (stories and whole books) and held-out stories."""
    stories = data.stories()
    return stories[:-HELD_OUT] + list(data.childrens_books().values()), stories[-HELD_OUT:]


def train_tokenizer(texts: list[str], folder: Path):
    """A byte-level BPE in GPT-2's file format: vocab.json and merges.txt. Token 0 is <|endoftext|>."""
    from tokenizers import ByteLevelBPETokenizer

    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(texts, vocab_size=CONFIG.vocab_size, special_tokens=[END], show_progress=False)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_model(str(folder))
    return tokenizer


def token_stream(tokenizer, texts: list[str], device: str) -> torch.Tensor:
    """All texts in one row of ids, <|endoftext|> before each."""
    end = tokenizer.token_to_id(END)
    return torch.tensor([i for e in tokenizer.encode_batch(texts) for i in [end, *e.ids]], device=device)


def train_stories(folder: Path, steps: int, batch: int, device: str, compiled: bool) -> None:
    torch.manual_seed(0)
    training, held_out = documents()
    tokenizer = train_tokenizer(training, folder)
    stream, held = token_stream(tokenizer, training, device), token_stream(tokenizer, held_out, device)
    length = CONFIG.n_positions
    cut = (len(held) - 1) // length * length
    inputs, targets = held[:cut].view(-1, length), held[1 : cut + 1].view(-1, length)
    validation = list(zip(inputs.split(32), targets.split(32)))
    bytes_per_token = sum(len(text.encode()) for text in held_out) / len(held)
    print(f"{len(stream):,} training tokens, {len(held):,} held out, {bytes_per_token:.2f} bytes a token")

    model = GPT2(CONFIG).to(device)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {device}")
    start = time.time()

    def note(step: int, loss: float) -> None:
        print(f"step {step}: held-out loss {loss:.3f} nats a token, {loss / bytes_per_token:.3f} a byte", flush=True)
        save_pretrained(model, folder, half=True)
        (folder / "training.json").write_text(
            json.dumps(
                {
                    "steps": step,
                    "tokens_seen": step * batch * length,
                    "training_tokens": len(stream),
                    "held_out_nats_per_token": round(loss, 4),
                    "held_out_nats_per_byte": round(loss / bytes_per_token, 4),
                    "held_out_tokens": len(held),
                    "minutes": round((time.time() - start) / 60, 1),
                    "device": device,
                },
                indent=1,
            )
            + "\n"
        )

    config = TrainConfig(steps=steps, warmup=100, peak_lr=1.5e-3, floor_lr=1e-4, betas=(0.9, 0.98), eval_every=300)
    train(torch.compile(model) if compiled else model, lambda: get_batch(stream, batch, length), config, validation, note)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=2600)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--compile", action="store_true", help="torch.compile: a fifth faster; needs a C++ compiler")
    a = parser.parse_args()
    train_stories(a.out, a.steps, a.batch, a.device, a.compile)
