"""Files sealed to a lawyer in the format of age (https://age-encryption.org/v1), by the package pyrage.

The lawyer makes the key once, with `age-keygen` or any other program of that format, and opens files with `age` itself:
e2ev is not needed for it. Inside are X25519, HKDF-SHA-256 and ChaCha20-Poly1305; nothing of it is written here.
"""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from e2ev.errors import DataError, WrongKeyError
from e2ev.storage.disk import read_descriptor, reading
from e2ev.storage.keyfile import check_private

FIRST_LINE = b"age-encryption.org/v1\n"
_INSTALL = "pip install 'e2ev[age]', or seal with a passphrase"


def seal_to(data: bytes, recipients: Sequence[str]) -> bytes:
    """Return data that only the holders of the keys behind `recipients` (age1…) can open.

    Raises:
        DataError: pyrage is not installed, or a recipient is none.
    """
    _need_pyrage()
    import pyrage
    from pyrage import x25519

    if not recipients:
        raise DataError("nobody is named who could open it", remedy="name the lawyer's key, which begins with age1")
    try:
        keys = [x25519.Recipient.from_str(text.strip()) for text in recipients]
    except pyrage.RecipientError as error:
        raise DataError("is no key to seal to", remedy="it begins with age1; ask the lawyer for it again") from error
    return pyrage.encrypt(data, keys)


def open_sealed(data: bytes, identity: str) -> bytes:
    """Return what was sealed to the key whose secret half (AGE-SECRET-KEY-1…) this is.

    Raises:
        DataError: pyrage is not installed.
        WrongKeyError: It was sealed to another key, or a byte was changed.
    """
    _need_pyrage()
    import pyrage
    from pyrage import x25519

    try:
        return pyrage.decrypt(data, [x25519.Identity.from_str(identity.strip())])
    except (pyrage.IdentityError, pyrage.DecryptError) as error:
        raise WrongKeyError("does not open with this key, or was changed", remedy="take another key") from error


def is_age(data: bytes) -> bool:
    """Return whether these bytes are sealed in this format."""
    return data.startswith(FIRST_LINE)


def read_identity(path: Path) -> str:
    """Return the secret key in a file as `age-keygen` writes it: the first line that is no comment.

    Raises:
        WrongKeyError: There is none, or others can read the file.
    """
    with reading(path) as descriptor:
        check_private(descriptor, path)
        text = read_descriptor(descriptor, path, 64 << 10).decode("utf-8", "replace")
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            return line.strip()
    raise WrongKeyError("holds no key", where=str(path), remedy="name the file that age-keygen wrote")


def _need_pyrage() -> ModuleType:
    try:
        import pyrage
    except ImportError as error:
        raise DataError("sealing to a key needs the package pyrage", remedy=_INSTALL) from error
    return pyrage
