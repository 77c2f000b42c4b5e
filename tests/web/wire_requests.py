"""Requests as bytes, in the pieces they are sent in: plain ones, odd ones, and plain ones changed at random."""

from __future__ import annotations

import random

HOST = b"Host: a.example\r\n"
BODY = b'{"update_id": 1}'
SMUGGLED = b"GET /smuggled HTTP/1.1\r\n\r\n"
PLAIN = {
    "a click": (b"GET /go/red1?utm_source=fb&x=%20 HTTP/1.1\r\n" + HOST + b"User-Agent: Mozilla/5.0 (X)\r\nCookie: a=1; b=2\r\n\r\n",),
    "no fields": (b"GET / HTTP/1.1\r\n\r\n",),
    "percent signs": (b"GET /a%2Fb%C3%A9%zz;p=1?q=%41?& HTTP/1.1\r\n" + HOST + b"\r\n",),
    "a zero byte with a percent sign": (b"GET /a%00b?c=%00 HTTP/1.1\r\n" + HOST + b"\r\n",),
    "spaces around a value": (b"GET / HTTP/1.1\r\nHost: \t a.example \t\r\nX-Empty:\r\nX-Blank: \r\nx-lower-case: \xe9\r\n\r\n",),
    "keep-alive": (b"GET / HTTP/1.1\r\n" + HOST + b"Connection: Keep-Alive\r\n\r\n",),
    "a long line": (b"GET /?" + b"a" * 3900 + b" HTTP/1.1\r\n\r\n",),
    "a long field": (b"GET / HTTP/1.1\r\nCookie: " + b"a" * 7000 + b"\r\n\r\n",),
    "as many fields as may be": (b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(100)) + b"\r\n",),
    "odd names": (b"GET / HTTP/1.1\r\nX!#$%&'*+.^`|~: 1\r\n\r\n",),
    "head in pieces": (b"GET / HT", b"TP/1.1\r\nHost: a", b".example\r\nX-", b"A:", b" 1\r", b"\n\r", b"\n"),
    "a body": (b"POST /webhook/a HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: 16\r\n\r\n" + BODY,),
    "a body of its own": (b"POST /a HTTP/1.1\r\n" + HOST + b"Content-Length: 16\r\n\r\n", BODY[:5], BODY[5:]),
    "a body with GET": (b"GET /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi",),
    "a body that looks like a request": (b"POST /a HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED,),
    "no body of stated length": (b"POST /a HTTP/1.1\r\nContent-Length: 0\r\n\r\n",),
    "a length with zeros before it": (b"POST /a HTTP/1.1\r\nContent-Length: 00002\r\n\r\nhi",),
}  # fmt: skip
ODD = {
    "HTTP/1.0": (b"GET / HTTP/1.0\r\n" + HOST + b"\r\n",),
    "HTTP/1.0 that stays": (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",),
    "HTTP/0.9": (b"GET /\r\n\r\n",),
    "HTTP/1.2": (b"GET / HTTP/1.2\r\n\r\n",),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",),
    "another protocol": (b"GET / RTSP/1.0\r\n\r\n",),
    "small letters": (b"get / http/1.1\r\n\r\n",),
    "asked to close": (b"GET / HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",),
    "asked for two things": (b"GET / HTTP/1.1\r\n" + HOST + b"Connection: keep-alive, close\r\n\r\n",),
    "a field called hop by hop": (b"GET / HTTP/1.1\r\nConnection: X-A\r\nX-A: 1\r\n\r\n",),
    "upgrade": (b"GET / HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n\r\n",),
    "upgrade to HTTP/2": (b"GET / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",),
    "upgrade without saying so": (b"GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n",),
    "a tunnel": (b"CONNECT b.example:443 HTTP/1.1\r\n" + HOST + b"\r\n",),
    "chunked": (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",),
    "chunked in pieces": (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2", b"\r\nh", b"i\r\n0\r\n", b"\r\n"),
    "chunked with an extension and a trailer": (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nhi\r\n0\r\nX-A: 1\r\n\r\n",),
    "chunked with a length in the trailer": (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 9\r\n\r\n",),
    "chunked and measured": (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nhi\r\n0\r\n\r\n",),
    "measured and chunked": (b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,),
    "chunked in capitals": (b"POST / HTTP/1.1\r\nTransfer-Encoding: CHUNKED\r\n\r\n2\r\nhi\r\n0\r\n\r\n",),
    "chunked twice": (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",),
    "chunked in two fields": (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",),
    "almost chunked": (b"POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\nContent-Length: 2\r\n\r\nhi",),
    "chunked behind a tab": (b"POST / HTTP/1.1\r\nTransfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n",),
    "chunked behind a folded line": (b"POST / HTTP/1.1\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",),
    "chunked before a colon": (b"POST / HTTP/1.1\r\nTransfer-Encoding : chunked\r\nContent-Length: 2\r\n\r\nhi",),
    "chunked with an underscore": (b"POST / HTTP/1.1\r\nTransfer_Encoding: chunked\r\nContent-Length: 2\r\n\r\nhi",),
    "chunks with signs": (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n+2\r\nhi\r\n0\r\n\r\n",),
    "chunks with 0x": (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\nhi\r\n0\r\n\r\n",),
    "chunks with bare line feeds": (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\nhi\n0\n\n",),
    "other codings": (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\nContent-Length: 2\r\n\r\nhi",),
    "TE": (b"GET / HTTP/1.1\r\nTE: trailers\r\n\r\n",),
    "two lengths": (b"POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!",),
    "one length twice": (b"POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi",),
    "one length twice in a field": (b"POST / HTTP/1.1\r\nContent-Length: 2, 2\r\n\r\nhi",),
    "two lengths in a field": (b"POST / HTTP/1.1\r\nContent-Length: 2,3\r\n\r\nhi!",),
    "a length with an underscore": (b"POST / HTTP/1.1\r\nContent_Length: 2\r\n\r\nhi",),
    "a length with a sign": (b"POST / HTTP/1.1\r\nContent-Length: +2\r\n\r\nhi",),
    "a negative length": (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",),
    "a length in hexadecimal": (b"POST / HTTP/1.1\r\nContent-Length: 0x2\r\n\r\nhi",),
    "a length in parts": (b"POST / HTTP/1.1\r\nContent-Length: 1_0\r\n\r\n0123456789",),
    "a length of other digits": (b"POST / HTTP/1.1\r\nContent-Length: \xb2\r\n\r\nhi",),
    "no length": (b"POST / HTTP/1.1\r\nContent-Length:\r\n\r\n",),
    "a length of many digits": (b"POST / HTTP/1.1\r\nContent-Length: " + b"0" * 5000 + b"2\r\n\r\nhi",),
    "a long body": (b"POST / HTTP/1.1\r\nContent-Length: 70000\r\n\r\n", b"x" * 70000),
    "a long body that nobody reads": (b"POST /unread HTTP/1.1\r\nContent-Length: 200000\r\n\r\n", b"x" * 200000, SMUGGLED),
    "a body behind its length": (b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi!",),
    "a body without length": (b"GET / HTTP/1.1\r\n\r\nhi",),
    "expecting": (b"POST / HTTP/1.1\r\nExpect: tea\r\nContent-Length: 2\r\n\r\nhi",),
    "expecting a go": (b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n", b"hi"),
    "a field twice": (b"GET / HTTP/1.1\r\nX-A: 1\r\nx-a: 2\r\n\r\n",),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",),
    "underscore": (b"GET / HTTP/1.1\r\nX_Forwarded_For: 1.2.3.4\r\nHost: a\r\n\r\n",),
    "space before the colon": (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",),
    "tab before the colon": (b"GET / HTTP/1.1\r\nHost\t: a\r\n\r\n",),
    "no name": (b"GET / HTTP/1.1\r\n: a\r\n\r\n",),
    "no colon": (b"GET / HTTP/1.1\r\nHost\r\n\r\n",),
    "a name beyond ASCII": (b"GET / HTTP/1.1\r\nX-\xe9: a\r\n\r\n",),
    "folded": (b"GET / HTTP/1.1\r\nX-A: 1\r\n 2\r\n\r\n",),
    "folded with a tab": (b"GET / HTTP/1.1\r\nX-A: 1\r\n\t2\r\n\r\n",),
    "folded at once": (b"GET / HTTP/1.1\r\n X-A: 1\r\nHost: a\r\n\r\n",),
    "bare line feed": (b"GET / HTTP/1.1\nHost: a\n\n",),
    "bare line feed behind the line": (b"GET / HTTP/1.1\nHost: a\r\n\r\n",),
    "bare line feed in a value": (b"GET / HTTP/1.1\r\nX-A: 1\nX-B: 2\r\n\r\n",),
    "bare line feed at the end": (b"GET / HTTP/1.1\r\nX-A: 1\r\n\n",),
    "bare return": (b"GET / HTTP/1.1\rHost: a\r\r",),
    "bare return in a value": (b"GET / HTTP/1.1\r\nX-A: 1\rX-B: 2\r\n\r\n",),
    "two returns": (b"GET / HTTP/1.1\r\r\nHost: a\r\n\r\n",),
    "an empty line before": (b"\r\nGET / HTTP/1.1\r\n" + HOST + b"\r\n",),
    "two empty lines before": (b"\r\n\r\nGET / HTTP/1.1\r\n" + HOST + b"\r\n",),
    "a space before": (b" GET / HTTP/1.1\r\n" + HOST + b"\r\n",),
    "two spaces": (b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n",),
    "a tab": (b"GET\t/ HTTP/1.1\r\n" + HOST + b"\r\n",),
    "a space behind": (b"GET / HTTP/1.1 \r\n" + HOST + b"\r\n",),
    "a space in the path": (b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n",),
    "zero byte": (b"GET / HTTP/1.1\r\nX-A: 1\x002\r\n\r\n",),
    "zero byte in the path": (b"GET /a\x00b HTTP/1.1\r\n" + HOST + b"\r\n",),
    "delete in a value": (b"GET / HTTP/1.1\r\nX-A: 1\x7f2\r\n\r\n",),
    "fragment": (b"GET /a#b HTTP/1.1\r\n" + HOST + b"\r\n",),
    "absolute": (b"GET http://b.example/a HTTP/1.1\r\n" + HOST + b"\r\n",),
    "absolute with a user": (b"GET http://a@b.example:80/a?c HTTP/1.1\r\n" + HOST + b"\r\n",),
    "two slashes": (b"GET //b.example/a HTTP/1.1\r\n" + HOST + b"\r\n",),
    "no slash": (b"GET a HTTP/1.1\r\n" + HOST + b"\r\n",),
    "an asterisk": (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",),
    "a question mark alone": (b"GET ?a HTTP/1.1\r\n" + HOST + b"\r\n",),
    "a byte beyond ASCII": (b"GET /\xe9 HTTP/1.1\r\n" + HOST + b"\r\n",),
    "letters beyond ASCII": ("GET /ação HTTP/1.1\r\n\r\n".encode(),),
    "another method": (b"DELETE /a HTTP/1.1\r\n" + HOST + b"\r\n",),
    "a method of one's own": (b"BREW /a HTTP/1.1\r\n" + HOST + b"\r\n",),
    "too many fields": (b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(101)) + b"\r\n",),
    "a longer line": (b"GET /?" + b"a" * 8150 + b" HTTP/1.1\r\n\r\n",),
    "too long a line": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n",),
    "a line without end": (b"GET /" + b"a" * 8300,),
    "a longer field": (b"GET / HTTP/1.1\r\nX-A: " + b"a" * 8180 + b"\r\n\r\n",),
    "too long a field": (b"GET / HTTP/1.1\r\nX-A: " + b"a" * 9000 + b"\r\n\r\n",),
    "a field without end": (b"GET / HTTP/1.1\r\nX-A: " + b"a" * 20000,),
    "half a head": (b"GET / HTTP/1.1\r\nHost: a",),
    "no request": (b"\x16\x03\x01\x02\x00\x01\r\n\r\n",),
    "nothing": (b"",),
    "one behind another": (b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\nConnection: close\r\n\r\n",),
    "an odd one behind a plain one": (b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\nHost: a\n\n",),
    "half of one behind another": (b"GET /1 HTTP/1.1\r\n\r\nGET /2 HT", b"TP/1.1\r\n\r\n"),
    "one behind a body": (b"POST /1 HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi" + SMUGGLED,),
    "an empty line behind": (b"GET /1 HTTP/1.1\r\n\r\n\r\n",),
}  # fmt: skip
CUT_SHORT = {
    "a body": (b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nhi",),
    "a long body": (b"POST / HTTP/1.1\r\nContent-Length: 70000\r\n\r\n", b"x" * 69999),
    "a body behind a request": (b"GET /1 HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nhi",),
    "a length beyond numbers": (b"POST / HTTP/1.1\r\nContent-Length: 18446744073709551618\r\n\r\nhi",),
    "a chunk": (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhi",),
    "between chunks": (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",),
}  # fmt: skip

_FIELDS = [
    b"Host: a.example", b"Connection: keep-alive", b"X-A:\t1 ", b"X-B: \xff", b"Cookie: a=1", b"Content-Type: text/plain",
    b"X-Forwarded-Proto: https", b"Accept:", b"X-Long: " + b"z" * 2000,
]  # fmt: skip
_CHANGES = [bytes((byte,)) for byte in b"\x00\t\n\v\r #%,-/0:;?_\x7f\x85\xa0\xff"] + [
    b"", b"\r\n", b"\r\n ", b"\r\n\r\n", b"//", b"Content-Length: 2\r\n", b"\r\nTransfer-Encoding: chunked", b"\r\nHost: b",
    b"\r\nContent-Length : 0", b"\r\nExpect: 100-continue", b"\r\nConnection: close", b"\r\nUpgrade: h2c", b"\r\n\r\nGET /2 HTTP/1.1\r\n\r\n",
]  # fmt: skip


def changed(chance: random.Random) -> bytes:
    """A plain request, or one that a byte or a line was added to, changed in or taken from."""
    body = chance.choice((b"", b"hi", SMUGGLED))
    fields = chance.sample(_FIELDS, chance.randrange(5)) + [b"Content-Length: %d" % len(body)] * bool(body)
    chance.shuffle(fields)
    line = chance.choice((b"GET /a?b", b"POST /a%00", b"HEAD /", b"GET /hop", b"POST /;p=[")) + b" HTTP/1.1"
    head = b"\r\n".join([line, *fields, b"", b""])
    if chance.random() < 0.6:
        at, added = chance.randrange(len(head)), chance.choice(_CHANGES)
        head = head[:at] + added + head[at + chance.randrange(2) :]
    return head + body
