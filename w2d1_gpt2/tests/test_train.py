"""Tests of train.py. The oracles: cases by hand, torch's clipping, and a plain torch loop with AdamW and LambdaLR."""

import math

import pytest
import torch
import train
from torch import nn
from torch.nn import functional as F

from shared.checks import close, equal, exercise, randomize, strided, unchanged


def precise(device):
    return torch.float32 if device.type == "mps" else torch.float64


def is_float(value, name):
    # A subclass, numpy's float64 for example, is a float as well.
    equal(isinstance(value, float), True, name=f"whether {name}, a {type(value).__name__}, is a Python float")


# ---- The learning rate -----------------------------------------------------------------------------------------------

# Rates as large as 1 and more: with usual ones a mistake would hide below the tolerance.
LONG = train.TrainConfig(steps=30, warmup=6, peak_lr=3.0, floor_lr=0.5)


def check_rates(config, expected):
    """`expected`: {step: rate}. Asks for one step at a time, so that the first wrong one is the one that is shown."""
    for step, rate in expected.items():
        close(train.learning_rate(step, config), rate, name=f"the rate of step {step}")


@exercise("learning_rate")
def test_the_table_of_the_text():
    config = train.TrainConfig(steps=10, warmup=4, peak_lr=1.0, floor_lr=0.0)
    check_rates(config, {0: 0.25, 1: 0.5, 2: 0.75, 3: 1.0, 4: 1.0, 7: 0.5, 10: 0.0, 99: 0.0})


@exercise("learning_rate")
def test_a_schedule_by_hand():
    config = train.TrainConfig(steps=11, warmup=5, peak_lr=2.0, floor_lr=1.0)
    # After the warm-up six steps remain: the cosine of 0, 30, 60, 90, 120, 150 degrees, and the floor at 180.
    cosines = [1, math.sqrt(3) / 2, 1 / 2, 0, -1 / 2, -math.sqrt(3) / 2, -1]
    check_rates(config, dict(enumerate([0.4, 0.8, 1.2, 1.6, 2.0, *[1.5 + c / 2 for c in cosines]])))


@exercise("learning_rate")
def test_the_warm_up_is_a_line_that_ends_at_the_peak():
    check_rates(LONG, dict(enumerate([0.5, 1.0, 1.5, 2.0, 2.5, 3.0])))


@exercise("learning_rate")
@pytest.mark.parametrize("steps, warmup, peak, floor", [(30, 6, 3.0, 0.5), (7, 1, 1.0, 0.0), (40, 0, 5.0, 2.0)])
def test_falls_along_a_cosine(steps, warmup, peak, floor):
    config = train.TrainConfig(steps=steps, warmup=warmup, peak_lr=peak, floor_lr=floor)
    # The same curve in another form: (1 + cos 2x) / 2 is cos² x.
    quarter = math.pi / 2 / (steps - warmup)
    check_rates(
        config, {warmup + k: floor + (peak - floor) * math.cos(quarter * k) ** 2 for k in range(steps - warmup)}
    )


@exercise("learning_rate")
def test_stays_on_the_floor_after_the_end():
    check_rates(LONG, dict.fromkeys([30, 31, 36, 54, 1000], 0.5))


@exercise("learning_rate")
def test_without_a_warm_up_step_0_has_the_peak():
    config = train.TrainConfig(steps=4, warmup=0, peak_lr=2.0, floor_lr=1.0)
    half = math.sqrt(2) / 4
    check_rates(config, dict(enumerate([2.0, 1.5 + half, 1.5, 1.5 - half, 1.0, 1.0])))


@exercise("learning_rate")
def test_a_warm_up_may_take_the_whole_run():
    config = train.TrainConfig(steps=4, warmup=4, peak_lr=2.0, floor_lr=0.5)
    check_rates(config, dict(enumerate([0.5, 1.0, 1.5, 2.0, 0.5, 0.5])))


# ---- Clipping --------------------------------------------------------------------------------------------------------


