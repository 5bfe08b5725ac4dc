// The driver of the tests of cluster codecs. It answers the commands
//
//   {"id":1,"do":"corpus"}                                   what the adapters and emitters write
//   {"id":2,"do":"decode","args":{"adapter":"sharded","wire":"<base64>"}}   what an adapter reads
//   {"id":3,"do":"receive","args":{"adapter":"sharded","wire":"<base64>"}}  what an adapter does
//   {"id":4,"do":"ask","args":{"adapter":"sharded","what":"fetch"}}         a request, and what it sends
//   {"id":5,"do":"answer","args":{"adapter":"sharded","wires":["<base64>"]}}  its result, with these answers
//
// The adapters and emitters are those of the npm packages. Their databases are replaced by objects
// that record what is sent, and IDs are counted instead of chosen at random.
import { createRequire } from "node:module";
import { EventEmitter } from "node:events";
import { serve } from "../../internal/nodepeer/driver.mjs";

const require = createRequire(import.meta.url);
const crypto = require("crypto");

// Random IDs are predictable, so that the corpus is always the same.
let drawn = 0;
crypto.randomBytes = (n) => {
  const bytes = Buffer.alloc(n, 0x5a);
  bytes[n - 1] = 0x40 + (drawn++ % 26);
  return bytes;
};

// On a busy machine the adapters wait for answers a minute, not five seconds.
const setTimeoutOf = globalThis.setTimeout;
globalThis.setTimeout = (f, ms, ...args) => setTimeoutOf(f, 12 * ms, ...args);

const { Server } = require("socket.io");
const { createAdapter: createClassic, createShardedAdapter } = require("@socket.io/redis-adapter");
const { createAdapter: createStreams } = require("@socket.io/redis-streams-adapter");
const { createAdapter: createPostgres } = require("@socket.io/postgres-adapter");
const { Emitter: RedisEmitter } = require("@socket.io/redis-emitter");
const { Emitter: PostgresEmitter } = require("@socket.io/postgres-emitter");
const notepack = require(require.resolve("notepack.io", { paths: [require.resolve("@socket.io/redis-adapter")] }));
const msgpack = require("@msgpack/msgpack");

const tick = () => new Promise((resolve) => setImmediate(resolve));

// text is what JSON.stringify makes of a value, with binary data replaced by placeholders and
// collected.
function text(value, attachments) {
  const replace = (v) => {
    if (v === null || typeof v !== "object") return v;
    if (v instanceof ArrayBuffer) v = new Uint8Array(v);
    if (ArrayBuffer.isView(v)) {
      attachments.push(Buffer.from(v.buffer, v.byteOffset, v.byteLength).toString("base64"));
      return { _placeholder: true, num: attachments.length - 1 };
    }
    if (typeof v.toJSON === "function") return v.toJSON();
    if (Array.isArray(v)) return v.map(replace);
    return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, replace(x)]));
  };
  return JSON.stringify(replace(value));
}

// body is the neutral body of a list of arguments.
function body(args) {
  const attachments = [];
  return { json: text(args, attachments), attachments };
}

const isJSON = (wire) => wire[0] === 0x7b;
const unpack = { notepack: (wire) => notepack.decode(wire), msgpack: (wire) => msgpack.decode(wire) };

// read returns the message of a wire, as the adapter reads it.
function read(adapter, wire) {
  switch (adapter) {
    case "classic":
    case "sharded":
      return isJSON(wire) ? JSON.parse(wire.toString()) : unpack.notepack(wire);
    case "json":
      return JSON.parse(wire.toString());
    case "pack":
      return unpack.msgpack(wire);
    case "entry": {
      const entry = JSON.parse(wire.toString());
      const message = { uid: entry.uid, nsp: entry.nsp, type: parseInt(entry.type, 10) };
      if (entry.data) {
        message.data = entry.data.startsWith("{") ? JSON.parse(entry.data) : unpack.msgpack(Buffer.from(entry.data, "base64"));
      }
      return message;
    }
  }
}

