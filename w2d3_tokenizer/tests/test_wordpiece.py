"""Section 2: a vocabulary, words to pieces, and BERT's whole tokenizer, token for token."""

import functools
import itertools
import random
from types import SimpleNamespace

import pytest
import torch
import wordpiece
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from shared.checks import as_on_windows, equal, exercise, fail, raises
from shared.data import bert_vocab_file, languages, unicode_torture

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
# A vocabulary small enough to work things out by hand. Its ids are no line numbers: they start at 7, and go down.
PIECES = [
    "play",
    "##ing",
    "##s",
    "un",
    "##play",
    "go",
    "!",
    ",",
    ".",
    "'",
    "ä",
    "a",
    "##a",
    "[",
    "]",
    "mask",
    "Go",
    "字",
]
SMALL = {piece: 7 + len(SPECIALS + PIECES) - i for i, piece in enumerate(SPECIALS + PIECES, start=1)}
MIXTURE = st.lists(
    st.sampled_from(
        [*SPECIALS, "play", "unaffable ", " İstanbul", "각", "e\u0301", "字", "[mask]", " ", "\u200d", "a.b"]
    )
    | st.text(max_size=5),
    max_size=8,
).map("".join)


def quick(examples):
    """Settings of a property test: the same strings every time, and no long search for a smaller one."""
    phases = [Phase.explicit, Phase.generate]
    return settings(derandomize=True, database=None, deadline=None, max_examples=examples, phases=phases)