def parameters_with(*gradients):
    """One parameter for each gradient; None leaves it without."""
    result = []
    for gradient in gradients:
        parameter = nn.Parameter(torch.zeros(2) if gradient is None else torch.zeros_like(gradient))
        parameter.grad = gradient
        result.append(parameter)
    return result


def gradients_of(parameters):
    return [p.grad for p in parameters]


def length_of(gradients):
    return torch.cat([g.flatten() for g in gradients]).norm().item()


def check_like_torch(gradients, max_norm, **tolerance):
    theirs = parameters_with(*[None if g is None else g.clone() for g in gradients])
    norm = nn.utils.clip_grad_norm_(theirs, max_norm).item()
    mine = parameters_with(*gradients)
    close(train.clip_gradients(mine, max_norm), norm, name="the length before")
    close(gradients_of(mine), gradients_of(theirs), name="gradients", **tolerance)


@exercise("clip_gradients")
def test_3_and_4_make_5(device):
    parameters = parameters_with(torch.tensor([3.0], device=device), torch.tensor([[4.0]], device=device))
    close(train.clip_gradients(parameters, 1.0), 5.0, name="the length before")
    expected = [torch.tensor([0.6], device=device), torch.tensor([[0.8]], device=device)]
    close(gradients_of(parameters), expected, name="gradients")


@exercise("clip_gradients")
@pytest.mark.parametrize("max_norm", [0.25, 1.0, 3.0])
def test_clips_all_as_one_vector_like_torch(max_norm, draw):
    # Of very different lengths: the second alone is shorter than each limit.
    check_like_torch([draw(5, 3), draw(4) * 0.01, draw(2, 3, 4) * 10], max_norm)


@exercise("clip_gradients")
def test_a_single_gradient_is_clipped(draw):
    check_like_torch([draw(7) * 5], 0.5)


@exercise("clip_gradients")
def test_a_gradient_may_be_a_single_number_or_empty(draw):
    check_like_torch([draw(2, 3), draw(1)[0], draw(0, 4)], 0.5)


@exercise("clip_gradients")
@pytest.mark.parametrize("limit", [0.99, 0.9], ids="{} times the length".format)
def test_gradients_that_are_a_little_too_long_are_clipped(limit, draw):
    gradients = [draw(5, 3), draw(4)]
    check_like_torch(gradients, limit * length_of(gradients))


@exercise("clip_gradients")
def test_a_max_norm_of_0_leaves_zeros(draw):
    gradients = [draw(5, 3), draw(4)]
    parameters = parameters_with(*gradients)
    length = length_of(gradients)
    close(train.clip_gradients(parameters, 0.0), length, name="the length before")
    close(gradients_of(parameters), [torch.zeros_like(g) for g in gradients], name="gradients")


@exercise("clip_gradients")
@pytest.mark.parametrize("limit", [1.01, 2.0, 1000.0], ids="{} times the length".format)
def test_short_gradients_stay_to_the_last_bit(limit, draw):
    gradients = [draw(5, 3), draw(4)]
    length = length_of(gradients)
    before = [g.clone() for g in gradients]
    parameters = parameters_with(*gradients)
    close(train.clip_gradients(parameters, limit * length), length, name="the length before")
    equal(gradients_of(parameters), before, name="gradients")


@exercise("clip_gradients")
def test_zeros_stay_zeros(device):
    parameters = parameters_with(torch.zeros(3, 2, device=device))
    close(train.clip_gradients(parameters, 1.0), 0.0, name="the length before")
    equal(gradients_of(parameters), [torch.zeros(3, 2, device=device)], name="gradients")


@exercise("clip_gradients")
def test_parameters_without_a_gradient_do_not_count(draw):
    check_like_torch([None, draw(5, 3), None, draw(4)], 0.5)


@exercise("clip_gradients")
def test_no_gradients_at_all_have_length_0():
    close(train.clip_gradients(parameters_with(None, None), 1.0), 0.0)


