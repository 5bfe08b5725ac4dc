// The driver runs JavaScript clients for the Go tests. These are its commands, see
// internal/nodepeer:
//
//   {"id":1,"do":"open","args":{"client":"c1","library":"socket.io-client","url":"http://...","options":"{ auth: {} }"}}
//   {"id":2,"do":"run","args":{"client":"c1","code":"socket.emit('hi', args[0])","args":["you"]}}
//   {"id":3,"do":"close","args":{"client":"c1"}}
//
// It also says what happens on the clients:
//
//   {"client":"c1","event":"connect","args":[]}
//
// What JSON lacks, plain in common.mjs replaces.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { evaluate, say, serve } from "../../internal/nodepeer/driver.mjs";
import { bytes, plain, sha256, wait } from "./common.mjs";

const libraries = {};
for (const name of ["socket.io-client", "sc403", "sc313"]) {
  libraries[name] = await import(name);
}
libraries.sc250 = { io: (await import("sc250")).default };
const engine = await import("engine.io-client");
const require = createRequire(import.meta.url);

const clients = new Map(); // by name: what open has made

// What the code of a command sees besides socket, manager and args.
const scope = {
  assert,
  engine,
  libraries,
  once,
  // parser3 is the codec of sc250 for Engine.IO 3.
  parser3: require(require.resolve("engine.io-parser", { paths: [require.resolve("sc250")] })),
  wait,
  bytes,
  sha256,
};

// record reports what happens on a socket. Acknowledgement functions are left
// out of the arguments.
function record(client, socket) {
  const report = (event, args) =>
    say({ client, event, args: args.filter((a) => typeof a !== "function").map(plain) });
  if (socket.onAny) {
    socket.onAny((event, ...args) => report(event, args));
  } else {
    const { onevent } = socket; // version 2
    socket.onevent = (packet) => {
      report(packet.data[0], packet.data.slice(1));
      onevent.call(socket, packet);
    };
    socket.on("error", (err) => report("error", [err]));
  }
  socket.on("connect", () => report("connect", []));
  socket.on("connect_error", (err) => report("connect_error", [err]));
  socket.on("disconnect", (reason) => report("disconnect", [reason]));
}

// recordEngine is record for a socket of engine.io-client.
function recordEngine(client, socket) {
  for (const event of ["open", "message", "upgrade", "ping", "pong", "error", "close"]) {
    socket.on(event, (...args) => say({ client, event, args: args.slice(0, 1).map(describe) }));
  }
}

// describe names a transport and leaves other values as they are.
const describe = (v) => (v instanceof engine.Transport ? v.name : plain(v));

// inUse reports whether a manager has sockets that want to be connected.
const inUse = (manager) => Object.values(manager.nsps).some((socket) => socket.active ?? socket.connected);

const commands = {
  // open makes a socket that is not connected yet: a manager of its own, or a
  // namespace of another client's manager.
  async open({ client, library, url, options, sharing, namespace }) {
    const own = await evaluate(options || "{}", scope);
    if (library === "engine.io-client") {
      const socket = new engine.Socket(url, own);
      recordEngine(client, socket);
      clients.set(client, { socket });
      return;
    }
    let socket;
    if (sharing) {
      socket = clients.get(sharing).manager.socket(namespace, own);
      if (!own.auth) delete socket.auth;
    } else {
      socket = libraries[library].io(url, { forceNew: true, autoConnect: false, reconnectionDelay: 20, ...own });
    }
    record(client, socket);
    clients.set(client, {
      socket,
      manager: socket.io,
      // ask resolves with the arguments of the acknowledgement.
      ask: (event, ...args) => new Promise((resolve) => socket.emit(event, ...args, (...answer) => resolve(answer))),
    });
  },

  async run({ client, code, args }) {
    return evaluate(code, { ...scope, ...clients.get(client), args });
  },

  async close({ client }) {
    const { socket } = clients.get(client);
    clients.delete(client);
    socket.offAny?.();
    socket.off();
    const connection = socket.io?.engine ?? socket;
    (socket.disconnect ?? socket.close).call(socket);
    // What it sends last has left when this is answered.
    if (!socket.io || !inUse(socket.io)) {
      await wait(() => connection.readyState === undefined || connection.readyState === "closed");
    }
  },

  async versions() {
    const version = (name) =>
      JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url))).version;
    return Object.fromEntries([...Object.keys(libraries), "engine.io-client"].map((name) => [name, version(name)]));
  },
};

await serve(commands, plain);
