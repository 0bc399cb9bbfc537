"""Rows of many lengths, filled up to a few, so that they share batches.

For models whose inputs have a size that varies (a number of tokens, say) and whose
answers do not depend on what is filled in: the model itself must take a mask, or not look
there. Whatever varies in the answers is cut back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from configs.model import ModelSpec, ShapeBucketsSpec, TensorSpec
from deployments.messages import Reply, Request, Tensor
from deployments.nodes import Node

Tensors = Mapping[str, Tensor]

VARIES = -1


def filled_up(node: Node, spec: ModelSpec) -> Node:
    """`node`, behind the filling that its model's spec asks for, if it does."""
    buckets = spec.batching.shape_buckets
    return node if buckets is None else Padded(node, buckets, spec.inputs, spec.outputs)


class Padded:
    """A node whose requests come in the lengths of its buckets."""

    def __init__(
        self,
        node: Node,
        buckets: ShapeBucketsSpec,
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
    ) -> None:
        self._node, self._buckets = node, buckets
        self._inputs, self._outputs = _varying(inputs), _varying(outputs)

    async def infer(self, request: Request) -> Reply:
        """See `Node.infer`."""
        size = common_size(request.inputs, self._inputs)
        wanted = size and bucket_for(self._buckets.sizes, size)
        if not size or not wanted or wanted == size:
            return await self._node.infer(request)
        inputs = fill(request.inputs, self._inputs, wanted, self._buckets.value)
        reply = await self._node.infer(replace(request, inputs=inputs))
        return replace(reply, outputs=cut(reply.outputs, self._outputs, wanted, size))


def common_size(tensors: Tensors, axes: Mapping[str, Sequence[int]]) -> int | None:
    """The one size of everything that varies; None: there are several, or none."""
    sizes = {tensors[name].shape[axis] for name in axes for axis in axes[name]}
    return sizes.pop() if len(sizes) == 1 else None


def bucket_for(sizes: Sequence[int], size: int) -> int | None:
    """The smallest bucket that takes `size`; None: it is larger than all."""
    return min((bucket for bucket in sizes if bucket >= size), default=None)


def fill(
    tensors: Tensors, axes: Mapping[str, Sequence[int]], size: int, value: float
) -> dict[str, Tensor]:
    """`tensors` with every axis of `axes` filled up to `size` at its end."""
    return {
        name: _fill(tensor, axes.get(name, ()), size, value)
        for name, tensor in tensors.items()
    }


def cut(
    tensors: Tensors, axes: Mapping[str, Sequence[int]], filled: int, size: int
) -> dict[str, Tensor]:
    """`tensors` with every axis of `axes` that is `filled` long cut back to `size`."""
    return {
        name: _cut(tensor, axes.get(name, ()), filled, size)
        for name, tensor in tensors.items()
    }


def _varying(specs: Sequence[TensorSpec]) -> dict[str, tuple[int, ...]]:
    """By name the axes whose size varies, counted with the row, which is axis 0."""
    found = {
        spec.name: tuple(n for n, size in enumerate(spec.shape, 1) if size == VARIES)
        for spec in specs
    }
    return {name: axes for name, axes in found.items() if axes}


def _fill(tensor: Tensor, axes: Sequence[int], size: int, value: float) -> Tensor:
    if not axes:
        return tensor
    shape = [size if axis in axes else n for axis, n in enumerate(tensor.shape)]
    empty: object = b"" if tensor.dtype == np.object_ else value
    room: Tensor = np.full(shape, empty, tensor.dtype)
    room[tuple(slice(n) for n in tensor.shape)] = tensor
    return room


def _cut(tensor: Tensor, axes: Sequence[int], filled: int, size: int) -> Tensor:
    kept = [
        slice(size) if axis in axes and n == filled else slice(None)
        for axis, n in enumerate(tensor.shape)
    ]
    return tensor[tuple(kept)]
