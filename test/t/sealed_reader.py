"""Opens and makes sealed values and blind indexes from their description alone, with another library than mhub's.

Reads one JSON object a line on stdin and answers with one JSON value a line.
"""
import base64
import hashlib
import hmac
import json
import os
import struct
import sys

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

BLOCK = 16


def unwrap(key_file, label, epoch, wrapped):
    """A key from its row: nonce, ciphertext, tag under the epoch's key."""
    epochs = dict(line.split(":") for line in open(key_file).read().split())
    raw = bytes.fromhex(wrapped)
    return AESGCM(base64.b64decode(epochs[str(epoch)])).decrypt(raw[:12], raw[12:], label)


def person_key(ask):
    label = b"mhub.dek1" + struct.pack(">qII", ask["key_id"], 1, ask["epoch"])
    return unwrap(ask["key_file"], label, ask["epoch"], ask["wrapped"])


def associated(header, ask):
    """What the tag vouches for besides the ciphertext."""
    row = ask.get("row_key")
    binding = b"" if row is None else hashlib.sha256(row.encode()).digest()[:16]
    return header + struct.pack(">I", ask["column_id"]) + binding


def open_value(ask):
    raw = bytes.fromhex(ask["sealed"])
    header, nonce, rest = raw[:16], raw[16:28], raw[28:]
    version, algorithm, scope, flags, key_version, key_id = struct.unpack(">BBBBIq", header)
    assert (version, algorithm, scope, key_version, key_id) == (1, 1, 1, 1, ask["key_id"])
    plain = AESGCM(person_key(ask)).decrypt(nonce, rest, associated(header, ask))
    if flags & 1:
        assert len(plain) % BLOCK == 0
        plain = plain[: -plain[-1]]
    return plain.decode()


def seal_value(ask):
    plain = ask["value"].encode()
    if ask["padded"]:
        fill = BLOCK - len(plain) % BLOCK
        plain += bytes([fill]) * fill
    header = struct.pack(">BBBBIq", 1, 1, 1, 1 if ask["padded"] else 0, 1, ask["key_id"])
    nonce = os.urandom(12)
    return (header + nonce + AESGCM(person_key(ask)).encrypt(nonce, plain, associated(header, ask))).hex()


def blind_index(ask):
    label = b"mhub.ring1" + ask["purpose"].encode() + struct.pack(">II", 1, ask["epoch"])
    key = unwrap(ask["key_file"], label, ask["epoch"], ask["wrapped"])
    message = ask["domain"].encode() + b"\0" + ask["value"].encode()
    return "01" + hmac.new(key, message, hashlib.sha256).hexdigest()[:32]


for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps({"open": open_value, "seal": seal_value, "index": blind_index}[request["do"]](request)))
