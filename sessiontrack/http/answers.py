"""Answers: JSON bytes made once, long lists streamed, pages with their headers."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import chain, islice
from threading import Lock
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

import orjson
from flask import Response, request

from sessiontrack.database import Transaction, read_transaction
from sessiontrack.database.transactions import limit_reads
from sessiontrack.http.etags import JSON, tag_of, tagged_answer
from sessiontrack.values.record_files import BOM, encode_cells

CSV = "text/csv"
CHUNK = 1000
# So many rows are put together before they are sent: 2.5 MB, and no count of them has to be asked for.
WHOLE = 10_000
# Held while rows beyond the first CHUNK are read and written: several long answers at once would delay short
# ones, and are as fast one after another.
LONG = Lock()
# To hash a long answer takes longer than to send it to this host.
MOST_TAGGED = 128 << 10
# Rows as JSON, with commas between them.
Written = Callable[[list[Any]], bytes]
PAGING_HEADERS = {
    "X-Total-Count": {"schema": {"type": "integer"}, "description": "How many there are in all."},
    "Link": {
        "schema": {"type": "string"},
        "description": "rel=next and rel=prev, where there are such pages.",
    },
}
FILE_HEADERS = {"Content-Disposition": {"schema": {"type": "string"}, "description": "With the file's name."}}


def answer(body: object) -> Response:
    """A JSON answer."""
    return json_answer(orjson.dumps(body))


def json_answer(body: bytes) -> Response:
    """An answer that is JSON already; a GET's has a tag, for polling clients."""
    if request.method == "GET" and len(body) <= MOST_TAGGED:
        return tagged_answer(body, tag_of(body))
    return Response(body, mimetype=JSON)


def objects(rows: list[dict[str, Any]]) -> bytes:
    """Rows as JSON, with commas between them."""
    return orjson.dumps(rows)[1:-1]


def texts(rows: Iterable[str]) -> bytes:
    """The same of rows that are JSON already."""
    return ",".join(rows).encode()


def list_answer(
    rows: Callable[[Transaction], Iterator[Any]],
    count: Callable[[Transaction], int],
    *,
    limit: int | None,
    offset: int,
    written: Written = objects,
    field: str = "",
    about: Mapping[str, object] = MappingProxyType({}),
) -> Response:
    """A list with its paging headers; longer than WHOLE rows, in pieces of CHUNK.

    Rows and count come from one read transaction, which lasts until the last piece is sent.

    Args:
        rows: what is asked for: from offset on, at most limit.
        count: how many there are without limit and offset; called only where the rows do not tell.
        written: how some of them become JSON.
        field: the one that has the rows, in an object; without it the answer is the list.
        about: that object's other fields.
    """
    opening, closing = _around(field, about)
    if limit is None:
        limit_reads(None)
    with ExitStack() as stack:
        tx = stack.enter_context(read_transaction())
        wanted = rows(tx)
        first = list(islice(wanted, CHUNK))
        found, pieces = len(first), [written(first)]
        while len(first) == CHUNK and found < WHOLE and (more := _next_piece(wanted, written)):
            found += more[0]
            pieces.append(more[1])
        is_last_page = found < min(limit or WHOLE, WHOLE) and (found > 0 or not offset)
        total = offset + found if is_last_page else count(tx)
        body = opening + b",".join(pieces)
        if found < WHOLE:
            response = json_answer(body + closing)
        else:
            response = Response(_pieces(body, wanted, written, closing), mimetype=JSON)
            response.call_on_close(stack.pop_all().close)
    return paged(response, limit, offset, total)


def _around(field: str, about: Mapping[str, object]) -> tuple[bytes, bytes]:
    """What stands around the rows, which are written piece by piece."""
    if not field:
        return b"[", b"]"
    before, _, after = orjson.dumps({"success": True, **about, field: []}).rpartition(b"[]")
    return before + b"[", b"]" + after


def paged(response: Response, limit: int | None, offset: int, total: int) -> Response:
    """The answer with its paging headers."""
    response.headers["X-Total-Count"] = str(total)
    if links := _links(limit, offset, total):
        response.headers["Link"] = links
    return response


def csv_answer(
    rows: Callable[[Transaction], Iterator[Sequence[str]]], columns: Sequence[str], name: str
) -> Response:
    """Rows of cells as a file to download, read while it is sent.

    It begins with a byte order mark: without one a spreadsheet takes UTF-8 for something else.
    """
    limit_reads(None)
    with ExitStack() as stack:
        tx = stack.enter_context(read_transaction())
        pieces = encode_cells(rows(tx), columns)
        # What can go wrong goes wrong here, and is answered as an error.
        first = BOM + next(pieces, b"")
        response = Response(chain([first], pieces), mimetype=CSV)
        response.call_on_close(stack.pop_all().close)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _pieces(first: bytes, rest: Iterator[Any], written: Written, closing: bytes) -> Iterator[bytes]:
    yield first
    # Sent without the lock: a client may be slow.
    while more := _next_piece(rest, written):
        yield b"," + more[1]
    yield closing


def _next_piece(rest: Iterator[Any], written: Written) -> tuple[int, bytes] | None:
    """How many rows, and their JSON; None after the last one."""
    with LONG:
        rows = list(islice(rest, CHUNK))
        return (len(rows), written(rows)) if rows else None


def _links(limit: int | None, offset: int, total: int) -> str:
    """The neighbouring pages, as paths: behind a proxy this host's name may not be the client's."""
    pages = []
    if limit is not None and offset + limit < total:
        pages.append(("next", offset + limit))
    if limit is not None and offset > 0:
        pages.append(("prev", max(0, offset - limit)))
    return ", ".join(f'<{_page_address(start, limit)}>; rel="{name}"' for name, start in pages)


def _page_address(offset: int, limit: int | None) -> str:
    # Beside a DataTables' length, start is a row too; alone it is an instant.
    placing = {"limit", "offset", "page", *(("start", "length") if "length" in request.args else ())}
    kept = [(k, v) for k, v in request.args.items(multi=True) if k not in placing]
    query = urlencode([*kept, ("limit", limit), ("offset", offset)])
    return f"{request.script_root}{request.path}?{query}"
