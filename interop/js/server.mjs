// The driver runs JavaScript servers for the tests of the Go client. These are its
// commands, see internal/nodepeer:
//
//   {"id":1,"do":"open","args":{"server":"s1","port":0,"options":"{ cookie: true }"}}, answered with the port
//   {"id":2,"do":"run","args":{"server":"s1","code":"io.emit('hi', args[0])","args":["you"]}}
//   {"id":3,"do":"close","args":{"server":"s1","crash":true}}
//
// A server that was closed may be opened again. It also says what happens on the
// servers:
//
//   {"server":"s1","event":"connect","args":["/","<id>",{"token":"x"}]}
//
// What JSON lacks, plain in common.mjs replaces.
import { createServer as createHTTP } from "node:http";
import { createServer as createHTTPS } from "node:https";
import { once } from "node:events";
import { createRequire } from "node:module";
import { evaluate, say, serve } from "../../internal/nodepeer/driver.mjs";
import { bytes, plain, sha256, wait } from "./common.mjs";

const require = createRequire(import.meta.url);
const { Server } = require("socket.io");
const { WebSocketServer } = require("ws");
const scope = { bytes, msgpack: require("socket.io-msgpack-parser"), once, sha256, wait };

const servers = new Map(); // by name: what open has made
const memories = new Map(); // by name: what a server remembers when it is opened again

const engineOptions = ({ path, pingInterval, pingTimeout, maxPayload, transports, cookie }) =>
  Object.fromEntries(
    Object.entries({ path, pingInterval, pingTimeout, maxHttpBufferSize: maxPayload, transports, cookie }).filter(
      ([, v]) => v !== undefined,
    ),
  );

// app is what python/server.py has, too.
function app(io, memory, tell) {
  for (const name of ["/", "/chat", "/news"]) {
    io.of(name).use((socket, next) => {
      const { deny } = socket.handshake.auth;
      if (deny === undefined) return next();
      next(Object.assign(new Error("denied"), { data: { code: deny, bytes: ["ü"] } }));
    });
    io.of(name).on("connection", (socket) => {
      tell("connect", name, socket.id, socket.handshake.auth);
      socket.on("disconnect", (reason) => tell("disconnect", name, socket.id, reason));
      socket.on("echo", (...args) => socket.emit("echo", ...args));
      socket.on("ask", (...args) => args.pop()(...args));
      socket.on("quiet", (...args) => tell("quiet", args.length));
      socket.on("who", (ack) =>
        ack({
          id: socket.id,
          conn: socket.conn.id,
          namespace: name,
          transport: socket.conn.transport.name,
          query: { ...socket.handshake.query },
          headers: socket.handshake.headers,
        }),
      );
      // The server asks the client and tells it what it has answered.
      socket.on("question", (...args) =>
        socket
          .timeout(20000)
          .emit("question", ...args, (err, ...answer) => socket.emit("answered", err === null, ...answer)),
      );
      socket.on("burst", (n) => {
        for (let i = 0; i < n; i++) socket.emit("news", i, i % 10 === 0 ? Buffer.from([i]) : "text");
      });
      socket.on("item", (i, ...rest) => {
        memory.items.push(i);
        tell("item", i);
        rest.at(-1)?.call?.(undefined, i);
      });
      // An item that is acknowledged when it comes for the nth time.
      socket.on("nth", (i, n, ack) => {
        memory.items.push(i);
        tell("item", i);
        if (memory.items.filter((other) => other === i).length >= n) ack?.(i);
      });
      socket.on("items", (ack) => ack(memory.items));
      socket.on("kick", () => socket.disconnect());
      socket.on("close", () => socket.disconnect(true));
    });
  }
}

const commands = {
  async open({ server, library, port, cert, key, options, code, ...config }) {
    const memory = memories.get(server) ?? { items: [], requests: [] };
    memories.set(server, memory);
    const tell = (event, ...args) => say({ server, event, args: args.map(plain) });
    const notFound = (req, res) => res.writeHead(404).end("nothing here");
    const http = cert ? createHTTPS({ cert, key }, notFound) : createHTTP(notFound);
    const sockets = new Set();
    http.on(cert ? "secureConnection" : "connection", (socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => sockets.delete(socket));
    });
    http.on("request", (req) => memory.requests.push(req.method + " " + req.url));
    const own = { ...engineOptions(config), ...(await evaluate(options || "{}", { ...scope, memory, tell })) };
    let io;
    switch (library) {
      case "none":
        break;
      case "ws": {
        io = new WebSocketServer({ server: http, ...own });
        break;
      }
      case "ss250":
        io = require("ss250")(http, own);
        break;
      default:
        io = new Server(http, own);
        app(io, memory, tell);
    }
    const all = { io, http, memory, tell };
    if (code) await evaluate(code, { ...scope, ...all });
    // The port may be in use for a moment when the server is opened again.
    for (;;) {
      http.listen(port ?? 0, "127.0.0.1");
      try {
        await once(http, "listening");
        break;
      } catch (err) {
        if (err.code !== "EADDRINUSE") throw err;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
    servers.set(server, { ...all, sockets });
    return http.address().port;
  },

  async run({ server, code, args }) {
    return evaluate(code, { ...scope, ...servers.get(server), args });
  },

  // close closes a server: in an orderly way, or by taking all connections away.
  async close({ server, crash, forget }) {
    const { io, http, sockets } = servers.get(server);
    servers.delete(server);
    if (forget) memories.delete(server);
    const closed = once(http, "close");
    http.close();
    if (crash) {
      for (const socket of sockets) socket.resetAndDestroy?.() ?? socket.destroy();
    }
    io?.close(() => {});
    for (const client of io?.clients instanceof Set ? io.clients : []) client.terminate();
    http.closeIdleConnections();
    // What it sends last has left when clients have had the chance to close.
    const timer = setTimeout(() => sockets.forEach((socket) => socket.destroy()), 200);
    await closed;
    clearTimeout(timer);
  },
};

// A test that it matters to waits in vain for something else.
process.on("unhandledRejection", (err) => console.error(err));

await serve(commands, plain);
