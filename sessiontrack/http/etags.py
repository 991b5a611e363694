"""Answers that name their version: a client that has it already gets 304 without a body.

A tag is strong: the same tag, the same bytes, whichever worker answers. So what changes by itself with every
second must not stand in such a body.
"""

from hashlib import blake2b

from flask import Response, request

JSON = "application/json"
# For the OpenAPI document.
ETAG_HEADER = {
    "ETag": {
        "schema": {"type": "string"},
        "description": "The version of this answer: sent back as If-None-Match, it is answered 304 while it"
        " is the current one.",
    }
}
# An answer is for the user of these headers alone, and is revalidated before each use.
VARIES_BY = "Authorization, Cookie"


def tag_of(body: bytes) -> str:
    """The version of these bytes."""
    return blake2b(body, digest_size=16).hexdigest()


def tagged_answer(body: bytes, tag: str) -> Response:
    """The JSON with its tag, or 304 where the one who asks has that version.

    Args:
        tag: `tag_of(body)`; handed in because a body that is kept was hashed once.
    """
    # Written as they are: Werkzeug's properties read, parse and write each header anew.
    headers = {"ETag": f'"{tag}"', "Cache-Control": "private, no-cache", "Vary": VARIES_BY}
    if "If-None-Match" in request.headers and request.if_none_match.contains_weak(tag):
        response = Response(status=304, headers=headers)
        del response.headers["Content-Type"]
        return response
    return Response(body, headers=headers, mimetype=JSON)
