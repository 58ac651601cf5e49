"""Several files in one ZIP archive that says nothing of when or where it was made."""

import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence

from e2ev.errors import ConflictError, DataError

MAX_FILES = 10_000
MAX_UNPACKED = 1 << 30
_NEVER = (1980, 1, 1, 0, 0, 0)
"""The earliest moment that a ZIP archive can name."""


def bundle(files: Mapping[str, bytes], given: Sequence[str] = ()) -> bytes:
    """Return an archive of the files: the same bytes for the same files.

    Args:
        files: By name, in their order; a slash makes a folder.
        given: As they were named by whoever asked, to see that none was lost by its name.

    Raises:
        ConflictError: Two that were given have one name.
    """
    if given and len(given) != len(files):
        raise ConflictError("two of the files have one name", remedy="rename one of them")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, _NEVER)
            info.external_attr = 0o600 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return out.getvalue()


def unbundle(data: bytes, where: str) -> dict[str, bytes]:
    """Return the files of an archive, by name; none may name a folder.

    Raises:
        DataError: It is no archive, too large, or has a name that leads elsewhere.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            if len(parts) > MAX_FILES or sum(part.file_size for part in parts) > MAX_UNPACKED:
                raise DataError("is larger when unpacked than it may be", where=where)
            for part in parts:
                if part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise DataError("is packed in a way that is not read here", where=where)
                if "/" in part.filename or "\\" in part.filename or part.filename in ("", ".", ".."):
                    raise DataError(f"has a file whose name leads elsewhere: {part.filename[:60]!r}", where=where)
            return {part.filename: archive.read(part) for part in parts}
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError, OSError) as error:
        raise DataError("is no bundle", where=where, remedy="take another copy") from error
