"""Arrays over raw addresses, for kernels."""

from typing import Any

import numba
from numba.extending import intrinsic

from driftline_core.kernels.jit import part

# numba carries types for some of its names only.
carray: Any = getattr(numba, "carray")  # noqa: B009
CPointer: Any = numba.types.CPointer


def _pointer_to(_typing: Any, address: Any, first: Any, dtype: Any) -> Any:
    signature = CPointer(dtype.dtype)(address, first, dtype)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        base = builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))
        return builder.gep(base, [arguments[1]])

    return signature, generate


_pointer: Any = intrinsic(_pointer_to)


@part
def array_at(address: Any, first: Any, length: Any, dtype: Any) -> Any:
    """Values first … first + length of a number type at an address; nobody checks that they are there.

    Addresses need not be multiples of the value's size: x86-64 and arm64 read such values as they are.
    """
    return carray(_pointer(address, first, dtype), (length,), dtype)


def _without_count(_typing: Any, array: Any) -> Any:
    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        view = context.make_array(array)(context, builder, value=arguments[0])
        view.meminfo = view.meminfo.type(None)
        view.parent = view.parent.type(None)
        return view._getvalue()

    return array(array), generate


borrowed: Any = intrinsic(_without_count)
"""The same array without a reference count: a view of one that has it costs two locked instructions. Its owner must outlive it."""