@pytest.fixture
@functools.cache  # no answer is ever given it
def reference():
    """Oracle: the engine under transformers' BertTokenizer, put together here: what that class adds changes with time.

    What it does with too long a pair depends on its version too, so it isn't asked: see `stay_slowly`.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    def engine(uncased=True):
        made = Tokenizer(models.WordPiece.from_file(str(bert_vocab_file()), unk_token="[UNK]"))
        made.add_special_tokens(SPECIALS)
        made.normalizer = normalizers.BertNormalizer(lowercase=uncased)
        made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        made.post_processor = processors.BertProcessing(("[SEP]", 102), ("[CLS]", 101))
        made.decoder = decoders.WordPiece()
        return made

    engines, padding = {uncased: engine(uncased) for uncased in (True, False)}, engine()
    names = ("tokens", "ids", "type_ids", "attention_mask", "offsets")

    def encode(text, pair=None, uncased=True):
        encoding = engines[uncased].encode(text, pair)
        return {name: list(getattr(encoding, name)) for name in names}

    def pad(pairs, length):
        padding.enable_padding(length=length)
        found = padding.encode_batch(pairs)
        columns = dict(input_ids="ids", token_type_ids="type_ids", attention_mask="attention_mask")
        return {ours: torch.tensor([getattr(row, theirs) for row in found]) for ours, theirs in columns.items()}

    def decode(ids, skip_special):
        return engines[True].decode(ids, skip_special_tokens=skip_special)

    return SimpleNamespace(encode=encode, pad=pad, decode=decode, vocab=engines[True].get_vocab())


@pytest.fixture
def bert(reference):  # made anew for each test: a variant comes as a new module
    return wordpiece.WordPieceTokenizer(dict(reference.vocab))


@pytest.fixture
def cased(reference):
    return wordpiece.WordPieceTokenizer(dict(reference.vocab), uncased=False)


def rows(tokens):
    """Tokens as plain tuples (text, id, start, end)."""
    return [tuple(token) for token in tokens]


def columns(encoding):
    return {name: getattr(encoding, name) for name in ("tokens", "ids", "type_ids", "attention_mask", "offsets")}


# ---- load_vocab ------------------------------------------------------------------------------------------------------


@exercise("load_vocab")
@pytest.mark.parametrize("ending", ["\n", ""], ids=["with a last line break", "without"])
def test_a_token_has_the_number_of_its_line(tmp_path, ending):
    (tmp_path / "vocab.txt").write_bytes(f"[PAD]\nplay\n##ing{ending}".encode())
    equal(wordpiece.load_vocab(tmp_path / "vocab.txt"), {"[PAD]": 0, "play": 1, "##ing": 2})


@exercise("load_vocab")
def test_line_breaks_of_windows_are_no_part_of_a_token(tmp_path):
    (tmp_path / "vocab.txt").write_bytes(b"[PAD]\r\nplay\r\n##ing\r\n")
    equal(wordpiece.load_vocab(str(tmp_path / "vocab.txt")), {"[PAD]": 0, "play": 1, "##ing": 2})


@exercise("load_vocab")
def test_the_file_is_utf8(tmp_path):
    (tmp_path / "words").write_bytes("é\n字\n##ᅡ\n👩\n".encode())
    expected = {"é": 0, "字": 1, "##ᅡ": 2, "👩": 3}
    equal(wordpiece.load_vocab(tmp_path / "words"), expected)
    with as_on_windows():
        equal(wordpiece.load_vocab(tmp_path / "words"), expected, name="on Windows")


@exercise("load_vocab")
def test_a_blank_line_counts(tmp_path):
    (tmp_path / "words").write_bytes(b"a\n\nb\n")
    vocab = wordpiece.load_vocab(tmp_path / "words")
    equal([vocab["a"], vocab["b"]], [0, 2], name="the ids of a and b")


@exercise("load_vocab")
@pytest.mark.parametrize("token", ["a\u2028b", "a\u0085", "a\x0cb", "\u00a0", "a ", " a", "a\tb", "\x1c"], ids=ascii)
def test_no_other_white_space_ends_a_line_or_is_cut_off(tmp_path, token):
    (tmp_path / "words").write_bytes(f"[PAD]\n{token}\nlast\n".encode())
    equal(wordpiece.load_vocab(tmp_path / "words"), {"[PAD]": 0, token: 1, "last": 2})


@exercise("load_vocab")
def test_a_byte_order_mark_belongs_to_the_first_token(tmp_path):
    (tmp_path / "words").write_bytes("\ufeffa\nb\n".encode())
    equal(wordpiece.load_vocab(tmp_path / "words"), {"\ufeffa": 0, "b": 1})


@exercise("load_vocab")
def test_an_empty_file_has_no_tokens(tmp_path):
    (tmp_path / "words").write_bytes(b"")
    equal(wordpiece.load_vocab(tmp_path / "words"), {})


@exercise("load_vocab")
def test_reads_berts_vocabulary(reference):
    vocab = wordpiece.load_vocab(bert_vocab_file())
    equal(list(vocab.items()), sorted(reference.vocab.items(), key=lambda item: item[1]))


@exercise("load_vocab")
@pytest.mark.parametrize(
    "text, vocab",
    [(b"\na\n", {"": 0, "a": 1}), (b"a\n\n", {"a": 0, "": 1}), (b"\n", {"": 0})],
    ids=["first", "last", "alone"],
)
def test_a_blank_line_counts_at_either_end(tmp_path, text, vocab):
    (tmp_path / "words").write_bytes(text)
    equal(wordpiece.load_vocab(tmp_path / "words"), vocab)


@exercise("load_vocab")
def test_a_second_blank_line_counts_too(tmp_path):
    (tmp_path / "vocab.txt").write_bytes(b"x\n\n\na\n")
    equal(wordpiece.load_vocab(tmp_path / "vocab.txt")["a"], 3)


# ---- split_word ------------------------------------------------------------------------------------------------------


@exercise("split_word")
@pytest.mark.parametrize(
    "word, pieces",
    [
        ("play", ["play"]),
        ("playing", ["play", "##ing"]),
        ("unplay", ["un", "##play"]),  # not "play"
        ("unplaying", ["un", "##play", "##ing"]),
        ("aaaa", ["a", "##a", "##a", "##a"]),
        ("ing", ["[UNK]"]),  # "##ing" is no beginning
        ("playgo", ["[UNK]"]),  # "go" is no continuation
        ("playx", ["[UNK]"]),  # not "play", "[UNK]"
        ("xplay", ["[UNK]"]),
        ("x", ["[UNK]"]),
        ("", []),
    ],
    ids=lambda value: None if isinstance(value, list) else repr(value),
)
def test_cuts_a_word_into_pieces(word, pieces):
    equal(wordpiece.split_word(word, SMALL), pieces)


class Patient(dict):
    """A vocabulary that ends a search which would never stop."""

    asked = 0

    def __contains__(self, piece):
        self.asked += 1
        if self.asked > 1000:
            fail("it never stops looking for pieces of a short word")
        return super().__contains__(piece)

    def get(self, piece, default=None):
        known = piece in self
        return self[piece] if known else default


@exercise("split_word")
@pytest.mark.parametrize("empty", ["", "##"], ids=["the empty piece", "a bare ##"])
def test_a_piece_has_at_least_one_character_of_the_word(empty):
    equal(wordpiece.split_word("ab", Patient({"a": 0, empty: 1})), ["[UNK]"])
    equal(wordpiece.split_word("ab", Patient({"a": 0, "##b": 1, empty: 2})), ["a", "##b"])


@exercise("split_word")
@pytest.mark.parametrize("length", [21, 65, 99, 101, 300])
def test_a_piece_may_be_as_long_as_the_word(length):
    start, rest = "a" + "b" * (length - 1), "c" * length
    vocab = {start: 0, "##" + rest: 1, "##" + rest[:-1]: 2, "a": 3}
    equal(wordpiece.split_word(start + rest, vocab, max_chars=1000), [start, "##" + rest])


@exercise("split_word")
def test_takes_the_longest_piece():
    vocab = {"a": 0, "ab": 1, "abc": 2, "##d": 3, "##c": 4, "##cd": 5, "##cde": 6, "##e": 7}
    equal(wordpiece.split_word("abcd", vocab), ["abc", "##d"])
    equal(wordpiece.split_word("abd", vocab), ["ab", "##d"])
    equal(wordpiece.split_word("abcde", vocab), ["abc", "##d", "##e"])


@exercise("split_word")
def test_never_goes_back_to_try_a_shorter_piece():
    equal(wordpiece.split_word("abc", {"a": 0, "ab": 1, "##bc": 2}), ["[UNK]"])


@exercise("split_word")
def test_a_piece_with_id_0_is_a_piece():
    equal(wordpiece.split_word("ab", {"a": 0, "##b": 1}), ["a", "##b"])
    equal(wordpiece.split_word("ab", {"a": 1, "##b": 0}), ["a", "##b"])


@exercise("split_word")
def test_any_collection_is_a_vocabulary():
    equal(wordpiece.split_word("playing", {"play", "##ing"}), ["play", "##ing"], name="with a set")
    equal(wordpiece.split_word("playing", ["play", "##ing"]), ["play", "##ing"], name="with a list")


@exercise("split_word")
def test_every_letter_belongs_to_a_piece():
    vocab = {"a": 1, "##c": 2, "##d": 3}
    equal(wordpiece.split_word("abc", vocab), ["[UNK]"])
    equal(wordpiece.split_word("acb", vocab), ["[UNK]"])
    equal(wordpiece.split_word("acd", vocab), ["a", "##c", "##d"])


@exercise("split_word")
def test_only_pieces_of_the_word_are_looked_up():
    class Watched(dict):
        def __iter__(self):
            fail("it goes through the whole vocabulary: 30,000 pieces, for every word")

        keys = items = values = __iter__

    equal(wordpiece.split_word("playing", Watched({"play": 0, "##ing": 1})), ["play", "##ing"])


@exercise("split_word")
@pytest.mark.parametrize("letter", ["a", "é", "字", "𝐚"])
def test_a_word_of_more_than_100_characters_is_unknown(letter):
    vocab = {letter: 0, f"##{letter}": 1, letter * 101: 2}
    equal(wordpiece.split_word(letter * 100, vocab), [letter] + [f"##{letter}"] * 99, name="100 characters")
    equal(wordpiece.split_word(letter * 101, vocab), ["[UNK]"], name="101 characters")


@exercise("split_word")
def test_the_limit_can_be_chosen():
    equal(wordpiece.split_word("aaa", SMALL, max_chars=3), ["a", "##a", "##a"])
    equal(wordpiece.split_word("aaaa", SMALL, max_chars=3), ["[UNK]"])
    equal(wordpiece.split_word("a" * 102, SMALL, max_chars=500), ["a"] + ["##a"] * 101)


@exercise("split_word")
def test_the_unknown_token_can_be_chosen():
    equal(wordpiece.split_word("xyz", SMALL, unknown="<unk>"), ["<unk>"])
    equal(wordpiece.split_word("aaaa", SMALL, unknown="<unk>", max_chars=3), ["<unk>"])


@exercise("split_word")
def test_equals_the_reference_for_random_words_and_vocabularies():
    from tokenizers.models import WordPiece

    draw = random.Random(0)
    for _ in range(60):
        some = ["".join(draw.choices("ab#", k=draw.randint(1, 4))) for _ in range(14)]
        vocab = {
            piece: i for i, piece in enumerate(dict.fromkeys(["[UNK]", *some, *(f"##{piece}" for piece in some[4:])]))
        }
        theirs = WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=9)
        for word in ["".join(draw.choices("ab#", k=draw.randint(0, 10))) for _ in range(30)]:
            expected = [token.value for token in theirs.tokenize(word)]
            equal(
                wordpiece.split_word(word, Patient(vocab), max_chars=9),
                expected,
                name=f"pieces of {word!r} with {list(vocab)}",
            )


@exercise("split_word")
@pytest.mark.parametrize("space", list(" \t\n\x1c\u00a0\u3000"), ids=ascii)
def test_white_space_in_a_word_is_a_character_like_any_other(space):
    equal(wordpiece.split_word(f"a{space}a", {"a": 0, "##a": 1}), ["[UNK]"])
    equal(wordpiece.split_word(f"a{space}a", {"a": 0, f"##{space}a": 1}), ["a", f"##{space}a"])
    equal(wordpiece.split_word(space, {"a": 0}), ["[UNK]"])


@exercise("split_word")
def test_an_empty_vocabulary_knows_nothing():
    equal(wordpiece.split_word("a", set()), ["[UNK]"])
    equal(wordpiece.split_word("", {""}), [])


@exercise("split_word")
def test_every_vocabulary_has_a_longest_piece_of_its_own():
    equal(wordpiece.split_word("a", {"a"}), ["a"])
    equal(wordpiece.split_word("abc", {"abc"}), ["abc"])


# ---- split_specials --------------------------------------------------------------------------------------------------


def special_parts_slowly(text, specials):
    """Oracle: at each place the longest special that stands there; the characters between are joined afterwards."""
    parts, i = [], 0
    while i < len(text):
        here = [special for special in specials if text[i : i + len(special)] == special]
        length = max(map(len, here), default=1)
        if not here and parts and not parts[-1][2]:
            parts[-1] = (parts[-1][0] + text[i], parts[-1][1], False)
        else:
            parts.append((text[i : i + length], i, bool(here)))
        i += length
    return parts


@exercise("split_specials")
@pytest.mark.parametrize(
    "text, parts",
    [
        ("go", [("go", 0, False)]),
        ("[MASK]", [("[MASK]", 0, True)]),
        ("go [MASK], go", [("go ", 0, False), ("[MASK]", 3, True), (", go", 9, False)]),
        ("[SEP][MASK][SEP]", [("[SEP]", 0, True), ("[MASK]", 5, True), ("[SEP]", 11, True)]),
        ("a[MASK]b", [("a", 0, False), ("[MASK]", 1, True), ("b", 7, False)]),
        ("[[MASK]]", [("[", 0, False), ("[MASK]", 1, True), ("]", 7, False)]),
        ("[MASK] [MASK]", [("[MASK]", 0, True), (" ", 6, False), ("[MASK]", 7, True)]),
        ("[mask][MASK", [("[mask][MASK", 0, False)]),
        ("👩\u200d🚀é\n[SEP]\n", [("👩\u200d🚀é\n", 0, False), ("[SEP]", 5, True), ("\n", 10, False)]),
        ("MASK", [("MASK", 0, False)]),
        (" ", [(" ", 0, False)]),
        ("", []),
    ],
    ids=lambda value: None if isinstance(value, list) else ascii(value),
)
def test_cuts_out_special_tokens(text, parts):
    equal(rows(wordpiece.split_specials(text, ["[MASK]", "[SEP]"])), parts)


@exercise("split_specials")
def test_special_tokens_need_not_be_in_brackets():
    parts = wordpiece.split_specials("a.b axb (c|d \\ ^$", ["a.b", "(c|", "\\", "^$"])
    expected = [("a.b", 0, True), (" axb ", 3, False), ("(c|", 8, True), ("d ", 11, False), ("\\", 13, True)]
    equal(rows(parts), [*expected, (" ", 14, False), ("^$", 15, True)])


@exercise("split_specials")
@pytest.mark.parametrize("specials", [["<a>", "<a><b>"], ["<a><b>", "<a>"]], ids=["short one first", "long one first"])
def test_the_longest_of_those_that_begin_together_wins(specials):
    equal(rows(wordpiece.split_specials("<a><b><a>", specials)), [("<a><b>", 0, True), ("<a>", 6, True)])


@exercise("split_specials")
def test_the_one_that_begins_first_wins():
    parts = wordpiece.split_specials("abcde", ["bcde", "ab", "cd"])
    equal(rows(parts), [("ab", 0, True), ("cd", 2, True), ("e", 4, False)])


@exercise("split_specials")
@pytest.mark.parametrize("kind", [list, tuple, set, dict.fromkeys], ids=["list", "tuple", "set", "dict"])
def test_any_collection_of_specials_will_do(kind):
    equal(rows(wordpiece.split_specials("a<s>", kind(["<s>"]))), [("a", 0, False), ("<s>", 1, True)])
    equal(rows(wordpiece.split_specials("a<s>", kind([]))), [("a<s>", 0, False)], name="without specials")
    equal(rows(wordpiece.split_specials("", kind([]))), [], name="no text, no specials")


@exercise("split_specials")
def test_equals_the_reference_for_random_specials():
    from tokenizers import AddedToken, Tokenizer
    from tokenizers.models import WordLevel

    draw = random.Random(0)
    pool = [
        "[A]",
        "[A]]",
        "[",
        "a.b",
        "a|b",
        ".",
        "(",
        "\\",
        "<a>",
        "<a><b>",
        "><",
        "xx",
        "xxx",
        "é.",
        "字",
        "a b",
        "A",
    ]
    for _ in range(40):
        specials = draw.sample(pool, 5)
        theirs = Tokenizer(WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
        theirs.add_special_tokens([AddedToken(special, normalized=False) for special in specials])
        for _ in range(15):
            text = "".join(draw.choices([*pool, "a", "x", " ", "<", ">", "]", "é"], k=draw.randint(0, 7)))
            found = theirs.encode(text)
            expected = [(text[s:e], s, token != "[UNK]") for token, (s, e) in zip(found.tokens, found.offsets)]
            equal(rows(wordpiece.split_specials(text, specials)), expected, name=f"parts of {text!r} with {specials}")


@exercise("split_specials")
@pytest.mark.parametrize("text, specials", [("cbab", ["b", "cbb"]), ("abcd", ["abd", "b"])], ids=["cbb", "abd"])
def test_a_special_with_a_letter_between_its_own_is_none(text, specials):
    equal(rows(wordpiece.split_specials(text, specials)), special_parts_slowly(text, specials))


@exercise("split_specials")
def test_equals_a_slow_search_for_specials_that_overlap():
    draw = random.Random(1)
    for _ in range(300):
        specials = ["".join(draw.choices("abc", k=draw.randint(1, 4))) for _ in range(draw.randint(1, 4))]
        text = "".join(draw.choices("abcd", k=draw.randint(0, 9)))
        expected = special_parts_slowly(text, specials)
        equal(rows(wordpiece.split_specials(text, specials)), expected, name=f"parts of {text!r} with {specials}")


@exercise("split_specials")
@pytest.mark.parametrize("strange", list("\0\x01\x1f\ue000\ue001\uf8ff\ufffd\U000f0000\U0010ffff|~"), ids=ascii)
def test_any_other_character_is_ordinary_text(strange):
    text = f"{strange}a{strange}[SEP]{strange}"
    expected = [(f"{strange}a{strange}", 0, False), ("[SEP]", 3, True), (strange, 8, False)]
    equal(rows(wordpiece.split_specials(text, ["[SEP]", "[MASK]"])), expected)


@exercise("split_specials")
def test_a_text_may_hold_thousands_of_special_tokens():
    expected = [part for start in range(0, 14_000, 7) for part in [("[SEP]", start, True), ("a ", start + 5, False)]]
    equal(rows(wordpiece.split_specials("[SEP]a " * 2000, ["[SEP]"])), expected)


@exercise("split_specials")
def test_the_list_of_specials_stays_as_it_is():
    specials = ["a", "bb"]
    wordpiece.split_specials("abb", specials)
    equal(specials, ["a", "bb"], name="the specials afterwards")


# ---- truncate_pair ---------------------------------------------------------------------------------------------------


@exercise("truncate_pair")
@pytest.mark.parametrize(
    "first, second, room, stay",
    [
        (3, 4, 7, (3, 4)),
        (3, 4, 99, (3, 4)),
        (10, 3, 8, (5, 3)),
        (3, 10, 8, (3, 5)),
        (10, 9, 6, (3, 3)),
        (10, 9, 5, (3, 2)),
        (9, 10, 5, (2, 3)),
        (9, 9, 5, (2, 3)),  # equally long: the second counts as the longer
        (9, 9, 1, (0, 1)),
        (2, 9, 5, (2, 3)),
        (6, 0, 4, (4, 0)),
        (0, 6, 4, (0, 4)),
        (4, 7, 0, (0, 0)),
        (0, 0, 3, (0, 0)),
    ],
)
def test_shares_the_room_of_a_pair(first, second, room, stay):
    equal(tuple(wordpiece.truncate_pair(first, second, room)), stay)


def stay_slowly(first, second, room):
    """One token at a time from the longer text; of equals from the one that was shorter, or else from the first."""
    first_was_longer = first > second
    while first + second > room:
        if first > second or (first == second and not first_was_longer):
            first -= 1
        else:
            second -= 1
    return first, second


@exercise("truncate_pair")
def test_equals_taking_one_token_at_a_time():
    # No comparison with the reference: who gets the odd token has changed between its versions.
    for room, first, second in itertools.product(range(15), range(9), range(9)):
        got = tuple(wordpiece.truncate_pair(first, second, room))
        expected = stay_slowly(first, second, room)
        equal(got, expected, name=f"what stays of {first} and {second} with room for {room}")


@exercise("truncate_pair")
def test_long_texts_share_the_room_of_bert():
    equal(tuple(wordpiece.truncate_pair(10_000, 300, 509)), (255, 254))
    equal(tuple(wordpiece.truncate_pair(20, 10_000, 509)), (20, 489))


# ---- WordPieceTokenizer.tokenize -------------------------------------------------------------------------------------


@exercise("WordPieceTokenizer.tokenize")
@pytest.mark.parametrize(
    "text, expected",
    [
        ("go", [("go", 0, 2)]),
        ("  go\tgo ", [("go", 2, 4), ("go", 5, 7)]),
        ("playing", [("play", 0, 4), ("##ing", 4, 7)]),
        (
            "go, unplaying!",
            [*[("go", 0, 2), (",", 2, 3), ("un", 4, 6)], ("##play", 6, 10), ("##ing", 10, 13), ("!", 13, 14)],
        ),
        ("Go GO gó", [("go", 0, 2), ("go", 3, 5), ("go", 6, 8)]),
        ("go quietly!", [("go", 0, 2), ("[UNK]", 3, 10), ("!", 10, 11)]),
        ("playx go", [("[UNK]", 0, 5), ("go", 6, 8)]),
        ("play\u00ading go", [("play", 0, 4), ("##ing", 5, 8), ("go", 9, 11)]),  # a soft hyphen is dropped
        ("p\u0301la\u0301y\u0301ing", [("play", 0, 6), ("##ing", 7, 10)]),  # so are marks
        ("go字go", [("go", 0, 2), ("字", 2, 3), ("go", 3, 5)]),
        ("Å!", [("a", 0, 1), ("!", 1, 2)]),
        ("İ go", [("[UNK]", 0, 1), ("go", 2, 4)]),
        ("", []),
        (" \n\t\u3000", []),
        ("\0\u200d\u0301", []),
    ],
    ids=lambda value: None if isinstance(value, list) else ascii(value),
)
def test_tokens_point_into_the_original_text(text, expected):
    tokens = wordpiece.WordPieceTokenizer(SMALL).tokenize(text)
    equal(rows(tokens), [(token, SMALL[token], start, end) for token, start, end in expected])


@exercise("WordPieceTokenizer.tokenize")
@pytest.mark.parametrize(
    "text, expected",
    [
        ("[MASK]", [("[MASK]", 0, 6)]),
        ("go [MASK]go", [("go", 0, 2), ("[MASK]", 3, 9), ("go", 9, 11)]),
        ("[mask]", [("[", 0, 1), ("mask", 1, 5), ("]", 5, 6)]),
        ("[[SEP]]", [("[", 0, 1), ("[SEP]", 1, 6), ("]", 6, 7)]),
        (
            "é[PAD] [CLS]playing",
            [("[UNK]", 0, 1), ("[PAD]", 1, 6), ("[CLS]", 7, 12), ("play", 12, 16), ("##ing", 16, 19)],
        ),
        ("a[UNK]\u0301a", [("a", 0, 1), ("[UNK]", 1, 6), ("a", 7, 8)]),
        ("[MA\u00adSK]", [("[", 0, 1), ("mask", 1, 6), ("]", 6, 7)]),
    ],
    ids=lambda value: None if isinstance(value, list) else ascii(value),
)
def test_special_tokens_are_found_in_the_raw_text(text, expected):
    tokens = wordpiece.WordPieceTokenizer(SMALL).tokenize(text)
    equal(rows(tokens), [(token, SMALL[token], start, end) for token, start, end in expected])


@exercise("WordPieceTokenizer.tokenize")
def test_tokens_have_names_for_their_parts():
    token = wordpiece.WordPieceTokenizer(SMALL).tokenize(" playing")[1]
    equal([token.text, token.id, token.start, token.end], ["##ing", SMALL["##ing"], 5, 8])


@exercise("WordPieceTokenizer.tokenize")
def test_a_cased_tokenizer_keeps_case_and_accents():
    tokens = wordpiece.WordPieceTokenizer(SMALL, uncased=False).tokenize("Go go ä gö[MASK]")
    expected = [("Go", 0, 2), ("go", 3, 5), ("ä", 6, 7), ("[UNK]", 8, 10), ("[MASK]", 10, 16)]
    equal(rows(tokens), [(token, SMALL[token], start, end) for token, start, end in expected])


@exercise("WordPieceTokenizer.tokenize")
@pytest.mark.parametrize("letter, pieces", [("a", 100), ("á", 100), ("a\u0301", 100), ("a\u00ad", 100)], ids=ascii)
def test_a_words_characters_are_counted_after_normalisation(letter, pieces):
    tokenizer = wordpiece.WordPieceTokenizer(SMALL)
    equal([token.text for token in tokenizer.tokenize(letter * pieces)], ["a"] + ["##a"] * (pieces - 1))
    tokens = tokenizer.tokenize("!" + letter * (pieces + 1))
    end = 2 + pieces * len(letter)  # of the last a; what is dropped after it belongs to no token
    equal(rows(tokens), [("!", SMALL["!"], 0, 1), ("[UNK]", SMALL["[UNK]"], 1, end)])


@exercise("WordPieceTokenizer.tokenize")
def test_one_character_may_become_several_tokens():
    vocab = {**SMALL, "ᄀ": 100, "##ᅡ": 101, "##ᆨ": 102}
    tokens = wordpiece.WordPieceTokenizer(vocab).tokenize("!각")
    equal(rows(tokens), [("!", SMALL["!"], 0, 1), ("ᄀ", 100, 1, 2), ("##ᅡ", 101, 1, 2), ("##ᆨ", 102, 1, 2)])
    equal([token.text for token in wordpiece.WordPieceTokenizer(vocab).tokenize("각" * 34)], ["[UNK]"])  # 102 jamo


@exercise("WordPieceTokenizer.tokenize")
@pytest.mark.parametrize(
    "text, position",
    [("\ud800", 0), ("go \udfff", 3), ("[MASK] go [SEP]a\udc80", 16), ("é\u200d\ud83d", 2)],
    ids=["alone", "at the end", "after special tokens", "after a dropped character"],
)
def test_a_lone_surrogate_is_an_error_that_says_where(text, position):
    raises(ValueError, wordpiece.WordPieceTokenizer(SMALL).tokenize, text, names=position)


@exercise("WordPieceTokenizer.tokenize")
def test_every_tokenizer_has_a_vocabulary_of_its_own():
    first = wordpiece.WordPieceTokenizer(SMALL)
    wordpiece.WordPieceTokenizer({special: i for i, special in enumerate(SPECIALS)})
    equal([token.text for token in first.tokenize("Playing")], ["play", "##ing"])


@exercise("WordPieceTokenizer.tokenize")
@pytest.mark.parametrize("uncased", [True, False], ids=["uncased", "cased"])
def test_equals_the_reference_on_the_worst_of_unicode(reference, bert, cased, uncased):
    ours = bert if uncased else cased
    for name, text in unicode_torture().items():
        expected = reference.encode(text, uncased=uncased)
        tokens = ours.tokenize(text)
        equal([token.text for token in tokens], expected["tokens"][1:-1], name=f"tokens of {name!r}: {text[:50]!a}")
        equal([token.id for token in tokens], expected["ids"][1:-1], name=f"ids of {name!r}: {text[:50]!a}")
        offsets = [(token.start, token.end) for token in tokens]
        equal(offsets, expected["offsets"][1:-1], name=f"offsets of {name!r}: {text[:50]!a}")


@exercise("WordPieceTokenizer.tokenize")
def test_equals_the_reference_in_many_languages(reference, bert):
    for name, text in languages().items():
        expected = reference.encode(text[:700])
        tokens = bert.tokenize(text[:700])
        equal([token.text for token in tokens], expected["tokens"][1:-1], name=f"tokens in {name}")
        equal([(token.start, token.end) for token in tokens], expected["offsets"][1:-1], name=f"offsets in {name}")


@exercise("WordPieceTokenizer.tokenize")
def test_equals_the_reference_for_any_text(reference, bert):
    @quick(150)
    @given(MIXTURE)
    def compare(text):
        expected, tokens = reference.encode(text), bert.tokenize(text)
        equal([token.text for token in tokens], expected["tokens"][1:-1], name=f"tokens of {text!a}")
        equal([(token.start, token.end) for token in tokens], expected["offsets"][1:-1], name=f"offsets of {text!a}")

    compare()


@exercise("WordPieceTokenizer.tokenize")
def test_a_piece_may_have_the_id_0():
    vocab = {token: i for i, token in enumerate(["a", *wordpiece.SPECIALS])}
    equal(rows(wordpiece.WordPieceTokenizer(vocab).tokenize("a")), [("a", 0, 0, 1)])


@exercise("WordPieceTokenizer.tokenize")
def test_no_tokenizer_gives_the_tokens_of_another():
    first, second = (wordpiece.WordPieceTokenizer({**SMALL, "go": id}) for id in (500, 600))
    equal([token.id for token in first.tokenize("go go")], [500, 500])
    equal([token.id for token in second.tokenize("go go")], [600, 600])
    poor = wordpiece.WordPieceTokenizer({special: i for i, special in enumerate(SPECIALS)})
    equal([token.text for token in poor.tokenize("go")], ["[UNK]"])


@exercise("WordPieceTokenizer.tokenize")
def test_tokenizing_again_gives_a_new_list():
    tokenizer = wordpiece.WordPieceTokenizer(SMALL)
    for _ in range(2):
        tokens = tokenizer.tokenize("go a")
        equal([token.text for token in tokens], ["go", "a"])
        tokens.append(tokens[0])


@exercise("WordPieceTokenizer.tokenize")
def test_only_the_five_specials_are_special():
    vocab = {token: i for i, token in enumerate([*wordpiece.SPECIALS, "[", "]", "[x]", "x"])}
    tokens = wordpiece.WordPieceTokenizer(vocab).tokenize("[x]")
    equal([token.text for token in tokens], ["[", "x", "]"])


# ---- WordPieceTokenizer.encode ---------------------------------------------------------------------------------------


@exercise("WordPieceTokenizer.encode")
def test_one_text_stands_between_cls_and_sep():
    encoding = wordpiece.WordPieceTokenizer(SMALL).encode("go playing!")
    equal(encoding.tokens, ["[CLS]", "go", "play", "##ing", "!", "[SEP]"])
    equal(encoding.ids, [SMALL[token] for token in ["[CLS]", "go", "play", "##ing", "!", "[SEP]"]])
    equal(encoding.type_ids, [0] * 6)
    equal(encoding.attention_mask, [1] * 6)
    equal(encoding.offsets, [(0, 0), (0, 2), (3, 7), (7, 10), (10, 11), (0, 0)])


@exercise("WordPieceTokenizer.encode")
def test_a_pair_has_two_types_and_three_added_tokens():
    encoding = wordpiece.WordPieceTokenizer(SMALL).encode("playing", "go!")
    equal(encoding.tokens, ["[CLS]", "play", "##ing", "[SEP]", "go", "!", "[SEP]"])
    equal(encoding.ids, [SMALL[token] for token in ["[CLS]", "play", "##ing", "[SEP]", "go", "!", "[SEP]"]])
    equal(encoding.type_ids, [0, 0, 0, 0, 1, 1, 1])
    equal(encoding.attention_mask, [1] * 7)
    equal(encoding.offsets, [(0, 0), (0, 4), (4, 7), (0, 0), (0, 2), (2, 3), (0, 0)])


@exercise("WordPieceTokenizer.encode")
@pytest.mark.parametrize("text, pair", [("", None), ("", ""), ("a", ""), ("", "a"), (" ", "\0")])
def test_an_empty_text_is_a_text(reference, bert, text, pair):
    equal(columns(bert.encode(text, pair)), reference.encode(text, pair))


def shortened(reference, text, pair, max_length):
    """The columns of a pair in `max_length` tokens, from the reference's columns of each text by itself."""
    one, two = reference.encode(text), reference.encode(pair)
    stay, stay_too = stay_slowly(len(one["ids"]) - 2, len(two["ids"]) - 2, max_length - 3)
    two["type_ids"] = [1] * len(two["ids"])
    return {name: [*one[name][: stay + 1], one[name][-1], *two[name][1 : stay_too + 1], two[name][-1]] for name in one}


