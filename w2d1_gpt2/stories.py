"""This is how the course made its own small GPT-2, `stories`. Anyone can make it again.

    python w2d1_gpt2/stories.py train                trains it: over an hour on two CPU cores, minutes on a GPU
    python w2d1_gpt2/stories.py text FOLDER          writes more training text, with stories15M (not needed for `train`)

`train` uses the day's own model.py and train.py. It learns a byte-level BPE of 4,096 tokens on the course's stories and
children's books, trains on both, and writes a folder in Hugging Face's layout, in half precision.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

DAY = Path(__file__).resolve().parent
sys.path.insert(0, str(DAY / os.environ.get("IMPL", "solution")))
sys.path.append(str(DAY.parent))

import torch
from bigram import get_batch
from model import GPT2, GPT2Config
from train import TrainConfig, train, windows
from weights import save_pretrained

from shared import data

END = data.END_OF_TEXT
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
    """All texts in one row of ids, with <|endoftext|> before each of them."""
    end = tokenizer.token_to_id(END)
    return torch.tensor([i for e in tokenizer.encode_batch(texts) for i in [end, *e.ids]], device=device)


def train_stories(folder: Path, steps: int, batch: int, device: str, compiled: bool) -> None:
    """Trains a model from nothing. It is saved at every evaluation, with its figures, so you can stop at any time."""
    torch.manual_seed(0)
    training, held_out = documents()
    tokenizer = train_tokenizer(training, folder)
    stream, held = token_stream(tokenizer, training, device), token_stream(tokenizer, held_out, device)
    length = CONFIG.n_positions
    bytes_per_token = sum(len(text.encode()) for text in held_out) / len(held)
    print(f"{len(stream):,} training tokens, {len(held):,} held out, {bytes_per_token:.2f} bytes a token")
    model = GPT2(CONFIG).to(device)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {device}")
    start = time.time()

    def note(step: int, loss: float) -> None:
        print(f"step {step}: held-out loss {loss:.3f} nats a token, {loss / bytes_per_token:.3f} a byte", flush=True)
        save_pretrained(model, folder, half=True, end_token=tokenizer.token_to_id(END))
        figures = {
            "steps": step,
            "tokens_seen": step * batch * length,
            "training_tokens": len(stream),
            "held_out_nats_per_token": round(loss, 4),
            "held_out_nats_per_byte": round(loss / bytes_per_token, 4),
            "held_out_tokens": len(held),
            "minutes": round((time.time() - start) / 60, 1),
            "device": device,
        }
        (folder / "training.json").write_text(json.dumps(figures, indent=1) + "\n")

    config = TrainConfig(steps=steps, warmup=100, peak_lr=1.5e-3, floor_lr=1e-4, betas=(0.9, 0.98), eval_every=300)
    learner = torch.compile(model) if compiled else model
    train(learner, lambda: get_batch(stream, batch, length), config, windows(held, length, 32), note)


def write_text(folder: Path, out: Path, count: int, device: str, batch: int = 256) -> None:
    """Samples stories from stories15M (a LlamaForCausalLM in `folder`, with its tokenizer), as shared/files has them:
    temperature 0.95 among the 60 likeliest tokens, and only stories that end within 255 tokens."""
    from tqdm import tqdm
    from transformers import AutoTokenizer, LlamaForCausalLM

    model, tokenizer = (
        LlamaForCausalLM.from_pretrained(folder).float().to(device),
        AutoTokenizer.from_pretrained(folder),
    )
    first, last = model.config.bos_token_id, model.config.eos_token_id
    settings = dict(do_sample=True, temperature=0.95, top_k=60, max_new_tokens=255, pad_token_id=last)
    seen = set()
    with open(out, "w", encoding="utf-8") as file, tqdm(total=count, unit="story") as bar:
        while len(seen) < count:
            start = torch.full((batch, 1), first, device=device)
            # Either token ends a story: the model was trained on stories set one after another.
            ids = model.generate(start, attention_mask=torch.ones_like(start), eos_token_id=[first, last], **settings)
            for row in ids[:, 1:].tolist():
                end = next((i for i, token in enumerate(row) if token in (first, last)), None)
                story = tokenizer.decode(row[:end], skip_special_tokens=True).strip()
                if end is not None and story and story not in seen and len(seen) < count:
                    seen.add(story)
                    file.write(f"{story}\n{END}\n")
                    bar.update()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["train", "text"])
    parser.add_argument("model", nargs="?", type=Path, help="text: the folder of stories15M")
    parser.add_argument("--out", type=Path, help="the folder to write (train) or the file (text)")
    parser.add_argument("--steps", type=int, default=2600)
    parser.add_argument("--batch", type=int, default=16, help="windows of 256 tokens a step")
    parser.add_argument("--count", type=int, default=25_000, help="text: how many stories")
    parser.add_argument("--device", default=os.environ.get("DEVICE", "cpu"))
    parser.add_argument("--compile", action="store_true", help="torch.compile: a fifth faster; needs a C++ compiler")
    a = parser.parse_args()
    if a.task == "train":
        train_stories(a.out or data.FILES / "stories", a.steps, a.batch, a.device, a.compile)
    else:
        write_text(a.model, a.out or Path("stories.txt"), a.count, a.device)
