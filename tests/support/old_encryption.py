"""Old workbooks that are encrypted with RC4, in both ways that Excel has had.

RC4 encrypts as it decrypts, so that the library's own functions do both.
"""

import io
import struct
from hashlib import md5, sha1

import olefile
import xlwt
from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
from cryptography.hazmat.primitives.ciphers import Cipher
from msoffcrypto.method import rc4, rc4_cryptoapi
from msoffcrypto.method.rc4 import DocumentRC4
from msoffcrypto.method.rc4_cryptoapi import DocumentRC4CryptoAPI
from support.ole_files import ole_file

_SALT, _VERIFIER = bytes(range(16)), bytes(range(100, 116))
_KEY_BITS = 128
_BOF, _FILE_PASS, _SHEET = 0x0809, 0x002F, 0x0085
_PLAIN = (_BOF, _FILE_PASS, 0x0194, 0x0195, 0x00E1, 0x0196, 0x0138)


def encrypted_workbook(stream: bytes, password: str, *, crypto_api: bool) -> bytes:
    """The stream of a workbook, encrypted."""
    head = encryption_header(password, crypto_api=crypto_api)
    record = struct.pack("<HH", _FILE_PASS, 2 + len(head)) + b"\x01\0" + head
    records = list(_records(stream))
    plain, hidden = bytearray(), bytearray()
    mask = bytearray()
    for number, (kind, data) in enumerate(records):
        content = bytearray(data)
        if kind == _SHEET:
            (place,) = struct.unpack_from("<I", content)
            struct.pack_into("<I", content, 0, place + len(record))
        clear = len(content) if kind in _PLAIN else 4 if kind == _SHEET else 0
        plain += struct.pack("<HH", kind, len(content)) + content
        mask += b"\1" * (4 + clear) + bytes(len(content) - clear)
        if number == 0:
            plain += record
            mask += b"\1" * len(record)
    hidden = encrypt(bytes(plain), password, crypto_api=crypto_api, block=1024)
    return bytes(
        clear if shown else secret
        for clear, secret, shown in zip(plain, hidden, mask, strict=True)
    )


def protected_workbook() -> bytes:
    """A workbook that Excel only protects against changes: it opens without a password."""
    book, plain = xlwt.Workbook(), io.BytesIO()
    book.add_sheet("One").write(0, 0, "cell")
    book.save(plain)
    with olefile.OleFileIO(plain) as file:
        stream = file.openstream("Workbook").read()
    protected = encrypted_workbook(stream, "VelvetSweatshop", crypto_api=True)
    return ole_file({"Workbook": protected})


def encryption_header(password: str, *, crypto_api: bool) -> bytes:
    """The versions, and what a password is checked with."""
    if not crypto_api:
        key = rc4._makekey(password, _SALT, 0)
        verifier = _rc4(key, _VERIFIER + md5(_VERIFIER).digest())
        return struct.pack("<HH", 1, 1) + _SALT + verifier
    key = rc4_cryptoapi._makekey(password, _SALT, _KEY_BITS, 0)
    name = "Microsoft Enhanced Cryptographic Provider v1.0\0".encode("utf-16-le")
    header = struct.pack("<8I", 4, 0, 0x6801, 0x8004, _KEY_BITS, 1, 0, 0) + name
    verifier = _rc4(key, _VERIFIER + sha1(_VERIFIER).digest())
    return (
        struct.pack("<HHII", 2, 2, 4, len(header))
        + header
        + struct.pack("<I", 16)
        + _SALT
        + verifier[:16]
        + struct.pack("<I", 20)
        + verifier[16:]
    )


def encrypt(data: bytes, password: str, *, crypto_api: bool, block: int) -> bytes:
    """A stream, encrypted in blocks."""
    file = io.BytesIO(data)
    if crypto_api:
        decrypt = DocumentRC4CryptoAPI.decrypt
        return decrypt(password, _SALT, _KEY_BITS, file, blocksize=block).read()
    return DocumentRC4.decrypt(password, _SALT, file, blocksize=block).read()


def _rc4(key: bytes, data: bytes) -> bytes:
    return Cipher(ARC4(key), mode=None).encryptor().update(data)


def _records(stream: bytes):
    place = 0
    while place + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, place)
        if not kind and not size:
            return  # the stream is filled up with zeros
        yield kind, stream[place + 4 : place + 4 + size]
        place += 4 + size
