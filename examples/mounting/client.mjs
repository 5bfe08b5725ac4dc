// A client for the terminal: logs in, joins a room, and sends what you type to the
// others in it. "websocket" or "polling" restricts it to one transport.
//
//   node client.mjs http://localhost:3000 ada [websocket|polling]
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const [url = "http://localhost:3000", user = "ada", transport] = process.argv.slice(2);

// A browser would keep the cookie by itself.
const response = await fetch(new URL("/login", url), { method: "POST", body: new URLSearchParams({ user }) });
if (!response.ok) throw new Error(`login: ${response.status} ${await response.text()}`);
const cookie = response.headers.getSetCookie().map((c) => c.split(";")[0]).join("; ");

const socket = io(url, {
  extraHeaders: { cookie },
  transports: transport ? [transport] : ["polling", "websocket"],
});
socket.on("connect", async () => {
  const { user, server, transport } = await socket.emitWithAck("whoami");
  const members = await socket.emitWithAck("join", "terminal");
  console.log(`connected as ${user} to ${server || "the server"} over ${transport}, ${members} in the room`);
});
socket.on("connect_error", (err) => console.log(`cannot connect: ${err.message} ${err.context?.responseText ?? ""}`));
socket.on("disconnect", (reason) => console.log(`disconnected: ${reason}`));
socket.on("said", ({ from, text }) => console.log(`${from}: ${text}`));

for await (const text of createInterface({ input: process.stdin })) {
  await socket.emitWithAck("say", "terminal", text);
}
socket.disconnect();
