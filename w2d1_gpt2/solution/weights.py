"""Weights: the pair's GPT-2 and Hugging Face's hold the same numbers, and either can take the other's place.

`python weights.py` lets the course's small `stories` model speak, `python weights.py gpt2` the real GPT-2 (548 MB,
downloaded once, where there is a network). Both end with a training race against Hugging Face's own model.
"""

import argparse
import json
import tempfile
from pathlib import Path

import torch
from jaxtyping import Float, Int
from model import GPT2, GPT2Config
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

State = dict[str, Tensor]  # a state_dict: name -> tensor

# Matrices that Hugging Face keeps as (in, out), in a module called Conv1D; torch's Linear keeps (out, in).
TRANSPOSED = ("attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight")

# ---- Names and shapes ------------------------------------------------------------------------------------------------


def from_hugging_face(state: State) -> State:
    """The state dict of a Hugging Face GPT-2, as the pair's GPT2 wants it. `state` itself stays as it is.

    - The prefix "transformer." is dropped where there is one (the file of the real GPT-2 has none).
    - The four matrices of each block (see TRANSPOSED) are transposed; no other tensor is.
    - The buffers `h.N.attn.bias` and `h.N.attn.masked_bias` of old files, a causal mask, are left out.
    - So is `lm_head.weight`: it is `wte.weight` again. If its shape or one value differs, raises a ValueError that
      names it.

    Every other name is kept, known or not: `load_state_dict` compares them with the model's. A model may have more than
    ten blocks. The tensors keep their dtype and device.

    >>> state = {"transformer.h.0.mlp.c_fc.weight": torch.zeros(2, 8), "transformer.h.0.attn.bias": torch.ones(1)}
    >>> {name: tuple(tensor.shape) for name, tensor in from_hugging_face(state).items()}
    {'h.0.mlp.c_fc.weight': (8, 2)}
    """
    # BEGIN SOLUTION
    ours = {}
    for name, tensor in state.items():
        name = name.removeprefix("transformer.")
        # TODO: leave out the buffers; transpose the four matrices.
        if name.endswith((".attn.bias", ".attn.masked_bias")):
            continue
        ours[name] = tensor.T if name.endswith(TRANSPOSED) else tensor
    # TODO: drop the head, if it is what we think it is.
    head = ours.pop("lm_head.weight", None)
    if head is not None and not torch.equal(head, ours["wte.weight"]):
        raise ValueError("lm_head.weight differs from wte.weight, but this GPT-2 has one tensor for both")
    return ours
    # END SOLUTION


def to_hugging_face(state: State) -> State:
    """The way back: the names, shapes and values of a Hugging Face file, from the pair's state dict.

    Every name gets the prefix "transformer."; there is no `lm_head.weight`, as in Hugging Face's own files. All tensors
    are contiguous, whatever came in, because safetensors takes no others. They keep their dtype and device; `state`
    itself stays as it is.
    """
    # BEGIN SOLUTION
    return {
        f"transformer.{name}": tensor.T.contiguous() if name.endswith(TRANSPOSED) else tensor.contiguous()
        for name, tensor in state.items()
    }
    # END SOLUTION


# ---- The configuration (given) ---------------------------------------------------------------------------------------

SIZES = ("vocab_size", "n_positions", "n_embd", "n_layer", "n_head", "layer_norm_epsilon")
DROPOUTS = ("resid_pdrop", "embd_pdrop", "attn_pdrop")
# What Hugging Face's GPT-2 can do otherwise and ours can't; a file that lacks one of these means the value given here.
FIXED = {
    "model_type": "gpt2",
    "activation_function": "gelu_new",  # their name for the tanh form
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
    "add_cross_attention": False,
    "tie_word_embeddings": True,
}


