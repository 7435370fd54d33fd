"""What can go wrong, by what has to happen next. Every message is a sentence for a person."""

from __future__ import annotations


def sentence(text: str) -> str:
    """`text` with a capital at its beginning and a full stop at its end."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


class MusterError(Exception):
    """Base of everything that Muster raises on purpose."""

    @property
    def text(self) -> str:
        """The message itself: where it was made by t(), it can be said in another language."""
        message: str = self.args[0] if self.args else ""
        return message


class ConfigurationError(MusterError):
    """The operator has to change something before Muster can start. Exit code 2."""


class Refusal(MusterError):
    """A person asked for something that the rules do not allow; nothing was changed.

    `code` is stable (group_not_found, group_full, …); the message is what the person reads.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class TemporaryError(MusterError):
    """Trying again later is likely to work. `retry_after` is in seconds where Discord gave one."""

    def __init__(
        self, message: str, *, kind: str = "temporary", retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.retry_after = retry_after


class PermanentError(MusterError):
    """Trying again is pointless until something changes: a right, a channel, a setting."""

    def __init__(self, message: str, *, kind: str = "permanent") -> None:
        super().__init__(message)
        self.kind = kind


class UnsafePlan(PermanentError):
    """A plan would take access from suspiciously many people without an explanation."""

    def __init__(self, message: str) -> None:
        super().__init__(message, kind="unsafe_plan")
