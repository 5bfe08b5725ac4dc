"""A client of python-socketio for the Go tests: sync or asyncio.

    client.py sync|asyncio URL TRANSPORTS

It connects, exchanges events, acknowledgements and binary data with the server
of TestPython, and prints what it sees: one JSON array per line.
"""
import asyncio
import json
import sys
import threading

import socketio

KINDS = ["ünï 👋 \u2028", 0, -1, 2**53 - 1, 1.5, 1e21, 1e-7, True, None, [], {}, {"a": [None, {"b": []}]}]
DATA = bytes(range(256)) * 300


def say(*values):
    print(json.dumps(values), flush=True)


def sync(url, transports):
    # This client decodes each message in a thread of its own, and goes wrong when that of
    # an attachment comes first. So the threads do not take turns unless one waits.
    sys.setswitchinterval(60)
    sio = socketio.Client(reconnection=False)  # its threads may see the end twice, and one of them reconnect
    news, done, gone = [], threading.Event(), threading.Event()

    @sio.event
    def connect():
        say("connect")

    @sio.event
    def disconnect():
        gone.set()

    @sio.on("news")
    def on_news(*args):
        news.append(args)
        if len(news) == 100:
            done.set()

    @sio.on("question")
    def on_question(text, data):
        return text.upper(), data[::-1]

    sio.connect(url, transports=transports, auth={"token": "s3cret"}, headers={"X-Team": "red"},
                namespaces=["/", "/chat"], wait_timeout=20)
    assert sio.call("echo", tuple(KINDS), timeout=20) == KINDS
    assert sio.call("swap", DATA, timeout=20) == DATA
    assert sio.call("nested", {"data": DATA, "list": [b"a", b""]}, timeout=20) == {"data": DATA, "list": [b"a", b""]}
    say("where", sio.call("where", timeout=20), sio.call("where", namespace="/chat", timeout=20))
    say("asked", sio.call("ask me", timeout=20))
    sio.emit("burst", 100)
    assert done.wait(20)
    assert news == [(i, b"n") for i in range(100)], news
    say("transport", sio.transport())
    sio.emit("goodbye")
    assert gone.wait(20)
    say("disconnect")


async def asynchronous(url, transports):
    sio = socketio.AsyncClient(reconnection=False)
    news, done, gone = [], asyncio.Event(), asyncio.Event()

    @sio.event
    async def connect():
        say("connect")

    @sio.event
    async def disconnect():
        gone.set()

    @sio.on("news")
    async def on_news(*args):
        news.append(args)
        if len(news) == 100:
            done.set()

    @sio.on("question")
    async def on_question(text, data):
        return text.upper(), data[::-1]

    await sio.connect(url, transports=transports, auth={"token": "s3cret"}, headers={"X-Team": "red"},
                      namespaces=["/", "/chat"], wait_timeout=20)
    assert await sio.call("echo", tuple(KINDS), timeout=20) == KINDS
    assert await sio.call("swap", DATA, timeout=20) == DATA
    nested = {"data": DATA, "list": [b"a", b""]}
    assert await sio.call("nested", nested, timeout=20) == nested
    say("where", await sio.call("where", timeout=20), await sio.call("where", namespace="/chat", timeout=20))
    say("asked", await sio.call("ask me", timeout=20))
    await sio.emit("burst", 100)
    await asyncio.wait_for(done.wait(), 20)
    assert sorted(news) == [(i, b"n") for i in range(100)], news  # its handlers are tasks
    say("transport", sio.transport())
    await sio.emit("goodbye")
    await asyncio.wait_for(gone.wait(), 20)
    say("disconnect")


if __name__ == "__main__":
    kind, url, transports = sys.argv[1], sys.argv[2], sys.argv[3].split(",")
    if kind == "sync":
        sync(url, transports)
    else:
        asyncio.run(asynchronous(url, transports))
