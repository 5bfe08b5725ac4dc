// The driver runs JavaScript for the Go tests. See internal/nodepeer in the root of
// the repository for how it gets its one command:
//
//   {"id":1,"do":"run","args":{"code":"encode({ type: 2, data: args, nsp: '/' })","args":["e"]}}
//
// JSON lacks some values: see plain.
import assert from "node:assert/strict";
import browserDecode from "notepack.io/browser/decode.js";
import browserEncode from "notepack.io/browser/encode.js";
import { io } from "socket.io-client";
import parser from "socket.io-msgpack-parser";
import { evaluate, serve } from "../../../internal/nodepeer/driver.mjs";

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

await serve({ run: ({ code, args }) => evaluate(code, { ...scope, args }) }, plain);
