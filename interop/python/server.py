"""The driver runs servers of python-socketio for the tests of the Go client.

It reads commands from standard input and writes to standard output what
js/server.mjs does: see there.
"""
import asyncio
import base64
import json
import logging
import os
import ssl
import sys
import tempfile
import textwrap
import traceback

import socketio
from aiohttp import web

servers = {}  # by name: what open has made
memories = {}  # by name: what a server remembers when it is opened again


def say(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def plain(v):
    """Replaces what JSON lacks."""
    if isinstance(v, (bytes, bytearray)):
        return {"$binary": base64.b64encode(v).decode()}
    if isinstance(v, (list, tuple)):
        return [plain(x) for x in v]
    if isinstance(v, dict):
        return {k: plain(x) for k, x in v.items()}
    return v


class Body:
    """The body of a request, as python-engineio reads it: at once."""

    def __init__(self, data):
        self.data = data

    async def read(self, n):
        return self.data[:n]


@web.middleware
async def whole(request, handler):
    """Waits for the whole body of a request: python-engineio 4.3 takes for the body what has arrived when it looks."""
    if request.method == "POST":
        request._payload = Body(await request.read())
    return await handler(request)


def query(environ):
    return dict(environ["aiohttp.request"].query)


def headers(environ):
    return {k.lower(): v for k, v in environ["aiohttp.request"].headers.items()}


def add_app(sio, memory, tell):
    for name in ["/", "/chat", "/news"]:
        add_namespace(sio, memory, tell, name)


def add_namespace(sio, memory, tell, name):
    def on(event):
        return sio.on(event, namespace=name)

    def conn(sid):
        return sio.manager.eio_sid_from_sid(sid, name)

    @on("connect")
    async def connect(sid, environ, auth=None):
        if auth and "deny" in auth:
            raise socketio.exceptions.ConnectionRefusedError("denied", {"code": auth["deny"], "bytes": ["ü"]})
        tell("connect", name, sid, auth or {})

    @on("disconnect")
    async def disconnect(sid):
        tell("disconnect", name, sid, "")

    @on("echo")
    async def echo(sid, *args):
        await sio.emit("echo", args, to=sid, namespace=name)

    @on("ask")
    async def ask(sid, *args):
        return args

    @on("who")
    async def who(sid):
        environ = sio.environ[conn(sid)]
        return {"id": sid, "conn": conn(sid), "namespace": name, "transport": sio.eio.transport(conn(sid)),
                "query": query(environ), "headers": headers(environ)}

    @on("question")
    async def question(sid, *args):
        answered = asyncio.get_running_loop().create_future()
        await sio.emit("question", args, to=sid, namespace=name, callback=lambda *answer: answered.set_result(answer))
        answer = await asyncio.wait_for(answered, 20)
        await sio.emit("answered", (True, *answer), to=sid, namespace=name)

    @on("burst")
    async def burst(sid, n):
        for i in range(n):
            await sio.emit("news", (i, bytes([i % 256]) if i % 10 == 0 else "text"), to=sid, namespace=name)

    @on("item")
    async def item(sid, i, *rest):
        memory["items"].append(i)
        tell("item", i)
        return i

    @on("nth")
    async def nth(sid, i, n):
        memory["items"].append(i)
        tell("item", i)
        if memory["items"].count(i) >= n:
            return i
        return sio.not_handled

    @on("items")
    async def items(sid):
        return memory["items"]

    @on("quiet")
    async def quiet(sid, *args):
        tell("quiet", len(args))
        return sio.not_handled

    @on("kick")
    async def kick(sid):
        await sio.disconnect(sid, namespace=name)

    @on("close")
    async def close(sid):
        await sio.eio.disconnect(conn(sid))


async def evaluate(code, scope):
    """Runs code, an expression or the body of an async function."""
    try:
        compile(code, "", "eval")
        code = "return " + code
    except SyntaxError:
        pass
    exec("async def body():\n" + textwrap.indent(code, "    "), scope)
    return await scope["body"]()


async def open_server(server, port=0, cert=None, key=None, path="/socket.io/", pingInterval=25000, pingTimeout=20000,
                      maxPayload=1000000, transports=None, cookie=None, options=None, code=None):
    memory = memories.setdefault(server, {"items": []})

    def tell(event, *args):
        say({"server": server, "event": event, "args": plain(args)})

    own = {"ping_interval": pingInterval / 1000, "ping_timeout": pingTimeout / 1000, "max_http_buffer_size": maxPayload,
           "cookie": cookie, "transports": transports}
    if options:
        own.update(await evaluate(options, {}))
    sio = socketio.AsyncServer(async_mode="aiohttp", **own)
    add_app(sio, memory, tell)
    app = web.Application(middlewares=[whole], client_max_size=1 << 30)
    sio.attach(app, socketio_path=path)
    scope = {"sio": sio, "memory": memory, "tell": tell, "asyncio": asyncio}
    if code:
        await evaluate(code, scope)
    context = None
    if cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
            file.write(cert + key)
            file.flush()
            context.load_cert_chain(file.name)
    while True:  # the port may be in use for a moment when the server is opened again
        runner = web.AppRunner(app, handle_signals=False, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context, shutdown_timeout=0.1).start()
            break
        except OSError:
            await runner.cleanup()
            if not port:
                raise
            await asyncio.sleep(0.005)
    servers[server] = (runner, scope)
    return runner.addresses[0][1]


async def run(server, code, args=()):
    return await evaluate(code, {**servers[server][1], "args": args})


async def close_server(server, crash=False, forget=False):
    runner, scope = servers.pop(server)
    if forget:
        memories.pop(server)
    sio = scope["sio"]
    for socket in list(sio.eio.sockets.values()):
        if crash:
            socket.closing = socket.closed = True
        else:
            await socket.close(wait=False)
        socket.queue.put_nowait(None)
    if crash:
        for connection in list(runner.server.connections):
            if connection.transport:
                connection.transport.abort()
    # Sessions that nobody will ask for again keep no task alive but this one.
    sio.eio.service_task_handle = None
    await runner.cleanup()


commands = {"open": open_server, "run": run, "close": close_server}


async def execute(command):
    try:
        value = await commands[command["do"]](**command["args"])
        say({"id": command["id"], "value": plain(value)})
    except Exception:
        say({"id": command["id"], "error": traceback.format_exc()})


async def main():
    # They report connections that tests have broken.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader(limit=1 << 26)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    tasks = set()
    async for line in lines:
        task = asyncio.create_task(execute(json.loads(line)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


if __name__ == "__main__":
    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    sys.stdout.flush()
    os._exit(0)  # whatever tasks are left
