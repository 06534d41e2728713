"""The password of a PDF: the standard security handler, revision 3, with RC4 and 128 bits. ISO 32000-1, 7.6.3.

Old and weak, but every program reads it, it needs no library, and without the password nothing is legible.
"""

from __future__ import annotations

from hashlib import md5

from paperwork.pdf import Cipher

_PADDING = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")
_PERMISSIONS = -4
_ROUNDS = 50


def locked(password: str, identity: bytes) -> tuple[Cipher, str]:
    """The cipher for a file's streams under this password, and what its trailer has to say. `identity`: 16 bytes."""
    padded = (password.encode("ascii") + _PADDING)[:32]
    owner = _twenty_times(_rounds(_digest(padded)), padded)  # algorithm 3, the owner's password being the same
    permissions = _PERMISSIONS.to_bytes(4, "little", signed=True)
    key = _rounds(_digest(padded + owner + permissions + identity))  # algorithm 2
    user = _twenty_times(key, _digest(_PADDING + identity)).ljust(32, b"\0")  # algorithm 5
    digests = f"/O <{owner.hex()}> /U <{user.hex()}>"
    handler = f"/Encrypt << /Filter /Standard /V 2 /R 3 /Length 128 /P {_PERMISSIONS} {digests} >>"

    def cipher(number: int, content: bytes) -> bytes:  # algorithm 1
        return rc4(_digest(key + number.to_bytes(3, "little") + bytes(2)), content)

    return cipher, f" {handler} /ID [<{identity.hex()}> <{identity.hex()}>]"


def _rounds(digest: bytes) -> bytes:
    for _ in range(_ROUNDS):
        digest = _digest(digest)
    return digest


def _twenty_times(key: bytes, content: bytes) -> bytes:
    for number in range(20):
        content = rc4(bytes(byte ^ number for byte in key), content)
    return content


def _digest(content: bytes) -> bytes:
    return md5(content, usedforsecurity=False).digest()


def rc4(key: bytes, content: bytes) -> bytes:
    """Enciphers and deciphers."""
    state, j, out = list(range(256)), 0, bytearray()
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    i = j = 0
    for byte in content:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)