@exercise("WordPieceTokenizer.encode")
@pytest.mark.parametrize("max_length", range(2, 10))
def test_a_text_that_is_too_long_loses_its_end(max_length, reference, bert):
    text = "Unaffable [SEP] tokenizers, eh"
    encoding = columns(bert.encode(text, max_length=max_length))
    for name, expected in reference.encode(text).items():
        equal(encoding[name], [*expected[:-1][: max_length - 1], expected[-1]], name=name)


@exercise("WordPieceTokenizer.encode")
@pytest.mark.parametrize(
    "text, pair",
    [
        ("one two three four five", "six seven eight"),
        ("one two", "unaffable [MASK] tokenizers"),
        ("a b c d", "e f g h"),
        ("", "a b"),
        ("a b", ""),
    ],
    ids=["first is longer", "second is longer", "equally long", "first is empty", "second is empty"],
)
def test_a_pair_that_is_too_long_is_shared(text, pair, reference, bert):
    for max_length in range(3, 15):
        encoding = columns(bert.encode(text, pair, max_length))
        for name, expected in shortened(reference, text, pair, max_length).items():
            equal(encoding[name], expected, name=f"{name} at max_length {max_length}")


@exercise("WordPieceTokenizer.encode")
def test_nothing_is_cut_without_a_max_length(reference, bert):
    text = "unaffable " * 400
    equal(columns(bert.encode(text, text + "!")), reference.encode(text, text + "!"))


