"""The part of msgpack that record/codec.py uses; the package ships no types."""

class Unpacker:
    def __init__(
        self,
        *,
        raw: bool = ...,
        strict_map_key: bool = ...,
        use_list: bool = ...,
        max_buffer_size: int = ...,
        max_str_len: int = ...,
        max_bin_len: int = ...,
        max_array_len: int = ...,
        max_map_len: int = ...,
        max_ext_len: int = ...,
    ) -> None: ...
    def feed(self, data: bytes) -> None: ...
    def skip(self) -> None: ...
    def unpack(self) -> object: ...
    def tell(self) -> int: ...

class UnpackException(Exception): ...
class OutOfData(UnpackException): ...
class FormatError(ValueError, UnpackException): ...
class StackError(ValueError, UnpackException): ...

def packb(value: object, *, use_bin_type: bool = ..., strict_types: bool = ...) -> bytes: ...
def unpackb(
    data: bytes,
    *,
    raw: bool = ...,
    use_list: bool = ...,
    strict_map_key: bool = ...,
    max_str_len: int = ...,
    max_bin_len: int = ...,
    max_array_len: int = ...,
    max_map_len: int = ...,
    max_ext_len: int = ...,
) -> object: ...
