"""What one test leaves behind must not reach the next: torch's global state, saved, restored and compared."""

import random

import numpy as np
import torch

# Where an answer could replace a function for everybody.
PLACES = (torch, torch.Tensor, torch.nn, torch.nn.functional, torch.nn.init)


def seed_everything(seed: int = 0) -> None:
    """Seeds torch (every device), numpy and random."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


class GlobalState:
    """torch's global state at the moment of creation."""

    def __init__(self) -> None:
        self.dtype = torch.get_default_dtype()
        self.grad = torch.is_grad_enabled()
        self.inference = torch.is_inference_mode_enabled()
        self.device = torch.get_default_device()
        self.threads = torch.get_num_threads()
        self.deterministic = torch.are_deterministic_algorithms_enabled()
        self.functions = [(place, name, value) for place in PLACES for name, value in vars(place).items()]

    def restore(self) -> list[str]:
        """Puts everything back; returns, in words, what an answer had no business to change."""
        changed = []
        if torch.get_default_dtype() != self.dtype:
            changed.append(f"torch's default dtype is now {torch.get_default_dtype()}")
            torch.set_default_dtype(self.dtype)
        if torch.is_grad_enabled() != self.grad:
            changed.append(f"gradients were switched {'off' if self.grad else 'on'} for everybody")
            torch.set_grad_enabled(self.grad)
        if torch.get_default_device() != self.device:
            changed.append(f"torch's default device is now {torch.get_default_device()}")
            torch.set_default_device(self.device)
        for place, name, value in self.functions:
            now = vars(place).get(name)
            # torch itself replaces a few functions when torch._dynamo is imported; an answer's are defined elsewhere.
            if now is not value and not name.startswith("__") and not _from_torch(now):
                setattr(place, name, value)
                if callable(value):
                    changed.append(f"{place.__name__}.{name} was replaced")
        if torch.get_num_threads() != self.threads:
            torch.set_num_threads(self.threads)
        if torch.are_deterministic_algorithms_enabled() != self.deterministic:
            torch.use_deterministic_algorithms(self.deterministic)
        return changed


def _from_torch(value) -> bool:
    return (getattr(value, "__module__", None) or "").split(".")[0] == "torch"