@exercise("WordPieceTokenizer.encode")
@pytest.mark.parametrize(
    "text, pair, most", [("go go", None, 1), ("", None, 1), ("go", "go", 2), ("", "", 2), ("a", "", 2)]
)
def test_too_little_room_for_the_added_tokens_is_an_error(text, pair, most):
    tokenizer = wordpiece.WordPieceTokenizer(SMALL)
    for max_length in range(-1, most + 1):
        raises(ValueError, tokenizer.encode, text, pair, max_length)
    equal(
        len(tokenizer.encode(text, pair, most + 1).ids),
        most + 1,
        name="tokens with just enough room for the added ones",
    )


@exercise("WordPieceTokenizer.encode")
@pytest.mark.parametrize(
    "text, pair, position", [("go\ud800", None, 2), ("go", "a go \udc00", 5)], ids=["text", "pair"]
)
def test_a_lone_surrogate_is_an_error_here_too(text, pair, position):
    raises(ValueError, wordpiece.WordPieceTokenizer(SMALL).encode, text, pair, names=position)


@exercise("WordPieceTokenizer.encode")
def test_white_space_takes_no_room_however_much_there_is():
    tokenizer, wide = wordpiece.WordPieceTokenizer(SMALL), " " * 10_000
    equal(tokenizer.encode(wide + "go", max_length=3).tokens, ["[CLS]", "go", "[SEP]"])
    equal(tokenizer.encode(wide + "go", wide + "!", 5).tokens, ["[CLS]", "go", "[SEP]", "!", "[SEP]"])
    raises(ValueError, tokenizer.encode, wide + "\ud800", max_length=2, names=10_000)