def read_config(fields: dict) -> GPT2Config:
    """A GPT2Config from the fields of Hugging Face's config.json (or `their_config.to_dict()`).

    Raises ValueError, naming the field, for a GPT-2 that ours can't be.
    """
    fields = FIXED | {name: 0.1 for name in DROPOUTS} | fields
    for name, value in FIXED.items():
        if fields[name] != value:
            raise ValueError(f"{name} is {fields[name]!r}, but this GPT-2 only knows {value!r}")
    if fields.get("n_inner") not in (None, 4 * fields["n_embd"]):
        raise ValueError(f"n_inner is {fields['n_inner']}, but this GPT-2's MLP is 4 · {fields['n_embd']} wide")
    if len({fields[name] for name in DROPOUTS}) > 1:
        raise ValueError(f"{', '.join(DROPOUTS)} differ, but this GPT-2 has one dropout for all")
    return GPT2Config(**{name: fields[name] for name in SIZES if name in fields}, dropout=fields["resid_pdrop"])


def write_config(config: GPT2Config, dtype: str, end_token: int | None = None) -> dict:
    """The fields of config.json. `dtype` is "float32" or "float16"; `end_token` is where generating may stop."""
    sizes = {name: getattr(config, name) for name in SIZES}
    return {
        "architectures": ["GPT2LMHeadModel"],
        **FIXED,
        **sizes,
        **{name: config.dropout for name in DROPOUTS},
        "bos_token_id": end_token,
        "eos_token_id": end_token,
        "dtype": dtype,
    }


# ---- Files -----------------------------------------------------------------------------------------------------------


def save_pretrained(model: GPT2, folder: str | Path, half: bool = False, end_token: int | None = None) -> None:
    """Writes config.json and model.safetensors into `folder` (made if needed), for `GPT2LMHeadModel.from_pretrained`.

    The file holds float32, whatever dtype the model has; with `half`, it holds float16 and is half as big. The model
    itself stays as it is. The safetensors file has the metadata {"format": "pt"}, as Hugging Face's do. `end_token`
    lands in config.json (see `write_config`).
    """
    # BEGIN SOLUTION
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    # TODO: take their names and shapes, and half precision if wanted; then write the two files.
    dtype = torch.float16 if half else torch.float32
    state = {name: tensor.to(dtype) for name, tensor in to_hugging_face(model.state_dict()).items()}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    fields = write_config(model.config, "float16" if half else "float32", end_token)
    (folder / "config.json").write_text(json.dumps(fields, indent=2) + "\n", encoding="utf-8")
    # END SOLUTION


def load_pretrained(folder: str | Path) -> GPT2:
    """The GPT2 that Hugging Face or `save_pretrained` wrote into `folder`: float32, on the CPU, in eval mode.

    It is strict: a missing name, or one too many, is an error that says which name it is (`load_state_dict` raises
    RuntimeError).
    """
    # BEGIN SOLUTION
    folder = Path(folder)
    # TODO: make a model of the right size, then load its weights: none may be missing, and none too many.
    model = GPT2(read_config(json.loads((folder / "config.json").read_text(encoding="utf-8"))))
    model.load_state_dict(from_hugging_face(load_file(folder / "model.safetensors")))
    return model.eval()
    # END SOLUTION


# ---- The drop-in -----------------------------------------------------------------------------------------------------


