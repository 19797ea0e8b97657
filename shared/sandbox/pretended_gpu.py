"""A GPU that isn't there: tensors that say they are on "cuda" and obey its rules, with their values on the CPU.

So a laptop finds out what would stop on a GPU: a forgotten `device=`, a model that nobody moved, an integer matrix
product, `.numpy()` of a tensor on the device. Tensors are wrapped; every operation comes through `_run`, which unwraps,
looks whether CUDA would have done it, and wraps the result.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map_only

CUDA = torch.device("cuda", 0)
# What the tensors are to torch's C++ side: a device that it needs no driver for, and takes for a foreign one.
HIDDEN = torch.device("lazy")
aten = torch.ops.aten
SAME_DEVICE = "Expected all tensors to be on the same device"
MOVES = {aten._to_copy.default, aten.copy_.default}
PRODUCTS = {
    *(aten.mm.default, aten.bmm.default, aten.mv.default, aten.dot.default, aten.vdot.default),
    *(aten.addmm.default, aten.baddbmm.default, aten.addmv.default, aten.addbmm.default),
}


class OnlyOnGPU(RuntimeError):
    """Here a GPU would have stopped; the message is CUDA's own."""


class GPUTensor(Tensor):
    """A tensor on the pretended GPU; `value` lies on the CPU."""

    value: Tensor

    @staticmethod
    def __new__(cls, value: Tensor) -> "GPUTensor":
        return Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            value.shape,
            strides=value.stride(),
            storage_offset=value.storage_offset(),
            dtype=value.dtype,
            layout=value.layout,
            device=HIDDEN,
            requires_grad=value.requires_grad,
        )

    def __init__(self, value: Tensor):
        self.value = value

    def __tensor_flatten__(self):
        return [
            "value"
        ], None  # with this, `module.to("cuda")` swaps tensors, so that a parameter stays the same object

    @staticmethod
    def __tensor_unflatten__(inner, meta, size, stride):
        return GPUTensor(inner["value"])

    device = property(lambda self: CUDA)  # type: ignore[assignment]
    is_cuda = property(lambda self: True)  # type: ignore[assignment]
    is_cpu = property(lambda self: False)  # type: ignore[assignment]

    @property
    def data(self):
        return self.detach()

    @data.setter
    def data(self, new):
        if not isinstance(new, GPUTensor):
            raise OnlyOnGPU(f"{SAME_DEVICE}: `.data` on the GPU was given a tensor on the CPU")
        self.value = new.value

    def get_device(self) -> int:
        return 0

    def __deepcopy__(self, memo):
        copied = GPUTensor(self.value.detach().clone()).requires_grad_(self.requires_grad)
        memo[id(self)] = nn.Parameter(copied, self.requires_grad) if isinstance(self, nn.Parameter) else copied
        return memo[id(self)]

    def tolist(self):
        return self.value.tolist()

    def untyped_storage(self):
        return self.value.untyped_storage()

    def data_ptr(self):
        return self.value.data_ptr()

    def numpy(self, *args, **kwargs):
        raise OnlyOnGPU(
            "can't convert cuda:0 device type tensor to numpy; use Tensor.cpu() to copy it to the host first"
        )

    def __array__(self, *args, **kwargs):
        return self.numpy()

    def __repr__(self, **_):
        return repr(self.value)[:-1] + ", device='cuda:0')"

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})


class _Generators(type(torch.Generator)):  # type: ignore[misc]
    """torch.Generator as long as a GPU is pretended: knows its own, and makes either kind."""

    def __call__(cls, device="cpu"):
        if torch.device(device).type != "cuda":
            return REAL_GENERATOR(device)
        generator = super().__call__()
        GENERATORS[generator._cdata] = (
            generator  # on its way through torch, an object of this class becomes a plain one
        )
        return generator

    def __instancecheck__(cls, value) -> bool:
        return isinstance(value, REAL_GENERATOR)


REAL_GENERATOR = torch.Generator
GENERATORS: dict[int, torch.Generator] = {}  # the pretended GPU's, by the address of what is behind them


class GPUGenerator(torch.Generator, metaclass=_Generators):
    """A generator for the pretended GPU; its numbers are the CPU's."""

    device = property(lambda self: CUDA)  # type: ignore[assignment]

    def manual_seed(self, seed: int) -> "GPUGenerator":
        super().manual_seed(seed)
        return self