@exercise("clip_gradients")
def test_parameters_may_come_from_a_generator(draw):
    gradients = [draw(5, 3), draw(4)]
    theirs = parameters_with(*[g.clone() for g in gradients])
    norm = nn.utils.clip_grad_norm_(theirs, 0.5).item()
    mine = parameters_with(*gradients)
    close(train.clip_gradients((p for p in mine), 0.5), norm, name="the length before")
    close(gradients_of(mine), gradients_of(theirs), name="gradients")


@exercise("clip_gradients")
@pytest.mark.parametrize("max_norm", [0.5, 1000.0])
def test_the_length_is_a_python_float(max_norm, draw):
    is_float(train.clip_gradients(parameters_with(draw(5, 3)), max_norm), "the length")


@exercise("clip_gradients")
def test_gradients_keep_float64(draw):
    # torch adds 1e-6 to the length, and so may an answer.
    check_like_torch([draw(5, 3, dtype=torch.float64), draw(4, dtype=torch.float64)], 0.5, rtol=1e-5, atol=1e-6)


@exercise("clip_gradients")
def test_gradients_may_be_views(draw):
    check_like_torch([strided(draw(5, 3)), draw(3, 4).T], 0.5)


@exercise("clip_gradients")
def test_the_gradients_given_are_shortened_in_place(draw):
    gradients = [draw(5, 3), draw(4)]
    parameters = parameters_with(*gradients)
    train.clip_gradients(parameters, 0.5)
    close(gradients, gradients_of(parameters), name="the tensors that were the gradients before")


@exercise("clip_gradients")
def test_only_gradients_are_clipped(draw):
    parameter = nn.Parameter(draw(5, 3))
    parameter.grad = draw(5, 3)
    with unchanged(parameter):
        train.clip_gradients([parameter], 0.5)


# ---- Evaluation ------------------------------------------------------------------------------------------------------

VOCAB = 7


class Tiny(nn.Module):
    """Stands in for GPT-2: token ids in, logits out. Notes in which mode each call found it."""

    def __init__(self, dropout=0.0):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, 4)
        self.scale = nn.Parameter(torch.ones(4))
        self.output = nn.Linear(4, VOCAB)
        self.dropout = dropout
        self.calls = []  # (size of the batch, training?, gradients recorded?)

    def forward(self, ids):
        self.calls.append((len(ids), self.training, torch.is_grad_enabled()))
        x = torch.tanh(self.embedding(ids) * self.scale)
        return self.output(F.dropout(x, self.dropout, self.training))


def a_model(device, dtype=None, dropout=0.0):
    """In float64, where two right loops stay together for longer."""
    return randomize(Tiny(dropout), scale=1.0).to(device, dtype or precise(device))


def some_batches(draw, *shapes):
    return [(draw.ints(0, VOCAB, *shape), draw.ints(0, VOCAB, *shape)) for shape in shapes]


def mean_over_all_targets(model, batches):
    """The mean of every target's own loss, all in one long row."""
    with torch.no_grad():
        losses = [F.cross_entropy(model(i).flatten(0, 1), t.flatten(), reduction="none") for i, t in batches]
    return torch.cat(losses).mean().item()


@exercise("evaluate")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_one_batch(dtype, draw, device):
    model = a_model(device, dtype if device.type != "mps" else torch.float32).eval()
    batches = some_batches(draw, (3, 5))
    expected = mean_over_all_targets(model, batches)
    close(train.evaluate(model, batches), expected)


@exercise("evaluate")
def test_every_target_counts_the_same(draw, device):
    model = a_model(device).eval()
    batches = some_batches(draw, (6, 5), (1, 5), (2, 3), (1, 1))
    # What the small batches ask for is what the model thinks least likely.
    batches[1:] = [(inputs, model(inputs).argmin(dim=-1)) for inputs, _ in batches[1:]]
    expected = mean_over_all_targets(model, batches)
    close(train.evaluate(model, batches), expected)


@exercise("evaluate")
def test_batches_may_come_from_a_generator(draw, device):
    model = a_model(device).eval()
    batches = some_batches(draw, (3, 5), (2, 4))
    expected = mean_over_all_targets(model, batches)
    close(train.evaluate(model, (batch for batch in batches)), expected)