@exercise("WordPieceTokenizer.encode")
def test_encoding_again_gives_new_lists():
    tokenizer = wordpiece.WordPieceTokenizer(SMALL)
    first = tokenizer.encode("go", "a!")
    for column in columns(first).values():
        column.append("spoilt")
    second = tokenizer.encode("go", "a!")
    equal(second.tokens, ["[CLS]", "go", "[SEP]", "a", "!", "[SEP]"])
    equal([len(column) for column in columns(second).values()], [6] * 5, name="lengths of the lists")


@exercise("WordPieceTokenizer.encode")
def test_pairs_equal_the_reference_on_the_worst_of_unicode(reference, bert):
    texts = list(unicode_torture().items())
    for (name, text), (other, pair) in zip(texts, texts[7:]):
        expected = reference.encode(text[:40], pair[:40])
        for column, got in columns(bert.encode(text[:40], pair[:40])).items():
            equal(got, expected[column], name=f"{column} of {name!r} with {other!r}")


# ---- WordPieceTokenizer.decode ---------------------------------------------------------------------------------------

SPOKEN = [*SPECIALS, "i", "do", "do not", "don", "##n", "n't", "'", "t", "'m", "it", "'s", "'ve", "'re", "##'s", "..."]
SPOKEN += ["hello", ",", "world", "##s", ".", "?", "!", "##.", "####x", "##", "a##b", ".com", "b .", "#", ";"]
SPOKEN += ["do nothing", "###", "##c##d", "\u00a0", "x  ' s", "##  ' ve ?", "##x ' m ' m"]


