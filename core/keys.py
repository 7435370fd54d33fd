"""The server's keys: what encrypts secrets in the database, and what signs links.

Nothing secret is stored in the clear: a link's token is a signature over what the link opens, and
passwords, refresh tokens and addresses are sealed. The first key seals and signs; the others still
open and still check, so that a key is changed by putting the new one in front.
"""

from __future__ import annotations

import base64
import hmac
import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.errors import ConfigurationError, PermanentError
from core.words import t

SHORTEST = 32  # characters; `secrets.token_urlsafe(32)` makes 43 with 256 bits
_TOKEN = 20  # bytes of a signature that stand in a link: 160 bits, 32 characters


class Keys:
    """`secrets`: the operator's keys, newest first. `links`: signs where there are none."""

    def __init__(self, secrets: Sequence[str], links: str = "") -> None:
        """Raises ConfigurationError where a key is too short to be one."""
        if any(len(secret) < SHORTEST for secret in secrets):
            raise ConfigurationError(
                f"MUSTER_KEYS has a key with fewer than {SHORTEST} characters. Make one with: "
                'python3 -c "import secrets; print(secrets.token_urlsafe(32))"'
            )
        sealing = [Fernet(base64.urlsafe_b64encode(_derive(s, "seal"))) for s in secrets]
        self._cipher = MultiFernet(sealing) if sealing else None
        self._signing = [_derive(secret, "sign") for secret in (*secrets, links) if secret]

    @property
    def can_seal(self) -> bool:
        """Whether the operator set a key: without one, no secret of anybody is taken."""
        return self._cipher is not None

    def seal(self, text: str) -> bytes:
        """`text` as it may stand in the database. Raises PermanentError without a key."""
        if self._cipher is None:
            raise PermanentError(_no_key(), kind="no_key")
        return self._cipher.encrypt(text.encode())

    def open(self, sealed: bytes) -> str:
        """What was sealed. Raises PermanentError where its key is no longer among ours."""
        if self._cipher is None:
            raise PermanentError(_no_key(), kind="no_key")
        try:
            return self._cipher.decrypt(sealed).decode()
        except InvalidToken as error:
            raise PermanentError(
                t("The key that this was stored with is not in MUSTER_KEYS any more."),
                kind="no_key",
            ) from error

    def again(self, sealed: bytes) -> bytes:
        """The same, sealed with the first key. Raises PermanentError like `open`."""
        return self.seal(self.open(sealed))

    def sign(self, purpose: str, message: str) -> str:
        """A token of 32 characters (a-z, 2-7) that only a holder of the keys can make."""
        return _signature(self._signing[0], purpose, message)

    def verify(self, purpose: str, message: str, token: str) -> bool:
        """Whether one of the keys signed this; takes as long for a wrong token as for a right."""
        given = token.encode()
        right = [
            hmac.compare_digest(_signature(key, purpose, message).encode(), given)
            for key in self._signing
        ]
        return any(right)


def load(secrets: str, data_dir: Path) -> Keys:
    """The keys of MUSTER_KEYS (separated by commas, newest first).

    Links are signed even where there is none, with a key that is made once in `data_dir`. Raises
    ConfigurationError.
    """
    given = [part.strip() for part in secrets.split(",") if part.strip()]
    return Keys(given, "" if given else _own_key(data_dir / "links.key"))


def _own_key(file: Path) -> str:
    """The key in `file`, made there on first use; only its owner may read it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return file.read_text(encoding="ascii").strip()
    key = base64.urlsafe_b64encode(os.urandom(32)).decode()
    with os.fdopen(handle, "w", encoding="ascii") as out:
        out.write(key)
    return key


def _derive(secret: str, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose: what seals tells nothing about what signs."""
    derivation = HKDF(SHA256(), length=32, salt=None, info=f"muster {purpose}".encode())
    return derivation.derive(secret.encode())


def _signature(key: bytes, purpose: str, message: str) -> str:
    digest = hmac.digest(key, f"{purpose}\0{message}".encode(), sha256)
    return base64.b32encode(digest[:_TOKEN]).decode().lower()


def _no_key() -> str:
    return t("Whoever runs Muster has to set MUSTER_KEYS first: secrets are never stored openly.")
