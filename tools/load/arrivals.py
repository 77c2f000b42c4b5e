"""An open loop on gevent: visitor N comes N / rate seconds after the first, however long the answers to the others take."""

from __future__ import annotations

import time

import gevent
from gevent.pool import Pool

from tools.load.journey import Book, Get, Order, Post, click, slug_of, talk

PATIENCE_SECONDS = 30.0  # for those who are still on their way when the last one has come


def receive(order: Order, get: Get, post: Post) -> Book:
    """Let all visitors of an order come; what they saw."""
    book, pool, began = Book(), Pool(), time.monotonic()
    for number in range(order.visitors):
        due = began + number / order.rate
        if due > began + order.seconds:
            break
        gevent.sleep(max(0.0, due - time.monotonic()))
        pool.spawn(_visit, order, number, due, book, get, post)
    book.seconds = time.monotonic() - began
    pool.join(PATIENCE_SECONDS)
    pool.kill()
    return book


def _visit(order: Order, number: int, due: float, book: Book, get: Get, post: Post) -> None:
    book.late.append((time.monotonic() - due) * 1000)
    status, location = click(order, number, get)
    book.clicks.append((slug_of(order, number), status, (time.monotonic() - due) * 1000))
    if status == 302:
        talk(order, number, location, book, post)