// meaning returns the body of a message.
function meaning(adapter, message) {
  if (message.attachmentId) return undefined; // the message is elsewhere
  if (Array.isArray(message)) return body(message[1].data);
  const { type } = message;
  if (adapter === "classic") {
    if (type === 6) return message.uid ? body(message.data) : body("data" in message ? [message.data] : []);
    if (type === 7) return body(message.packet.data);
    if (type === 9) return body("packet" in message ? [message.packet] : []);
    return undefined;
  }
  const { data } = message;
  if (type === 3) return body(data.packet.data);
  if (type === 9) return body(data.packet);
  if (type === 10 || type === 12) return body("packet" in data ? [data.packet] : []);
  return undefined;
}

const binary = Buffer.from("0102ff", "hex");

// The arguments of events. Those of binary make messages binary that may be.
const values = {
  nothing: [],
  scalars: [1, null, true, false, "", 1.5, -1.5, 0, -0],
  integers: [127, 128, 255, 256, 65535, 65536, 4294967295, 4294967296, -1, -32, -33, -128, -129, -32768, -32769, -2147483648, -2147483649,
    Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
  floats: [0.1, 1e-7, -1e-300, 5e-324, 123456.789],
  text: ["é€😀", "\u2028\u2029<>&", "\u0000\u0001\b\f\n\r\t\u001f\u007f\"\\/", "x".repeat(31), "x".repeat(32), "y".repeat(255), "y".repeat(256)],
  nested: [{ a: { b: [[], {}, [{ c: 1 }]] }, "": 0, "ключ": "значение", 1: "one" }, Array.from({ length: 16 }, (_, i) => i),
    Object.fromEntries(Array.from({ length: 16 }, (_, i) => ["k" + i, { i }]))],
  undefined: [undefined, { a: undefined, b: 1 }, [undefined]],
  placeholder: [{ _placeholder: true, num: 0 }],
};
const binaries = {
  buffer: [binary],
  nested: [{ image: binary, list: [1, [Buffer.alloc(0)]], n: null, f: 1.5, i: 4294967296, s: "é€😀" }, Buffer.alloc(255, 1)],
  array: [new Uint8Array([7, 8, 9]), "text"],
  large: [Buffer.alloc(256, 2), Array.from({ length: 17 }, (_, i) => -i * 1000)],
};

// What a Go node does not write in the same way: see the documentation of package nodewire.
const lossy = {
  dates: [new Date(1700000000123), { at: new Date(0), far: new Date(8.64e15), past: new Date(-1) }, binary],
  integers: [2 ** 53, 2 ** 63, -(2 ** 63), 1e19, 1e20, binary],
  floats: [1e300, Number.MAX_VALUE, NaN, Infinity, binary],
  undefined: [{ a: undefined }, binary],
  memory: [new Uint8Array([1, 2, 3]).buffer, binary],
};

// record makes a list of what is sent, in the form of the corpus.
class Recorder {
  constructor(adapter) {
    this.adapter = adapter;
    this.wires = [];
    this.label = "start";
    this.isLossy = false;
  }
  add(wire, adapter = this.adapter, channel = undefined) {
    wire = Buffer.from(wire);
    const entry = { adapter, name: this.label, channel, lossy: this.isLossy || undefined };
    entry[isJSON(wire) ? "text" : "wire"] = wire.toString(isJSON(wire) ? "utf8" : "base64");
    const b = meaning(adapter, read(adapter, wire));
    if (b) entry.body = b.json;
    if (b?.attachments.length) entry.attachments = b.attachments;
    this.wires.push(entry);
  }
}

function redis(recorder) {
  const client = new EventEmitter();
  client.publish = async (channel, wire) => recorder.add(wire, recorder.pubsub ?? recorder.adapter, channel);
  client.sPublish = async (channel, wire) => recorder.add(wire, recorder.adapter, channel);
  client.xAdd = async (channel, id, entry) => recorder.add(JSON.stringify(entry), "entry", channel);
  client.pSubscribe = client.subscribe = client.sSubscribe = client.sUnsubscribe = client.pUnsubscribe = client.unsubscribe = async () => {};
  client.xRead = () => new Promise(() => {});
  client.connect = client.disconnect = async () => {};
  client.duplicate = () => redis(new Recorder());
  client.sendCommand = async () => ["channel", 3];
  client.on("error", () => {});
  return client;
}

function postgres(recorder) {
  const client = Object.assign(new EventEmitter(), { query: async () => ({ rows: [] }), release() {} });
  let id = 6;
  return {
    connect: async () => client,
    query: async (sql, args) => {
      if (sql.includes("pg_notify")) recorder.add(args[1], "json", args[0]);
      if (sql.startsWith("INSERT")) {
        recorder.add(args[0], "pack");
        return { rows: [{ id: String(++id) }] };
      }
      return { rows: [] };
    },
  };
}

// operate does on a server what makes its adapter send messages.
async function operate(io, recorder) {
  const nsp = io.of("/chat");
  // IDs of adapters are chosen when they are made.
  const step = async (label, f) => {
    recorder.label = label;
    f();
    for (let i = 0; i < 5; i++) await tick();
  };
  await step("to all", () => io.emit("hi"));
  await step("namespace", () => nsp.emit("hi", 1));
  await step("rooms", () => io.to("r1").except("r2").volatile.compress(false).emit("hi"));
  await step("several rooms", () => io.to(["a", "", "7", "é\"\\", "s".repeat(20)]).except(["x", "y"]).emit("hi", 1));
  await step("escapes", () => io.of('/a"\\é').to('q"\\').emit('ev"ent'));
  for (const [name, args] of Object.entries(values)) await step("values " + name, () => io.emit("event", ...args));
  for (const [name, args] of Object.entries(binaries)) await step("binary " + name, () => io.to("r").emit("event", ...args));
  recorder.isLossy = true;
  for (const [name, args] of Object.entries(lossy)) await step("lossy " + name, () => io.to("r").emit("event", ...args));
  await step("lossy flags", () => io.to("r").compress(true).emit("event"));
  recorder.isLossy = false;
  await step("acks", () => io.timeout(500).to("r").emit("ask", 1, () => {}));
  await step("binary acks", () => io.timeout(500).emit("ask", binary, () => {}));
  await step("join", () => io.in("r1").socketsJoin(["x", "y"]));
  await step("leave", () => io.in(["r1", "r2"]).except("r3").socketsLeave("x"));
  await step("disconnect", () => io.in("r1").disconnectSockets(true));
  await step("disconnect from namespace", () => io.disconnectSockets());
  await step("fetch", () => void io.in("r1").fetchSockets().catch(() => {}));
  await step("server-side emit", () => io.serverSideEmit("ev", 1, { a: 2 }));
  await step("server-side emit with ack", () => io.serverSideEmit("ev", 1, () => {}));
}

// answer makes the adapter of a server's main namespace answer requests. request turns what a cluster
// adapter receives into what this one does.
async function answer(io, recorder, receive) {
  const adapter = io.of("/").adapter;
  const handshake = { headers: { "user-agent": "x" }, time: "now", address: "127.0.0.1", xdomain: false, secure: false, issued: 1700000000123, url: "/socket.io/", query: { EIO: "4" }, auth: { token: "t" } };
  let reply;
  const socket = (id, data) => {
    const acks = new Map();
    const client = { writeToEngine: () => { for (const f of acks.values()) f(reply); acks.clear(); } };
    return { id, handshake, rooms: new Set([id, "r"]), data, acks, client };
  };
  for (const s of [socket("s".repeat(20), {}), socket("t".repeat(20), { name: "é", n: 1.5, list: [1] })]) {
    io.of("/").sockets.set(s.id, s);
    adapter.addAll(s.id, s.rooms);
  }
  io.on("ask", (value, ack) => ack(value));
  const step = async (label, message) => {
    recorder.label = label;
    receive(adapter, message);
    for (let i = 0; i < 5; i++) await tick();
  };
  const opts = (rooms) => ({ rooms, except: [], flags: {} });
  const requestId = "2f4bb153c1fb73aa";
  await step("fetch response", { type: 7, data: { opts: opts(["r"]), requestId } });
  await step("fetch response, none", { type: 7, data: { opts: opts(["nobody"]), requestId } });
  await step("client count", { type: 3, data: { packet: { type: 2, data: ["e"] }, requestId, opts: opts(["nobody"]) } });
  for (const [name, value] of Object.entries({ number: 1, text: "é", null: null, object: { a: [1] }, array: [1, 2], undefined: undefined, binary, nested: { b: binary } })) {
    reply = value;
    await step("ack " + name, { type: 3, data: { packet: { type: 2, data: ["e"] }, requestId, opts: opts(["s".repeat(20)]) } });
    if (!recorder.isClassic || (name !== "binary" && name !== "nested")) {
      await step("server-side answer " + name, { type: 9, data: { requestId, packet: ["ask", value] } });
    }
  }
}

// classicRequest turns a request of a cluster adapter into one of the classic adapter.
function classicRequest(adapter, message) {
  const { data } = message;
  const request = { uid: "peerid", requestId: data.requestId };
  if (message.type === 7) Object.assign(request, { type: 5, opts: data.opts });
  if (message.type === 3) Object.assign(request, { type: 7, packet: data.packet, opts: data.opts });
  if (message.type === 9) Object.assign(request, { type: 6, data: data.packet });
  adapter.onrequest(adapter.requestChannel, notepack.encode(request));
}

const receiveMessage = (adapter, message) => adapter.onMessage({ uid: "b0ec62430e44b1c9", nsp: "/", ...message });

// emitters makes an emitter send messages.
async function emit(emitter, recorder) {
  const step = async (label, f) => {
    recorder.label = "emitter " + label;
    f();
    for (let i = 0; i < 5; i++) await tick();
  };
  await step("to a room", () => emitter.to("r").emit("e", 1));
  await step("namespace", () => emitter.of("/chat").volatile.except("x").emit("e", binary));
  await step("join", () => emitter.in("r").socketsJoin("x"));
  await step("leave", () => emitter.in("r").socketsLeave(["x", "y"]));
  await step("disconnect", () => emitter.except("r").disconnectSockets(true));
  await step("server-side emit", () => emitter.serverSideEmit("ev", 1));
}

async function corpus() {
  drawn = 0;
  const wires = [];
  const server = async (recorder, factory, receive) => {
    const io = new Server({ adapter: factory });
    if (recorder.adapter === "json") {
      recorder.label = "heartbeat";
      receiveMessage(io.of("/").adapter, { type: 1 });
    }
    await operate(io, recorder);
    await answer(io, recorder, receive);
    recorder.label = "close";
    for (const nsp of io._nsps.values()) nsp.adapter.close();
    for (let i = 0; i < 5; i++) await tick();
    wires.push(...recorder.wires);
  };
  const classic = Object.assign(new Recorder("classic"), { isClassic: true });
  await server(classic, createClassic(redis(classic), redis(new Recorder())), classicRequest);
  const sharded = new Recorder("sharded");
  await server(sharded, createShardedAdapter(redis(sharded), redis(new Recorder())), receiveMessage);
  const streams = new Recorder("pack");
  await server(streams, createStreams(redis(streams)), receiveMessage);
  const pg = new Recorder("json");
  await server(pg, createPostgres(postgres(pg)), receiveMessage);

  const classicEmitter = new Recorder("classic");
  await emit(new RedisEmitter(redis(classicEmitter)), classicEmitter);
  const postgresEmitter = new Recorder("json");
  postgresEmitter.isLossy = true; // without a namespace
  await emit(new PostgresEmitter(postgres(postgresEmitter)), postgresEmitter);
  wires.push(...classicEmitter.wires, ...postgresEmitter.wires);
  return wires;
}

// servers have one client each, a socket without a connection that is in the room r.
const servers = {};
for (const [adapter, factory] of Object.entries({
  classic: (r) => createClassic(redis(r), redis(new Recorder())),
  sharded: (r) => createShardedAdapter(redis(r), redis(new Recorder())),
  pack: (r) => createStreams(redis(r)),
  json: (r) => createPostgres(postgres(r)),
})) {
  const recorder = new Recorder(adapter);
  const io = new Server({ adapter: factory(recorder) });
  const nsp = io.of("/");
  const effects = [];
  const acks = new Map();
  const socket = {
    id: "s".repeat(20),
    handshake: { headers: {}, time: "now" },
    rooms: new Set(["s".repeat(20), "r"]),
    data: { name: "é" },
    acks,
    join: (rooms) => effects.push(["join", [...rooms]]),
    leave: (room) => effects.push(["leave", room]),
    disconnect: (close) => effects.push(["disconnect", close]),
    client: {
      writeToEngine: (packets, { volatile, compress }) => {
        effects.push(["packet", packets.map((p) => (typeof p === "string" ? p.replace(/^2\d+/, "2N") : p.toString("base64"))), volatile ?? false, compress ?? true]);
        for (const [id, f] of acks) f(binary), acks.delete(id);
      },
    },
  };
  nsp.sockets.set(socket.id, socket);
  nsp.adapter.addAll(socket.id, socket.rooms);
  io.on("ev", (...args) => {
    const ack = typeof args.at(-1) === "function" ? args.pop() : undefined;
    effects.push(["ev", args]);
    ack?.({ got: args.length });
  });
  servers[adapter] = { nsp, adapter: nsp.adapter, recorder, effects };
}
servers.entry = servers.pack;

// receive gives a wire to an adapter, as its database would, and returns what the adapter did: its
// effects on the client and the server, and what it sent.
async function receive({ adapter: name, wire }) {
  const { adapter, recorder, effects } = servers[name];
  wire = Buffer.from(wire, "base64");
  effects.length = recorder.wires.length = 0;
  switch (name) {
    case "classic":
      if (Array.isArray(read("classic", wire))) adapter.onmessage(null, adapter.channel, wire);
      else adapter.onrequest(adapter.requestChannel, wire);
      break;
    case "sharded":
      adapter.onRawMessage(wire, adapter.channel);
      break;
    case "pack":
    case "json":
      adapter.onMessage(read(name, wire));
      break;
    case "entry":
      adapter.onRawMessage(JSON.parse(wire.toString()), "1-1");
      break;
  }
  for (let i = 0; i < 5; i++) await tick();
  return { effects: effects.slice(), sent: recorder.wires.map(({ wire, text }) => wire ?? Buffer.from(text).toString("base64")) };
}

// requests begin what two other servers have to answer.
const requests = {
  fetch: (nsp) => nsp.in("other").fetchSockets().then((all) => all.map(({ id, handshake, rooms, data }) => ({ id, handshake, rooms: [...rooms], data }))),
  emit: (nsp) => new Promise((resolve) => nsp.timeout(5000).to("other").emit("ask", (err, answers) => resolve({ err: err?.message, answers }))),
  serverSideEmit: (nsp) => new Promise((resolve) => nsp.serverSideEmit("other", (err, answers) => resolve({ err: err?.message, answers }))),
};

// ask begins a request and returns what the adapter sends.
async function ask({ adapter: name, what }) {
  const server = servers[name];
  for (const uid of ["one", "two"]) {
    if (name === "json") server.adapter.onMessage({ type: 2, uid, nsp: "/" }); // it counts members by their heartbeats
  }
  server.recorder.wires.length = 0;
  server.result = requests[what](server.nsp);
  for (let i = 0; i < 10; i++) await tick();
  return server.recorder.wires.map(({ wire, text }) => wire ?? Buffer.from(text).toString("base64"));
}

// takeAnswers gives answers to an adapter and returns the result of its request.
async function takeAnswers({ adapter: name, wires }) {
  const { adapter, result } = servers[name];
  for (const text of wires) {
    const wire = Buffer.from(text, "base64");
    if (name === "classic") adapter.onrequest(adapter.responseChannel, wire);
    else if (name === "sharded") adapter.onRawMessage(wire, adapter.responseChannel);
    else adapter.onMessage(read(name, wire));
  }
  return result;
}

// decode returns what the adapter of a name reads in a wire, and the body in it.
function decode({ adapter, wire }) {
  const message = read(adapter, Buffer.from(wire, "base64"));
  return { message, body: meaning(adapter, message) ?? null };
}

await serve({ corpus, decode, receive, ask, answer: takeAnswers });
