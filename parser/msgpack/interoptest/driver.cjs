// The driver runs JavaScript for the Go tests. It reads commands from standard
// input and writes answers to standard output, one JSON object per line:
//
//   {"id":1,"code":"encode({ type: 2, data: args, nsp: '/' })","args":["e"]}
//   {"id":1,"value":...} or {"id":1,"error":"..."}
//
// The code is an expression or the body of an async function. JSON lacks some
// values: see plain. It ends when standard input does.
"use strict";
const assert = require("node:assert/strict");
const { createInterface } = require("node:readline");
const { io } = require("socket.io-client");
const browserDecode = require("notepack.io/browser/decode");
const browserEncode = require("notepack.io/browser/encode");
const parser = require("socket.io-msgpack-parser");

// plain returns v with what JSON lacks replaced.
function plain(v) {
  if (v === undefined) return { $undefined: true };
  if (typeof v === "number" && !Number.isFinite(v)) return { $number: String(v) };
  if (v === null || typeof v !== "object") return v;
  if (v instanceof Date) return { $date: v.getTime() };
  if (v instanceof ArrayBuffer) return { $arrayBuffer: Buffer.from(v).toString("base64") };
  if (ArrayBuffer.isView(v)) return { $buffer: Buffer.from(v.buffer, v.byteOffset, v.byteLength).toString("base64") };
  if (v instanceof Error) return { $error: v.message, data: plain(v.data) };
  if (Array.isArray(v)) return v.map(plain);
  return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, plain(x)]));
}

const base64 = (data) => Buffer.from(data).toString("base64");

// decode returns the packet that base64 text is.
function decode(text) {
  let packet;
  const decoder = new parser.Decoder();
  decoder.on("decoded", (p) => (packet = p));
  decoder.add(Buffer.from(text, "base64"));
  return packet;
}

const scope = {
  assert,
  parser,
  decode,
  encode: (packet) => base64(new parser.Encoder().encode(packet)[0]),
  // refusal returns why a packet is refused.
  refusal: (text) => {
    try {
      decode(text);
    } catch (err) {
      return err.message;
    }
    return "";
  },
  browserDecode: (text) => browserDecode(new Uint8Array(Buffer.from(text, "base64"))),
  browserEncode: (value) => base64(browserEncode(value)),
  // connect returns a client's socket.
  connect: (url, options) => io(url, { forceNew: true, reconnection: false, ...options }),
  // next resolves with the arguments of an emitter's next event.
  next: (emitter, event) => new Promise((resolve) => emitter.once(event, (...args) => resolve(args))),
};

const AsyncFunction = (async () => {}).constructor;

async function evaluate(code, args) {
  const all = { ...scope, args };
  let f;
  try {
    f = new AsyncFunction(...Object.keys(all), `return (${code}\n)`);
  } catch {
    f = new AsyncFunction(...Object.keys(all), code);
  }
  return f(...Object.values(all));
}

const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { id, code, args } = JSON.parse(line);
    // Not awaited: a command that waits must not hold up the others.
    evaluate(code, args).then(
      (value) => say({ id, value: plain(value) }),
      (err) => say({ id, error: String(err?.stack ?? err) }),
    );
  })
  .on("close", () => process.exit(0));