def said(*tokens, **options):
    """What a small tokenizer makes of these tokens. The ids are places in SPOKEN, plus 3."""
    tokenizer = wordpiece.WordPieceTokenizer({token: i for i, token in enumerate(SPOKEN, start=3)})
    return tokenizer.decode([SPOKEN.index(token) + 3 for token in tokens], **options)


@exercise("WordPieceTokenizer.decode")
@pytest.mark.parametrize(
    "tokens, text",
    [
        (["hello", "world"], "hello world"),
        (["hello", "world", "##s", "world"], "hello worlds world"),
        (["hello", ",", "world", "!"], "hello, world!"),
        (["it", ";", "#", "?"], "it ; #?"),
        (["##s", "##s"], "##ss"),  # nothing to glue the first to
        (["world", "####x", "a##b", "##"], "world##x a##b"),  # only the ## in front, and only once
        (["a##b", "##c##d", "###"], "a##bc##d#"),
        (["hello", "b ."], "hello b."),
        (["hello", "\u00a0", "\u00a0"], "hello \u00a0 \u00a0"),
        ([".", "hello", "...", "?"], ". hello...?"),
        (["don", "'", "t"], "don ' t"),  # " ' " would take two tokens
        (["do", "n't", "it", "'s", "i", "'m", "i", "'ve", "'re"], "don't it's i'm i've're"),
        (["i", "do not", "do nothing"], "i don't don'thing"),
        (["do not", "n't"], "do notn't"),
        (["x  ' s", "x  ' s"], "x's x's"),  # " ' " goes first, and leaves " 's"
        ([], ""),
    ],
    ids=lambda value: None if isinstance(value, list) else repr(value),
)
def test_puts_tokens_together(tokens, text):
    equal(said(*tokens), text)