class GPT2ForTrainer(nn.Module):
    """The pair's GPT2 behind the interface that Hugging Face's Trainer trains."""

    accepts_loss_kwargs = True  # asks the Trainer for num_items_in_batch, …
    loss_type = "ForCausalLM"  # … counted without the first label of each row, which nothing predicts

    def __init__(self, model: GPT2):
        super().__init__()
        self.model = model

    def forward(
        self,
        input_ids: Int[Tensor, "batch time"],
        labels: Int[Tensor, "batch time"] | None = None,
        attention_mask: Int[Tensor, "batch time"] | None = None,
        num_items_in_batch: int | Int[Tensor, ""] | None = None,
    ) -> dict[str, Float[Tensor, "..."]]:
        """{"logits": …}, and with `labels` {"loss": …, "logits": …}.

        `labels` is usually `input_ids` itself: the shift by one happens in here, so that logits at t meet the label at
        t + 1. Labels of -100 don't count. The loss is the mean over those that do. With `num_items_in_batch`, it is
        their sum divided by that number, the count over several batches whose gradients the Trainer adds up.

        `attention_mask` is 1 for text and 0 for padding. Padding behind the text disturbs nobody, because tokens only
        look back; neither does a row of nothing but padding. Padding before text (a 0 with a 1 somewhere right of it)
        raises ValueError, because our GPT-2 would read it.
        """
        # BEGIN SOLUTION
        if attention_mask is not None and (attention_mask[:, 1:] > attention_mask[:, :-1]).any():
            raise ValueError("padding before the text: this GPT-2 takes padding on the right only")
        logits = self.model(input_ids)
        if labels is None:
            return {"logits": logits}
        # TODO: bring logits and labels into step, and take the mean or the sum.
        predictions, targets = logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten()
        if num_items_in_batch is None:
            loss = F.cross_entropy(predictions, targets)  # ignores -100 by itself
        else:
            loss = F.cross_entropy(predictions, targets, reduction="sum") / num_items_in_batch
        return {"loss": loss, "logits": logits}
        # END SOLUTION


# ---- A look (given) --------------------------------------------------------------------------------------------------


def trainer_losses(model: nn.Module, ids: Int[Tensor, "text time"], steps: int, learning_rate: float) -> list[float]:
    """The loss of every step of Hugging Face's Trainer on the rows of `ids`: batches of 4, seed 0, on the CPU."""
    from transformers import PrinterCallback, Trainer, TrainingArguments

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            max_steps=steps,
            per_device_train_batch_size=4,
            learning_rate=learning_rate,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            use_cpu=True,
            disable_tqdm=True,
            seed=0,
        )
        trainer = Trainer(model=model, args=arguments, train_dataset=[{"input_ids": row, "labels": row} for row in ids])
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def show(name: str) -> None:
    """Both models on one prompt: how far apart they are, what ours goes on to say, how each trains."""
    from shared import data
    from shared.data import reference

    theirs, tokenizer, prompt = None, None, "Once upon a time there was a little"
    if name != "stories":
        try:
            theirs, tokenizer = reference.real_gpt2(name), data.gpt2_tokenizer()
        except reference.NotAvailable as error:
            print(error)
    if theirs is None:
        theirs, tokenizer = reference.stories_gpt2(), data.stories_tokenizer()
    model = GPT2(read_config(theirs.config.to_dict())).eval()
    model.load_state_dict(from_hugging_face(theirs.state_dict()))
    ids = tokenizer(prompt, return_tensors="pt").input_ids
    with torch.no_grad():
        print(f"largest difference of two logits: {(model(ids) - theirs(ids).logits).abs().max():.1e}")
        for _ in range(40):
            ids = torch.cat([ids, model(ids)[:, -1:].argmax(dim=-1)], dim=1)
    print(tokenizer.decode(ids[0]), "…\n")

    text = tokenizer(data.tiny_shakespeare()[:20_000], return_tensors="pt").input_ids[0]
    rows = text[: len(text) // 64 * 64].view(-1, 64)
    # Theirs doesn't say which loss it has, and the Trainer would count one label too many.
    theirs.loss_type = GPT2ForTrainer.loss_type
    for module in theirs.modules():  # with dropout the two would draw different random numbers
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    fresh = GPT2(read_config(theirs.config.to_dict() | {key: 0.0 for key in DROPOUTS}))
    fresh.load_state_dict(model.state_dict())
    print("Shakespeare, by Hugging Face's Trainer: 20 steps with each model", flush=True)
    ours = trainer_losses(GPT2ForTrainer(fresh), rows, 20, 1e-3)
    print("\n  step  theirs    ours")
    for step, (a, b) in enumerate(zip(trainer_losses(theirs, rows, 20, 1e-3), ours)):
        print(f"  {step:4}  {a:6.4f}  {b:6.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("model", nargs="?", default="stories", help="stories (default), gpt2, gpt2-medium, …")
    show(parser.parse_args().model)