@exercise("evaluate")
def test_the_list_of_batches_stays_as_it_was(draw, device):
    model = a_model(device).eval()
    batches = some_batches(draw, (3, 5), (2, 4), (1, 2))
    before = list(batches)
    train.evaluate(model, batches)
    equal([len(inputs) for inputs, _ in batches], [3, 2, 1], name="the sizes of the batches afterwards")
    equal([a is b for a, b in zip(batches, before)], [True] * 3, name="whether each batch is the same as before")


@exercise("evaluate")
def test_nothing_is_dropped(draw, device):
    model = a_model(device, dropout=0.5)
    batches = some_batches(draw, (3, 5), (2, 4))
    expected = mean_over_all_targets(model.eval(), batches)
    close(train.evaluate(model.train(), batches), expected)


@exercise("evaluate")
@pytest.mark.parametrize("training", [True, False])
def test_leaves_the_model_in_the_mode_it_was_in(training, draw, device):
    model = a_model(device, dropout=0.5).train(training)
    train.evaluate(model, some_batches(draw, (3, 5), (2, 4)))
    equal(model.training, training, name="model.training afterwards")


@exercise("evaluate")
def test_needs_no_gradients_and_changes_nothing(draw, device):
    model = a_model(device).train()
    with unchanged(*model.parameters()):
        train.evaluate(model, some_batches(draw, (3, 5), (2, 4)))
    equal(any(recorded for *_, recorded in model.calls), False, name="whether gradients were recorded in a call")
    equal({str(p.dtype) for p in model.parameters()}, {str(precise(device))}, name="the parameters' dtype afterwards")
    equal([p.grad for p in model.parameters()], [None] * 4, name="gradients afterwards")


@exercise("evaluate")
def test_leaves_random_numbers_and_gradients_alone(draw, device):
    model = a_model(device)
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, 0.25)
    batches = some_batches(draw, (3, 5))
    before = torch.random.get_rng_state()
    train.evaluate(model, batches)
    equal(torch.equal(torch.random.get_rng_state(), before), True, name="whether the global generator stayed as it was")
    touched = [name for name, p in model.named_parameters() if p.grad is None or not (p.grad == 0.25).all()]
    equal(touched, [], name="the parameters whose .grad was changed")


@exercise("evaluate")
def test_the_loss_is_not_rounded(draw, device):
    model = a_model(device).eval()
    batches = some_batches(draw, (3, 5), (2, 4))
    expected = mean_over_all_targets(model, batches)
    close(train.evaluate(model, batches), expected, rtol=3e-6, atol=0.0)


@exercise("evaluate")
def test_the_loss_is_a_python_float(draw, device):
    is_float(train.evaluate(a_model(device), some_batches(draw, (3, 5))), "the loss")


# ---- The loop --------------------------------------------------------------------------------------------------------

# Large rates and a large weight decay, so that a slip shows within a few steps; only some gradients are clipped.
CONFIG = train.TrainConfig(
    steps=9, warmup=3, peak_lr=0.2, floor_lr=0.05, betas=(0.7, 0.9), weight_decay=0.6, max_norm=0.7, eval_every=4
)


