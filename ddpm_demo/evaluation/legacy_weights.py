"""Reads the tensors of a weights file in torch's old format without unpickling it.

Before torch 1.6 a saved state dict was five pickles (magic number, protocol, system, the dict, the
order of the storages) followed by the storages' raw bytes. A pickle is a program, and running it
runs whatever its author put in. So nothing is run here: the standard library's disassembler
(`pickletools.genops`, which only decodes) lists the opcodes, and the few that a dict of tensors
consists of are read as data. Names are compared with three known ones and never looked up; any
other opcode or name is refused.
"""

from __future__ import annotations

import io
import pickletools
import struct
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..errors import UserError

_MAGIC = 0x1950A86A20F9469CFC6C
_DTYPES = {"torch FloatStorage": torch.float32, "torch LongStorage": torch.int64}
_PUSH = {"BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE", "NONE", "NEWTRUE", "NEWFALSE"}
_MARK = object()


class _Name(NamedTuple):
    text: str


class _Storage(NamedTuple):
    key: str
    dtype: torch.dtype
    num_elements: int


class _TensorAt(NamedTuple):
    storage: _Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


def read_legacy_tensors(content: bytes) -> dict[str, Tensor]:
    """The state dict in the bytes of a file that torch before 1.6 saved.

    Raises:
        UserError: another format, or anything in it besides a dict of tensors.
    """
    file = io.BytesIO(content)
    try:
        if _read_data(file) != _MAGIC:
            raise ValueError("the magic number is wrong")
        _read_data(file), _read_data(file)  # protocol and system: always little-endian in practice
        state, order = _read_data(file), _read_data(file)
        wanted = {t.storage.key: t.storage for t in state.values()}
        storages = {key: _read_storage(file, wanted[key]) for key in order}
        return {
            name: torch.as_strided(storages[t.storage.key], t.size, t.stride, t.offset).clone()
            for name, t in state.items()
        }
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RuntimeError) as error:
        raise UserError(
            "legacy_weights_invalid",
            "The weights file is not one that can be read safely: {reason}.",
            reason=str(error),
        ) from error


def _read_storage(file: io.BytesIO, storage: _Storage) -> Tensor:
    (num_elements,) = struct.unpack("<q", file.read(8).ljust(8, b"\0"))
    num_bytes = storage.num_elements * storage.dtype.itemsize
    content = file.read(num_bytes)
    if num_elements != storage.num_elements or len(content) != num_bytes:
        raise ValueError("a tensor is cut short")
    return torch.frombuffer(bytearray(content), dtype=storage.dtype)


def _read_data(file: io.BytesIO) -> Any:  # noqa: ANN401  whatever the data are
    """The value of the pickle that starts here, if it is plain data or tensors."""
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    for opcode, argument, _ in pickletools.genops(file):
        name = opcode.name
        if name == "STOP":
            return stack.pop()
        if name in _PUSH:
            stack.append({"NEWTRUE": True, "NEWFALSE": False}.get(name, argument))
        elif name == "GLOBAL":
            stack.append(_Name(argument))
        elif name in ("BINPUT", "LONG_BINPUT"):
            memo[argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif name != "PROTO":
            _apply(name, stack)
    raise ValueError("it ends early")


def _apply(name: str, stack: list[Any]) -> None:
    """The opcodes that build something out of what is on the stack."""
    if name == "MARK":
        stack.append(_MARK)
    elif name in ("EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE"):
        stack.append({"EMPTY_DICT": {}, "EMPTY_LIST": [], "EMPTY_TUPLE": ()}[name])
    elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
        count = int(name[-1])
        stack[-count:] = [tuple(stack[-count:])]
    elif name == "TUPLE":
        stack.append(tuple(_since_mark(stack)))
    elif name in ("SETITEM", "SETITEMS"):
        items = [stack.pop(), stack.pop()][::-1] if name == "SETITEM" else _since_mark(stack)
        stack[-1].update(zip(items[::2], items[1::2], strict=True))
    elif name == "APPENDS":
        items = _since_mark(stack)
        stack[-1].extend(items)
    elif name == "BUILD":  # the state dict's own attributes: version numbers of its modules
        stack.pop()
    elif name == "BINPERSID":
        stack.append(_storage(stack.pop()))
    elif name == "REDUCE":
        arguments, function = stack.pop(), stack.pop()
        stack.append(_reduced(function, arguments))
    else:
        raise ValueError(f"it holds the instruction {name}")


def _since_mark(stack: list[Any]) -> list[Any]:
    items = []
    while (item := stack.pop()) is not _MARK:
        items.append(item)
    return items[::-1]


def _storage(identity: tuple[Any, ...]) -> _Storage:
    kind, storage_class, key, _, num_elements, _ = identity
    if kind != "storage" or storage_class.text not in _DTYPES:
        raise ValueError(f"it refers to {storage_class}")
    return _Storage(key, _DTYPES[storage_class.text], num_elements)


def _reduced(function: _Name, arguments: tuple[Any, ...]) -> dict[str, Any] | _TensorAt:
    if function == _Name("collections OrderedDict") and arguments == ():
        return {}
    if function == _Name("torch._utils _rebuild_tensor_v2"):
        return _TensorAt(*arguments[:4])
    raise ValueError(f"it calls {function.text}")
