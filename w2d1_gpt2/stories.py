"""How the course made its own small GPT-2, `stories`. Anyone can make it again.

    python w2d1_gpt2/stories.py measure [FOLDER]      the loss of a model on the held-out stories
    python w2d1_gpt2/stories.py text FOLDER WORDS     writes more training text, with stories15M and its tokenizer.bin
    python w2d1_gpt2/stories.py train --text FILE     trains a model: four minutes on an H100, days on two CPU cores

`train` uses the day's own model.py and train.py. It learns from the course's stories and children's books, and from
more stories in FILE, and writes a folder in Hugging Face's layout, in half precision. It keeps the vocabulary that
ships with the course; `--new-vocabulary` learns another one, a byte-level BPE of 4,096 tokens.
"""

import argparse
import json
import os
import shutil
import struct
import sys
import time
from pathlib import Path

DAY = Path(__file__).resolve().parent
sys.path.insert(0, str(DAY / os.environ.get("IMPL", "solution")))
sys.path.append(str(DAY.parent))

import torch
from bigram import get_batch
from model import GPT2, GPT2Config
from train import TrainConfig, evaluate, train, windows
from weights import load_pretrained, save_pretrained

from shared import data

END = data.END_OF_TEXT
HELD_OUT = 500  # stories that the model never sees
CONFIG = GPT2Config(vocab_size=4096, n_positions=256, n_embd=256, n_layer=4, n_head=8, dropout=0.0)


# ---- What it learns from ---------------------------------------------------------------------------------------------


def documents(more: Path | None) -> tuple[list[str], list[str]]:
    """Training documents (stories and whole books, and the stories in the file `more`) and held-out stories."""
    stories = data.stories()
    training, held_out = stories[:-HELD_OUT] + list(data.childrens_books().values()), stories[-HELD_OUT:]
    if more:
        known = {*training, *held_out}
        text = more.read_text(encoding="utf-8")
        training += [story for story in dict.fromkeys(text.split(f"\n{END}\n")) if story and story not in known]
    return training, held_out


def tokenizer_in(folder: Path):
    """The byte-level BPE whose vocab.json and merges.txt are in `folder`. Token 0 is <|endoftext|>."""
    from tokenizers import ByteLevelBPETokenizer

    return ByteLevelBPETokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))


def train_tokenizer(texts: list[str], folder: Path) -> None:
    """Learns a byte-level BPE and writes it in GPT-2's file format."""
    from tokenizers import ByteLevelBPETokenizer

    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(texts, vocab_size=CONFIG.vocab_size, special_tokens=[END], show_progress=False)
    tokenizer.save_model(str(folder))


def token_stream(tokenizer, texts: list[str], device: str) -> torch.Tensor:
    """All texts in one row of ids, with <|endoftext|> before each."""
    end = tokenizer.token_to_id(END)
    return torch.tensor([i for e in tokenizer.encode_batch(texts) for i in [end, *e.ids]], device=device)


# ---- Training and measuring ------------------------------------------------------------------------------------------