def plain_torch_loop(model, batches, config, validation=()):
    """What training means, with torch's own parts: (losses, {steps done: validation loss})."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    groups = [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1.0, betas=config.betas, weight_decay=config.weight_decay)

    def rate(step):
        if step < config.warmup:
            return config.peak_lr * (step + 1) / config.warmup
        done = (step - config.warmup) / (config.steps - config.warmup)
        return config.floor_lr + (config.peak_lr - config.floor_lr) * math.cos(math.pi / 2 * done) ** 2

    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    losses, evaluations = [], {}
    for step, (inputs, targets) in enumerate(batches, start=1):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.max_norm)
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
        evaluations[step] = mean_over_all_targets(model, validation) if validation else None
    return losses, evaluations


def one_after_another(batches):
    return iter(batches).__next__


def training_batches(draw, steps=CONFIG.steps):
    return some_batches(draw, *[(3, 5)] * steps)


# torch adds 1e-6 to the length when it clips, and so may an answer.
LOOSE = {"rtol": 1e-4, "atol": 1e-5}


@exercise("train")
def test_the_same_losses_as_a_plain_torch_loop(draw, device):
    batches = training_batches(draw)
    expected, _ = plain_torch_loop(a_model(device), batches, CONFIG)
    got = train.train(a_model(device), one_after_another(batches), CONFIG, progress=False)
    close(got, expected, name="the loss of each step", **LOOSE)


@exercise("train")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("max_norm", [0.7, 1000.0], ids=["with clipping", "without"])
def test_the_same_parameters_as_after_a_plain_torch_loop(max_norm, dtype, draw, device):
    config = train.TrainConfig(
        steps=6, warmup=2, peak_lr=0.1, floor_lr=0.02, betas=(0.8, 0.9), weight_decay=0.5, max_norm=max_norm
    )
    dtype = dtype if device.type != "mps" else torch.float32
    mine, theirs = a_model(device, dtype), a_model(device, dtype)
    batches = training_batches(draw, 6)
    plain_torch_loop(theirs, batches, config)
    train.train(mine, one_after_another(batches), config, progress=False)
    close(dict(mine.named_parameters()), dict(theirs.named_parameters()), name="parameters", **LOOSE)


@exercise("train")
def test_a_frozen_parameter_stays_frozen(draw, device):
    mine, theirs = a_model(device), a_model(device)
    for model in (mine, theirs):
        model.embedding.weight.requires_grad_(False)
    batches = training_batches(draw)
    plain_torch_loop(theirs, batches, CONFIG)
    train.train(mine, one_after_another(batches), CONFIG, progress=False)
    equal(mine.embedding.weight.requires_grad, False, name="embedding.weight.requires_grad afterwards")
    close(dict(mine.named_parameters()), dict(theirs.named_parameters()), name="parameters", **LOOSE)


@exercise("train")
def test_gradients_from_before_do_not_count(draw, device):
    batches = training_batches(draw)
    expected, _ = plain_torch_loop(a_model(device), batches, CONFIG)
    model = a_model(device)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    got = train.train(model, one_after_another(batches), CONFIG, progress=False)
    close(got, expected, name="the loss of each step", **LOOSE)


@exercise("train")
def test_only_matrices_decay(draw, device):
    # All that acts here is decay: after such large logits, the gradient is 0.
    config = train.TrainConfig(steps=3, warmup=0, peak_lr=0.1, floor_lr=0.1, weight_decay=0.5)
    model = a_model(device)
    with torch.no_grad():
        model.output.bias.copy_(torch.arange(VOCAB, device=device) * 1000.0)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    inputs = draw.ints(0, VOCAB, 3, 5)
    train.train(model, lambda: (inputs, torch.full_like(inputs, VOCAB - 1)), config, progress=False)
    expected = {name: p * (0.95**3 if p.dim() > 1 else 1.0) for name, p in before.items()}
    close({name: p.detach() for name, p in model.named_parameters()}, expected, name="parameters")


@exercise("train")
def test_leaves_random_numbers_alone(draw, device):
    model, batches = a_model(device), training_batches(draw)
    before = torch.random.get_rng_state()
    train.train(model, one_after_another(batches), CONFIG, some_batches(draw, (2, 3)), progress=False)
    equal(torch.equal(torch.random.get_rng_state(), before), True, name="whether the global generator stayed as it was")


@exercise("train")
def test_a_fresh_batch_for_every_step(draw, device):
    batches = training_batches(draw)
    used = []

    def next_batch():
        used.append(len(used))
        return batches[used[-1]]

    train.train(a_model(device), next_batch, CONFIG, progress=False)
    equal(len(used), CONFIG.steps, name="batches taken")


@exercise("train")
def test_returns_one_python_float_for_each_step(draw, device):
    losses = train.train(a_model(device), one_after_another(training_batches(draw)), CONFIG, progress=False)
    equal(len(losses), CONFIG.steps, name="how many losses")
    for step, loss in enumerate(losses):
        is_float(loss, f"the loss of step {step}")


@exercise("train")
def test_no_steps_have_no_losses(draw, device):
    config = train.TrainConfig(steps=0, warmup=0)
    equal(list(train.train(a_model(device), one_after_another([]), config, progress=False)), [], name="the losses")


@exercise("train")
def test_learns_a_batch_by_heart(device):
    inputs = torch.arange(VOCAB, device=device)[None]
    targets = inputs.flip(1)
    config = train.TrainConfig(steps=60, warmup=5, peak_lr=0.2, floor_lr=0.02, weight_decay=0.0)
    losses = train.train(a_model(device), lambda: (inputs, targets), config, progress=False)
    equal(losses[-1] < 0.1, True, name=f"from {losses[0]:.2f}, a loss below 0.1 after 60 steps")


@exercise("train")
@pytest.mark.parametrize(
    "steps, every, expected",
    [(9, 4, [4, 8, 9]), (8, 4, [4, 8]), (3, 4, [3]), (3, 1, [1, 2, 3])],
    ids=["9 steps, every 4", "8 steps, every 4", "3 steps, every 4", "3 steps, every 1"],
)
def test_evaluates_every_so_many_steps_and_at_the_end(steps, every, expected, draw, device):
    config = train.TrainConfig(steps=steps, warmup=2, eval_every=every)
    seen = []
    validation = some_batches(draw, (2, 3))
    next_batch = one_after_another(training_batches(draw, steps))
    train.train(a_model(device), next_batch, config, validation, lambda done, loss: seen.append(done), progress=False)
    equal(seen, expected, name="steps_done at each evaluation")


@exercise("train")
def test_reports_the_exact_validation_loss(draw, device):
    batches, validation = training_batches(draw), some_batches(draw, (4, 5), (1, 2))
    _, expected = plain_torch_loop(a_model(device), batches, CONFIG, validation)
    seen = {}
    train.train(a_model(device), one_after_another(batches), CONFIG, validation, seen.__setitem__, progress=False)
    close(seen, {done: expected[done] for done in (4, 8, 9)}, name="validation losses", **LOOSE)
    equal([len(inputs) for inputs, _ in validation], [4, 1], name="the sizes of the validation batches afterwards")


@exercise("train")
def test_validation_does_not_change_the_training(draw, device):
    batches, validation = training_batches(draw), some_batches(draw, (4, 5))
    expected, _ = plain_torch_loop(a_model(device), batches, CONFIG)
    got = train.train(a_model(device), one_after_another(batches), CONFIG, validation, progress=False)
    close(got, expected, name="the loss of each step", **LOOSE)


@exercise("train")
@pytest.mark.parametrize("validation", [None, []], ids=["None", "an empty list"])
def test_without_validation_nothing_is_reported(validation, draw, device):
    seen = []
    next_batch = one_after_another(training_batches(draw))
    train.train(a_model(device), next_batch, CONFIG, validation, lambda *a: seen.append(a), progress=False)
    equal(seen, [], name="reports")


@exercise("train")
@pytest.mark.parametrize("training", [True, False], ids=["given in train mode", "given in eval mode"])
def test_trains_in_train_mode_also_after_an_evaluation(training, draw, device):
    model = a_model(device).train(training)
    next_batch = one_after_another(training_batches(draw))
    train.train(model, next_batch, CONFIG, some_batches(draw, (4, 5)), lambda *a: None, progress=False)
    steps = [mode for size, mode, _ in model.calls if size == 3]
    equal(steps, [True] * CONFIG.steps, name="model.training at each step")


@exercise("train")
def test_shows_progress_unless_told_not_to(draw, device, capsys):
    train.train(a_model(device), one_after_another(training_batches(draw)), CONFIG, progress=False)
    equal("".join(capsys.readouterr()), "", name="printed with progress=False")
    train.train(a_model(device), one_after_another(training_batches(draw)), CONFIG)
    equal(bool("".join(capsys.readouterr())), True, name="something printed with progress")
    # With validation too: its first loss comes only after some steps.
    train.train(a_model(device), one_after_another(training_batches(draw)), CONFIG, some_batches(draw, (2, 3)))
