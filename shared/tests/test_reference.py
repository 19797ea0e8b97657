"""The reference models are what the days take them for, and the real GPT-2 is never downloaded in silence."""

import pytest
import torch

from shared import data
from shared.data import reference


@pytest.fixture(scope="module")
def tiny():
    return reference.tiny_gpt2()


def test_no_two_sizes_of_the_tiny_gpt2_agree(tiny):
    config = tiny.config
    sizes = [config.vocab_size, config.n_positions, config.n_embd, config.n_layer, config.n_head]
    sizes += [config.n_embd // config.n_head, 4 * config.n_embd, 3 * config.n_embd]
    assert sizes == [61, 23, 40, 3, 5, 8, 160, 120]
    assert tiny.transformer.h[0].mlp.c_fc.weight.shape == (40, 160)


def test_the_tiny_gpt2_is_in_eval_mode_float32_eager_and_without_dropout(tiny):
    assert not any(module.training for module in tiny.modules())
    assert {parameter.dtype for parameter in tiny.parameters()} == {torch.float32}
    assert tiny.config._attn_implementation == "eager"
    assert all(module.p == 0 for module in tiny.modules() if isinstance(module, torch.nn.Dropout))
    assert tiny.lm_head.weight is tiny.transformer.wte.weight


def test_no_parameter_of_the_tiny_gpt2_is_left_at_zero_or_one(tiny):
    for name, parameter in tiny.named_parameters():
        assert ((parameter != 0) & (parameter != 1)).all(), name
        assert parameter.flatten().unique().numel() > 0.9 * parameter.numel(), name


def test_every_parameter_of_the_tiny_gpt2_matters(tiny):
    """A weight that the logits hardly depend on could not be told from a forgotten one."""
    ids = torch.randint(61, (3, 23), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        before = tiny(ids).logits
        for name, parameter in tiny.named_parameters():
            kept = parameter.clone()
            parameter.zero_()
            change = (tiny(ids).logits - before).abs().max().item()
            parameter.copy_(kept)
            # The keys' bias alone cancels in softmax; it shares its parameter with those of queries and values.
            assert change > 0.01, name


def test_the_tiny_gpt2_is_the_same_every_time_and_leaves_the_random_state_alone(tiny):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    again, other = reference.tiny_gpt2(), reference.tiny_gpt2(seed=1)
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(a, b) for a, b in zip(tiny.parameters(), again.parameters(), strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(tiny.parameters(), other.parameters(), strict=True))


def test_overrides_are_fields_of_the_config():
    model = reference.tiny_gpt2(n_layer=1, vocab_size=13, attn_pdrop=0.25)
    assert len(model.transformer.h) == 1
    assert model.transformer.wte.weight.shape == (13, 40)
    assert model.transformer.h[0].attn.attn_dropout.p == 0.25


def test_float32_whatever_the_default_is():
    torch.set_default_dtype(torch.float64)
    try:
        model = reference.tiny_gpt2(n_layer=1)
    finally:
        torch.set_default_dtype(torch.float32)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_the_tiny_gpt2_generates_to_the_length_asked_for(tiny):
    ids = torch.tensor([[3, 1, 4, 1, 5]])
    assert tiny.generate(ids, max_new_tokens=18, do_sample=False).shape == (1, 23)


def test_gpt2_tokenizer_is_gpt2s_own():
    tokenizer = data.gpt2_tokenizer()
    assert len(tokenizer) == 50_257
    assert tokenizer.bos_token_id == tokenizer.eos_token_id == 50_256
    # Numbers as OpenAI's own encoder gives them.
    assert tokenizer("Hello world").input_ids == [15496, 995]
    assert tokenizer("Hello<|endoftext|> world").input_ids == [15496, 50256, 995]
    text = "  Tabs\tand\n\nlines, 12345 naïve 日本 🙂 don't ."
    assert tokenizer.decode(tokenizer(text).input_ids) == text


def test_the_shipped_model_tells_stories():
    """Fails until shared/files/stories is there: the course is not whole without it."""
    model, tokenizer = reference.stories_gpt2(), data.stories_tokenizer()
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert not model.training
    assert len(tokenizer) == model.config.vocab_size
    story = data.stories()[0][:300]
    ids = tokenizer(story, return_tensors="pt").input_ids
    assert tokenizer.decode(ids[0]) == story
    with torch.no_grad():
        loss = model(ids, labels=ids).loss.item()
    assert loss < 2.5  # nats per token; guessing among a few thousand tokens costs about 8


# --- the real GPT-2, with the hub replaced: no test downloads anything ------------------------------------------------


def replaced_hub(monkeypatch, answer):
    from transformers import GPT2LMHeadModel

    calls = []

    def from_pretrained(name, local_files_only=False, **options):
        calls.append("cache" if local_files_only else "hub")
        return answer(local_files_only)

    monkeypatch.setattr(GPT2LMHeadModel, "from_pretrained", from_pretrained)
    return calls


def test_a_download_of_the_real_gpt2_is_announced(monkeypatch, capsys, tiny):
    def answer(local):
        if local:
            raise OSError("not in the cache")
        return tiny

    calls = replaced_hub(monkeypatch, answer)
    assert reference.real_gpt2("gpt2") is tiny
    said = capsys.readouterr().out
    assert all(part in said for part in ("gpt2", "548 MB", "model hub")), said
    assert calls == ["cache", "hub"]


def test_a_real_gpt2_in_the_cache_is_taken_without_a_word(monkeypatch, capsys, tiny):
    calls = replaced_hub(monkeypatch, lambda local: tiny)
    assert reference.real_gpt2("gpt2-xl") is tiny
    assert capsys.readouterr().out == ""
    assert calls == ["cache"]


def test_without_a_network_the_real_gpt2_says_what_to_do(monkeypatch):
    def answer(local):
        raise OSError("no route to host")

    replaced_hub(monkeypatch, answer)
    with pytest.raises(reference.NotAvailable, match=r"gpt2-medium \(1.5 GB\) could not be had .*stories_gpt2"):
        reference.real_gpt2("gpt2-medium")


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"'gpt3'.*gpt2-large"):
        reference.real_gpt2("gpt3")


def test_tiktokens_ranks_are_gpt2s_ids_and_its_files_are_copied_nowhere(tmp_path, monkeypatch):
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    ranks = reference.bpe_ranks(*data.gpt2_bpe_files())
    assert len(ranks) == 50256 and ranks[b" the"] == 262
    assert list(tmp_path.iterdir()) == []