def train_stories(folder: Path, options: argparse.Namespace) -> None:
    """Trains from nothing. Saves model and figures at every evaluation, so you can stop it at any time."""
    torch.manual_seed(0)
    torch.set_float32_matmul_precision("high")  # on a GPU: products in TF32
    training, held_out = documents(options.text)
    folder.mkdir(parents=True, exist_ok=True)
    if options.new_vocabulary:
        train_tokenizer(training, folder)
    elif folder != data.stories_model():
        for name in ("vocab.json", "merges.txt"):
            shutil.copy(data.stories_model() / name, folder)
    tokenizer = tokenizer_in(folder)
    stream = token_stream(tokenizer, training, options.device)
    held = token_stream(tokenizer, held_out, options.device)
    bytes_per_token = sum(len(text.encode()) for text in held_out) / len(held)
    print(f"{len(stream):,} training tokens, {len(held):,} held out, {bytes_per_token:.2f} bytes a token")
    model = GPT2(CONFIG).to(options.device)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {options.device}")
    start = time.time()

    def note(step: int, loss: float) -> None:
        print(f"step {step}: held-out loss {loss:.3f} nats a token, {loss / bytes_per_token:.3f} a byte", flush=True)
        save_pretrained(model, folder, half=True, end_token=tokenizer.token_to_id(END))
        figures = {
            "steps": step,
            "batch": options.batch,
            "tokens_seen": step * options.batch * CONFIG.n_positions,
            "training_tokens": len(stream),
            "documents": len(training),
            "peak_lr": options.peak,
            "held_out_nats_per_token": round(loss, 4),
            "held_out_nats_per_byte": round(loss / bytes_per_token, 4),
            "held_out_tokens": len(held),
            "minutes": round((time.time() - start) / 60, 1),
            "device": torch.cuda.get_device_name() if options.device == "cuda" else options.device,
        }
        (folder / "training.json").write_text(json.dumps(figures, indent=1) + "\n")

    config = TrainConfig(
        options.steps, 200, options.peak, 2e-5, betas=(0.9, 0.98), eval_every=max(1, options.steps // 8)
    )
    learner = torch.compile(model) if options.compile else model
    batch = lambda: get_batch(stream, options.batch, CONFIG.n_positions)  # noqa: E731
    train(learner, batch, config, windows(held, CONFIG.n_positions, 32), note)


def measure(folder: Path, device: str) -> None:
    """Prints the loss of the model in `folder` on the held-out stories."""
    _, held_out = documents(None)
    held = token_stream(tokenizer_in(folder), held_out, device)
    loss = evaluate(load_pretrained(folder).to(device), windows(held, CONFIG.n_positions, 32))
    per_byte = loss * len(held) / sum(len(text.encode()) for text in held_out)
    print(f"{loss:.4f} nats a token, {per_byte:.4f} nats a byte ({len(held):,} tokens, {HELD_OUT} stories)")


# ---- More text -------------------------------------------------------------------------------------------------------


def llama_tokens(file: Path, count: int) -> list[bytes]:
    """The text of each token, from a tokenizer.bin of llama2.c.

    For each token the file holds its score (float32), its length (int32) and its text; some versions write a single
    byte as <0x0A>. Whatever stands before the first token, <unk>, is skipped: in npm's llama2.data these are the
    weights of stories15M.
    """
    blob, tokens = file.read_bytes(), []
    at = blob.index(struct.pack("<i", 5) + b"<unk>") - 4
    for _ in range(count):
        _, length = struct.unpack_from("<fi", blob, at)
        text = blob[at + 8 : at + 8 + length]
        tokens.append(bytes.fromhex(text[3:5].decode()) if length == 6 and text[:3] == b"<0x" else text)
        at += 8 + length
    return tokens


def write_text(folder: Path, words: Path, out: Path, options: argparse.Namespace) -> None:
    """Samples stories from stories15M (a LlamaForCausalLM in `folder`), as shared/files has them.

    Temperature 0.95 among the 60 likeliest tokens; a story is kept if it ends within 255 tokens, is ASCII, and differs
    from all others, those that are held out included.
    """
    from tqdm import tqdm
    from transformers import LlamaForCausalLM

    half = options.device != "cpu"
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float16 if half else torch.float32).to(options.device)
    tokens = llama_tokens(words, model.config.vocab_size)
    first, last = model.config.bos_token_id, model.config.eos_token_id
    settings = dict(do_sample=True, temperature=0.95, top_k=60, max_new_tokens=255, pad_token_id=last)
    torch.manual_seed(options.seed)
    seen = set(documents(None)[1])
    with open(out, "w", encoding="utf-8") as file, tqdm(total=options.count, unit="story") as bar:
        while bar.n < options.count:
            start = torch.full((options.batch, 1), first, device=options.device)
            # Either token ends a story: the model was trained on stories set one after another.
            ids = model.generate(start, attention_mask=torch.ones_like(start), eos_token_id=[first, last], **settings)
            for row in ids[:, 1:].tolist():
                end = next((i for i, token in enumerate(row) if token in (first, last)), None)
                story = b"".join(tokens[token] for token in row[:end]).decode(errors="replace").strip()
                if end and story and story.isascii() and story not in seen and bar.n < options.count:
                    seen.add(story)
                    file.write(f"{story}\n{END}\n")
                    bar.update()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    tasks = parser.add_subparsers(dest="task", required=True)
    device = argparse.ArgumentParser(add_help=False)
    device.add_argument("--device", default=os.environ.get("DEVICE", "cpu"))

    task = tasks.add_parser("measure", parents=[device], help="the loss of a model on the held-out stories")
    task.add_argument("folder", nargs="?", type=Path, default=data.stories_model())

    task = tasks.add_parser("text", parents=[device], help="more training text")
    task.add_argument("folder", type=Path, help="stories15M in Hugging Face's layout")
    task.add_argument("words", type=Path, help="its tokenizer.bin, or the llama2.data that ends with it")
    task.add_argument("--out", type=Path, default=Path("stories.txt"), help="the file to write")
    task.add_argument("--count", type=int, default=63_000, help="how many stories")
    task.add_argument("--batch", type=int, default=256, help="stories at once; 8192 fit a large GPU")
    task.add_argument("--seed", type=int, default=0)

    task = tasks.add_parser("train", parents=[device], help="a new model")
    task.add_argument("--out", type=Path, default=Path("stories"), help="the folder to write")
    task.add_argument("--text", type=Path, help="more stories, as `text` writes them")
    task.add_argument("--new-vocabulary", action="store_true", help="learn it anew from the training text")
    task.add_argument("--steps", type=int, default=15_000)
    task.add_argument("--batch", type=int, default=64, help="windows of 256 tokens a step")
    task.add_argument("--peak", type=float, default=3e-3, help="the highest learning rate")
    task.add_argument("--compile", action="store_true", help="torch.compile: a fifth faster; needs a C++ compiler")

    a = parser.parse_args()
    if a.task == "measure":
        measure(a.folder, a.device)
    elif a.task == "text":
        write_text(a.folder, a.words, a.out, a)
    else:
        train_stories(a.out, a)
