// What the drivers share.
import { createHash } from "node:crypto";

// plain returns v with what JSON lacks replaced: binary data is
// {"$binary":"<base64>"}, an error is {"$error":"<message>"} with its data and
// context, undefined is {"$undefined":true}.
export function plain(v) {
  if (v === undefined) return { $undefined: true };
  if (v === null || typeof v !== "object") return v;
  if (v instanceof ArrayBuffer) return { $binary: Buffer.from(v).toString("base64") };
  if (ArrayBuffer.isView(v)) {
    return { $binary: Buffer.from(v.buffer, v.byteOffset, v.byteLength).toString("base64") };
  }
  if (v instanceof Error) {
    const e = { $error: v.message };
    if (v.data !== undefined) e.data = plain(v.data);
    if (v.description !== undefined && typeof v.description !== "object") e.description = v.description;
    return e;
  }
  if (Array.isArray(v)) return v.map(plain);
  if (typeof v.toJSON === "function") return v.toJSON();
  return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, plain(x)]));
}

// wait resolves when the condition holds; the test that asked has the deadline.
export async function wait(condition) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

// bytes returns n bytes that are the same in the Go tests.
export function bytes(n) {
  const b = Buffer.alloc(n);
  for (let i = 0; i < n; i++) b[i] = i * 7 + (i >> 8);
  return b;
}

export const sha256 = (data) => createHash("sha256").update(data).digest("hex");
