"""The signature of a webhook, as the specification Standard Webhooks 1.0.0 has it."""

import base64
import hashlib
import hmac
import secrets

PREFIX = "whsec_"
KEY_BYTES = 32


def new_secret() -> str:
    """A key that sender and receiver share, as text."""
    return PREFIX + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def sign(secret: str, delivery_id: str, at: int, body: bytes) -> str:
    """The header `webhook-signature`: HMAC-SHA256 of `<id>.<timestamp>.<body>`, after its version."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{delivery_id}.{at}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
