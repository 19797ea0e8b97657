"""The shipped data is what it says it is, a damaged file is named, and a download succeeds whole or leaves no trace."""

import hashlib
import http.server
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

from shared.data import fetch
from shared.data import files as shipped
from shared.data import texts as data

MEGABYTE = 1_000_000


# --- what ships -------------------------------------------------------------------------------------------------------


def test_every_shipped_file_is_listed_and_intact():
    assert sorted(shipped.checksums()) == shipped.shipped_files()
    assert shipped.problems() == []


def test_every_shipped_file_stands_in_the_sources_with_its_size():
    sources = (shipped.FILES / "SOURCES.md").read_text(encoding="utf-8")
    for name in shipped.shipped_files():
        if name.startswith("stories/"):
            assert "`stories/" in sources, "the trained model needs a row in SOURCES.md"
        else:
            assert f"| `{name}` | {(shipped.FILES / name).stat().st_size:,} |" in sources, name


def test_the_data_stays_small():
    sizes = [path.stat().st_size for path in shipped.FILES.rglob("*") if path.is_file()]
    assert sum(sizes) <= 20 * MEGABYTE


def test_tiny_shakespeare():
    text = data.tiny_shakespeare()
    assert len(text) == 1_115_394
    assert len(set(text)) == 65
    assert text.count("\n") == 40_000
    assert text.startswith("First Citizen:\nBefore we proceed any further, hear me speak.\n")


def test_stories_are_whole_and_all_different():
    stories = data.stories()
    assert len(stories) == len(set(stories)) == 25_814
    assert len(data.stories_text()) == 18_976_455
    assert "".join(f"{story}\n<|endoftext|>\n" for story in stories) == data.stories_text()
    assert not any("<|" in story for story in stories)
    assert all(story.strip() for story in stories)


def test_childrens_books():
    books = data.childrens_books()
    assert {name: len(text) for name, text in books.items()} == {
        "bryant-stories": 243_901,
        "burgess-busterbrown": 82_992,
        "carroll-alice": 144_395,
    }
    assert all(text.isascii() and "\r" not in text for text in books.values())
    assert books["carroll-alice"].startswith("[Alice's Adventures in Wonderland by Lewis Carroll 1865]\n")


def test_berts_vocabulary():
    pieces = data.bert_vocab_file().read_text(encoding="utf-8").splitlines()
    assert len(pieces) == len(set(pieces)) == 30_522
    assert [pieces.index(piece) for piece in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the")] == [
        *(0, 100, 101, 102, 103, 1996)
    ]


def test_novels():
    novels = data.novels()
    assert len(novels) == 7
    assert sum(map(len, novels.values())) == 5_342_747
    assert all(text.isascii() and "\r" not in text for text in novels.values())
    assert novels["austen-emma"].startswith("[Emma by Jane Austen 1816]\n")


def test_languages_say_the_same_in_many_scripts():
    languages = data.languages()
    assert len(languages) == 30
    assert all(500 < len(text) < 3000 and 8 < text.count("\n") < 14 for text in languages.values())
    assert languages["English"].startswith("All human beings are born free and equal")
    assert not any("<" in text or "&" in text for text in languages.values())


def test_code_samples_and_unicode_torture():
    assert {"python", "cpp", "rust", "numbers"} < set(data.code_samples())
    texts = data.unicode_torture()
    assert len(texts) == 105 and "".join(texts.values()).encode("utf-8")


def test_every_docstring_gives_source_licence_size_and_shape():
    functions = (data.tiny_shakespeare, data.gpt2_bpe_files, data.gpt2_tokenizer, data.stories_text, data.stories)
    functions += (data.childrens_books, data.stories_model, data.bert_vocab_file, data.novels)
    functions += (data.languages, data.code_samples, data.unicode_torture)
    for function in functions:
        for word in ("source", "licence", "size", "shape"):
            assert word in function.__doc__.lower(), (function.__name__, word)


