"""What ships with the course: `from shared.data import tiny_shakespeare`. Arrays and reference models have modules of
their own, `shared.data.arrays` and `shared.data.reference`, since they import torch and more."""

from shared.data.files import FILES, DataError, checked
from shared.data.texts import (
    END_OF_TEXT,
    bert_vocab_file,
    childrens_books,
    code_samples,
    gpt2_bpe_files,
    gpt2_tokenizer,
    languages,
    novels,
    stories,
    stories_model,
    stories_text,
    stories_tokenizer,
    tiny_shakespeare,
    unicode_torture,
)

__all__ = [
    "END_OF_TEXT",
    "FILES",
    "DataError",
    "bert_vocab_file",
    "checked",
    "childrens_books",
    "code_samples",
    "gpt2_bpe_files",
    "gpt2_tokenizer",
    "languages",
    "novels",
    "stories",
    "stories_model",
    "stories_text",
    "stories_tokenizer",
    "tiny_shakespeare",
    "unicode_torture",
]