class _Mode(TorchDispatchMode):
    """Sees what makes tensors out of nothing, `torch.zeros(3, device="cuda")`."""

    def __init__(self) -> None:
        super().__init__()
        # What torch calls its own pretended tensors: with such a mode active it doesn't look for a driver.
        self._mode_key = torch._C._TorchDispatchModeKey.FAKE

    @classmethod
    def is_infra_mode(cls) -> bool:
        return True

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # or torch would import its compiler (1.5 s), only to keep that away from here

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})


class _Lists(TorchFunctionMode):
    """torch.tensor([[x[0], 1]]) reads the numbers out of its list by itself, past everything above."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func in (torch.tensor, torch.as_tensor, Tensor.new_tensor):
            args = tuple(_as_numbers(value) if isinstance(value, list | tuple) else value for value in args)
        return func(*args, **(kwargs or {}))


def _as_numbers(value: Any) -> Any:
    return tree_map_only(GPUTensor, lambda tensor: tensor.item(), value)


@contextmanager
def pretended_gpu() -> Iterator[None]:
    """Inside, "cuda" is a device that works like one, slowly."""
    torch._C._ensureCUDADeviceGuardSet()
    lifted = torch._C._only_lift_cpu_tensors()
    torch._C._set_only_lift_cpu_tensors(True)  # or torch.tensor(…, device="cuda") would ask for a driver
    torch.Generator = GPUGenerator  # type: ignore[misc]
    try:
        # torch's own RNNs would ask cuDNN for its version.
        with torch.backends.cudnn.flags(enabled=False, allow_tf32=False), _Lists(), _Mode():
            yield
    finally:
        torch.Generator = REAL_GENERATOR  # type: ignore[misc]
        torch._C._set_only_lift_cpu_tensors(lifted)


def _run(func, args: tuple, kwargs: dict) -> Any:
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    ours = [tensor for tensor in tensors if isinstance(tensor, GPUTensor)]
    to_gpu = bool(ours)
    if func is aten.copy_.default:
        to_gpu = isinstance(args[0], GPUTensor)
    elif ours and func not in MOVES and _mixes_devices(func, args, tensors):
        raise OnlyOnGPU(f"{SAME_DEVICE}, but found at least two devices, cuda:0 and cpu!")
    if ours and func in PRODUCTS and not (ours[0].is_floating_point() or ours[0].is_complex()):
        raise OnlyOnGPU(
            f'"{func.overloadpacket}_cuda" not implemented for integers: CUDA has no integer matrix product'
        )
    asked = torch.device(kwargs["device"]).type if kwargs.get("device") is not None else None
    if asked:
        to_gpu = asked in (CUDA.type, HIDDEN.type)
    if to_gpu and asked:
        kwargs = {**kwargs, "device": torch.device("cpu"), **({"pin_memory": False} if "pin_memory" in kwargs else {})}
    generator = kwargs.get("generator")
    if to_gpu and generator is not None and generator._cdata not in GENERATORS:
        raise OnlyOnGPU("Expected a 'cuda' device type for generator but found 'cpu'")
    plain_args, plain_kwargs = tree_map_only(GPUTensor, lambda tensor: tensor.value, (args, kwargs))
    result = func(*plain_args, **plain_kwargs)
    if not to_gpu:
        return result
    wrapped = tree_map_only(Tensor, _wrapped, result)
    return return_and_correct_aliasing(func, args, kwargs, wrapped)


def _wrapped(value: Tensor) -> GPUTensor:
    # torch conjugates and negates late, by a flag on the tensor, which a wrapper doesn't have.
    return value if isinstance(value, GPUTensor) else GPUTensor(value.resolve_conj().resolve_neg())


def _mixes_devices(func, args: tuple, tensors: list[Tensor]) -> bool:
    # A number in a tensor without dims may come from the CPU.
    on_cpu = any(tensor.dim() for tensor in tensors if not isinstance(tensor, GPUTensor))
    return on_cpu and not _index_from_the_cpu(func, args)


def _index_from_the_cpu(func, args: tuple) -> bool:
    """CUDA lets a tensor on the GPU be indexed by one on the CPU, and moves the index itself."""
    indexing = func in (aten.index.Tensor, aten.index_put.default, aten.index_put_.default, aten._unsafe_index.Tensor)
    return indexing and isinstance(args[0], GPUTensor) and all(isinstance(value, GPUTensor) for value in args[2:3])