@exercise("WordPieceTokenizer.decode")
def test_leaves_out_special_tokens_if_asked():
    tokens = ["[CLS]", "##s", "[MASK]", "hello", "[UNK]", "##s", ".", "[SEP]", "[PAD]"]
    equal(said(*tokens), "##s hellos.", name="decode")
    equal(said(*tokens, skip_special=True), "##s hellos.", name="skip_special=True")
    equal(said(*tokens, skip_special=False), "[CLS]s [MASK] hello [UNK]s. [SEP] [PAD]", name="skip_special=False")


@exercise("WordPieceTokenizer.decode")
def test_ids_that_the_vocabulary_lacks_are_left_out():
    tokenizer = wordpiece.WordPieceTokenizer({**SMALL, "late": 1000})
    ids = [10_000, SMALL["go"], 99, 0, SMALL["##s"], SMALL["!"], 1000, 1001, 2**40]
    equal(tokenizer.decode(ids), "gos! late")
    equal(tokenizer.decode(ids, skip_special=False), "gos! late")


@exercise("WordPieceTokenizer.decode")
def test_an_empty_token_is_a_token_too():
    tokenizer = wordpiece.WordPieceTokenizer({**SMALL, "": 1000})
    equal(tokenizer.decode([1000, SMALL["go"]]), " go")
    equal(tokenizer.decode([1000, SMALL["##s"], 1000]), "s ")


@exercise("WordPieceTokenizer.decode")
@pytest.mark.parametrize("id", [-1, -100])
def test_a_negative_id_is_an_error(id):
    raises(ValueError, wordpiece.WordPieceTokenizer(SMALL).decode, [SMALL["go"], id])