def test_importing_it_is_cheap():
    heavy = {"torch", "numpy", "transformers", "tokenizers", "tqdm"}
    code = (
        f"import sys, shared.data, shared.data.fetch, shared.data.reference; print(sorted({heavy} & set(sys.modules)))"
    )
    root = shipped.FILES.parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- damage -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A copy of two of the files, to be damaged."""
    for name in ("tinyshakespeare.txt", "gpt2_vocab.bpe"):
        shutil.copy(shipped.FILES / name, tmp_path / name)
    monkeypatch.setattr(shipped, "FILES", tmp_path)
    shipped.write_checksums()
    return tmp_path


def test_a_damaged_file_is_named_with_both_checksums(files):
    path = files / "tinyshakespeare.txt"
    expected = shipped.sha256_of(path)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(shipped.DataError) as caught:
        data.tiny_shakespeare()
    for part in ("shared/files/tinyshakespeare.txt is damaged", expected, shipped.sha256_of(path), "git checkout --"):
        assert part in str(caught.value)
    assert len(shipped.problems()) == 1


def test_changed_line_ends_count_as_damage(files):
    path = files / "tinyshakespeare.txt"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    with pytest.raises(shipped.DataError, match=r"tinyshakespeare.txt is damaged"):
        data.tiny_shakespeare()


def test_a_missing_file_is_named(files):
    (files / "tinyshakespeare.txt").unlink()
    with pytest.raises(shipped.DataError, match=r"shared/files/tinyshakespeare.txt is missing: .*git checkout"):
        data.tiny_shakespeare()


def test_a_missing_or_damaged_list_is_named(files):
    (files / shipped.SUMS).write_text("nonsense\n")
    with pytest.raises(shipped.DataError, match="SHA256SUMS is damaged"):
        data.tiny_shakespeare()
    (files / shipped.SUMS).unlink()
    with pytest.raises(shipped.DataError, match="SHA256SUMS is missing"):
        data.tiny_shakespeare()
    assert len(shipped.problems()) == 1


def test_a_file_is_compared_once_per_process(files, monkeypatch):
    data.tiny_shakespeare()
    monkeypatch.setattr(shipped, "sha256_of", lambda path: pytest.fail(f"{path} was hashed again"))
    data.tiny_shakespeare()


def test_a_model_folder_with_a_damaged_or_missing_file_is_named(files):
    with pytest.raises(shipped.DataError, match="lists no file of the model"):
        data.stories_model()
    (files / "stories").mkdir()
    (files / "stories" / "config.json").write_text("{}")
    (files / "stories" / "vocab.json").write_text("{}")
    shipped.write_checksums()
    assert data.stories_model() == files / "stories"
    shipped._intact.clear()
    (files / "stories" / "vocab.json").write_text("{1}")
    with pytest.raises(shipped.DataError, match=r"stories/vocab.json is damaged"):
        data.stories_model()
    (files / "stories" / "vocab.json").unlink()
    with pytest.raises(shipped.DataError, match=r"stories/vocab.json is missing"):
        data.stories_model()


# --- downloads --------------------------------------------------------------------------------------------------------

CONTENT = bytes(range(256)) * 1000
SHA = hashlib.sha256(CONTENT).hexdigest()


@contextmanager
def server(content, announced=None, status=200):
    """The address of a one-file server on this machine, and the list of what was asked of it."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content) if announced is None else announced))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args):
            pass

    httpd = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{httpd.server_port}/weights.bin", asked
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


def attempt(url, path, sha256=SHA):
    return fetch.fetch(url, path, sha256=sha256, size=len(CONTENT), what="a net's weights")


def test_a_download_says_what_from_where_and_how_big_and_arrives_whole(tmp_path, capfd):
    path = tmp_path / "new" / "weights.bin"
    with server(CONTENT) as (url, _):
        assert attempt(url, path) == path
    assert path.read_bytes() == CONTENT
    assert [entry.name for entry in path.parent.iterdir()] == ["weights.bin"]
    said, bar = capfd.readouterr()
    for part in ("a net's weights", url, "256 kB", str(path)):
        assert part in said
    assert "100%" in bar and "weights.bin" in bar


def test_what_is_there_already_is_not_downloaded_again(tmp_path, capfd):
    path = tmp_path / "weights.bin"
    path.write_bytes(CONTENT)
    with server(CONTENT) as (url, asked):
        attempt(url, path, sha256=SHA.upper())
    assert asked == []
    assert capfd.readouterr() == ("", "")


def test_a_file_url_works_and_replaces_an_outdated_file(tmp_path):
    source, path = tmp_path / "source.bin", tmp_path / "weights.bin"
    source.write_bytes(CONTENT)
    path.write_bytes(b"outdated")
    attempt(source.as_uri(), path)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("content", "announced", "status", "says"),
    [
        (CONTENT[::-1], None, 200, "is not a net's weights as the course knows it"),
        (CONTENT[:-7], len(CONTENT), 200, "broke off after 255,993"),
        (CONTENT[:-7], None, 200, "broke off after 255,993"),
        (CONTENT + b"?", None, 200, "more came"),
        (b"not here", None, 404, "the server answered 404"),
    ],
    ids=["other content", "connection lost", "too short", "too long", "not found"],
)
def test_a_failed_download_leaves_what_was_there(tmp_path, content, announced, status, says):
    path = tmp_path / "weights.bin"
    path.write_bytes(b"what was there before")
    with server(content, announced, status) as (url, _), pytest.raises(fetch.FetchError, match=says):
        attempt(url, path)
    assert path.read_bytes() == b"what was there before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["weights.bin"]


def test_offline_says_what_could_not_be_had(tmp_path):
    with server(CONTENT) as (url, _):
        pass  # and now nobody listens there any more
    with pytest.raises(fetch.FetchError, match=r"Could not download a net's weights \(256 kB\) from .*refused"):
        attempt(url, tmp_path / "weights.bin")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_download_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(url, partial, size, name):
        partial.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(fetch, "_download", interrupted)
    with pytest.raises(KeyboardInterrupt):
        attempt("file:///nowhere", tmp_path / "weights.bin")
    assert list(tmp_path.iterdir()) == []


def test_sizes_are_said_as_people_say_them():
    assert [fetch.human_size(size) for size in (2_300, 548_000_000, 6_430_000_000)] == ["2 kB", "548 MB", "6.4 GB"]