@exercise("WordPieceTokenizer.decode")
def test_decode_leaves_the_ids_as_they_are():
    ids = [SMALL["[CLS]"], SMALL["go"], 10_000]
    wordpiece.WordPieceTokenizer(SMALL).decode(ids)
    equal(ids, [SMALL["[CLS]"], SMALL["go"], 10_000], name="the ids after decode")


@exercise("WordPieceTokenizer.decode")
def test_equals_the_references_decoder_for_random_tokens():
    from tokenizers.decoders import WordPiece

    draw, theirs = random.Random(0), WordPiece()
    for _ in range(1500):
        tokens = draw.choices(SPOKEN[len(SPECIALS) :], k=draw.randint(0, 6))
        equal(said(*tokens), theirs.decode(tokens), name=f"the text of {tokens}")


@exercise("WordPieceTokenizer.decode")
@pytest.mark.parametrize("skip", [True, False], ids=["without special tokens", "with special tokens"])
def test_decodes_what_the_reference_decodes(reference, bert, skip):
    for name, text in (unicode_torture() | languages()).items():
        ids = reference.encode(text[:300])["ids"]
        expected = reference.decode(ids, skip)
        equal(bert.decode(ids, skip_special=skip), expected, name=f"the decoded text of {name!r}")


@exercise("WordPieceTokenizer.decode")
def test_decodes_random_ids_as_the_reference_does(reference, bert):
    draw = random.Random(0)
    for i in range(120):
        ids = [draw.randrange(*draw.choice([(0, 32_000), (99, 105), (999, 1037)])) for _ in range(25)]
        ids.insert(3, draw.randrange(99))  # [PAD], [unused0], …
        expected = reference.decode(ids, i % 2 == 0)
        equal(bert.decode(ids, skip_special=i % 2 == 0), expected, name=f"the text of {ids}")


@exercise("WordPieceTokenizer.decode")
def test_clean_up_replaces_all_there_is_in_any_piece():
    vocab = {token: i for i, token in enumerate([*wordpiece.SPECIALS, "x", "##b . ?", "##a . ."])}
    decode = wordpiece.WordPieceTokenizer(vocab).decode
    equal(decode([5, 6]), "xb.?")
    equal(decode([5, 7]), "xa..")


# ---- pad -------------------------------------------------------------------------------------------------------------


def encoding_of(ids, type_ids):
    tokens, offsets = [f"t{i}" for i in ids], [(0, 1)] * len(ids)
    return wordpiece.Encoding(tokens, list(ids), list(type_ids), [1] * len(ids), offsets)


def batch_of_three():
    return [encoding_of([7, 0, 9], [0, 1, 1]), encoding_of([5], [1]), encoding_of([6, 4], [0, 1])]


def batch(ids, type_ids, mask):
    return dict(input_ids=torch.tensor(ids), token_type_ids=torch.tensor(type_ids), attention_mask=torch.tensor(mask))


@exercise("pad")
def test_rows_become_as_long_as_the_longest():
    expected = batch(
        [[7, 0, 9], [5, 0, 0], [6, 4, 0]], [[0, 1, 1], [1, 0, 0], [0, 1, 0]], [[1, 1, 1], [1, 0, 0], [1, 1, 0]]
    )
    equal(wordpiece.pad(batch_of_three()), expected)


@exercise("pad")
def test_a_row_may_be_made_longer_and_the_filler_chosen():
    got = wordpiece.pad(batch_of_three(), pad_id=99, length=4)
    ids = [[7, 0, 9, 99], [5, 99, 99, 99], [6, 4, 99, 99]]
    types, mask = [[0, 1, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0]], [[1, 1, 1, 0], [1, 0, 0, 0], [1, 1, 0, 0]]
    equal(got, batch(ids, types, mask))


@exercise("pad")
def test_an_encoding_that_is_too_long_is_an_error():
    raises(ValueError, wordpiece.pad, batch_of_three(), length=2)
    raises(ValueError, wordpiece.pad, batch_of_three(), length=0)
    raises(ValueError, wordpiece.pad, batch_of_three()[:1], length=2)
    raises(ValueError, wordpiece.pad, batch_of_three()[:1] * 2, length=1)
    equal(list(wordpiece.pad(batch_of_three(), length=3)["input_ids"].shape), [3, 3], name="shape with length=3")


@exercise("pad")
def test_pads_one_or_none():
    equal(wordpiece.pad([encoding_of([3, 2], [0, 1])]), batch([[3, 2]], [[0, 1]], [[1, 1]]), name="one encoding")
    for length, width in [(None, 0), (4, 4)]:
        empty = torch.zeros(0, width, dtype=torch.int64)
        expected = dict(input_ids=empty, token_type_ids=empty, attention_mask=empty)
        equal(wordpiece.pad([], length=length), expected, name=f"no encodings, length {length}")
    equal(
        wordpiece.pad([encoding_of([], [])])["input_ids"],
        torch.zeros(1, 0, dtype=torch.int64),
        name="one without tokens",
    )


@exercise("pad")
def test_large_ids_stay_exact():
    large = [2**24 + 1, 2**53 + 1, 2**62 + 1]
    got = wordpiece.pad([encoding_of(large, [0, 0, 1]), encoding_of([], [])], pad_id=2**53 + 3)
    expected = batch([large, [2**53 + 3] * 3], [[0, 0, 1], [0, 0, 0]], [[1, 1, 1], [0, 0, 0]])
    equal({name: rows.tolist() for name, rows in got.items()}, {name: rows.tolist() for name, rows in expected.items()})


@exercise("pad")
def test_the_encodings_stay_as_they_are():
    encodings = batch_of_three()
    wordpiece.pad(encodings, length=9)
    equal([columns(encoding) for encoding in encodings], [columns(encoding) for encoding in batch_of_three()])


@exercise("pad")
def test_pads_as_the_reference_does(reference):
    pairs = [(text, text[:5] + "!") for text in ["unaffable", "", "[MASK] it is, [SEP] isn't it?", "two words"]]
    for length in (None, 17):
        encodings = [wordpiece.Encoding(**reference.encode(text, pair)) for text, pair in pairs]
        equal(wordpiece.pad(encodings, length=length), reference.pad(pairs, length), name="the padded batch")
