// The driver runs JavaScript clients for the Go tests. See internal/nodepeer in the
// root of the repository for how it gets its commands.
import http from "node:http";
import https from "node:https";
import { io } from "socket.io-client";
import { serve } from "../../../../internal/nodepeer/driver.mjs";

const clients = new Map(); // by name: socket, the events that came, who waits for one

// agentFor returns an agent that connects from a certain address.
function agentFor(url, localAddress) {
  const { Agent } = url.startsWith("https:") ? https : http;
  return new Agent({ keepAlive: true, localAddress });
}

// happened remembers an event until next asks for it.
function happened(client, event, args) {
  client.events.push({ event, args });
  client.waiting.splice(0).forEach((look) => look());
}

// problem describes the reason of a connect_error: what the client says, and what
// it knows of the answer that it got.
function problem(err) {
  return {
    message: err.message,
    status: typeof err.description === "number" ? err.description : 0,
    body: err.context?.responseText ?? err.description?.message ?? "",
  };
}

const commands = {
  // login does what a page does with a form.
  async login({ url, user, origin }) {
    const response = await fetch(new URL("/login", url), {
      method: "POST",
      body: new URLSearchParams({ user }),
      headers: origin ? { origin } : {},
    });
    if (!response.ok) throw new Error(`login: ${response.status} ${await response.text()}`);
    await response.text();
    return response.headers.getSetCookie().map((c) => c.split(";")[0]).join("; ");
  },

  // connect resolves with {} or, when the client could not connect, the problem.
  connect({ client: name, url, path, transports, cookie, origin, from, reconnect }) {
    const extraHeaders = {};
    if (cookie) extraHeaders.cookie = cookie;
    if (origin) extraHeaders.origin = origin;
    const socket = io(url, {
      path,
      transports,
      extraHeaders,
      agent: agentFor(url, from || undefined), // the server closes its connections
      withCredentials: true, // keeps cookies that the answers set, as browsers do
      forceNew: true,
      reconnection: reconnect,
      reconnectionDelay: 50,
      reconnectionDelayMax: 200,
    });
    const client = { socket, events: [], waiting: [] };
    clients.set(name, client);
    socket.onAny((event, ...args) => happened(client, event, args));
    socket.io.on("ping", () => happened(client, "ping", []));
    socket.on("disconnect", (reason) => happened(client, "disconnect", [reason]));
    return new Promise((resolve) => {
      socket.once("connect", () => {
        socket.on("connect", () => happened(client, "connect", []));
        resolve({});
      });
      socket.once("connect_error", (err) => resolve(problem(err)));
    });
  },

  // ask resolves with the first argument of the acknowledgement.
  ask({ client, event, args = [] }) {
    const { socket } = clients.get(client);
    return new Promise((resolve) => socket.emit(event, ...args, resolve));
  },

  emit({ client, event, args = [] }) {
    clients.get(client).socket.emit(event, ...args);
  },

  // next resolves with the arguments of the next such event.
  async next({ client: name, event }) {
    const client = clients.get(name);
    for (;;) {
      const i = client.events.findIndex((e) => e.event === event);
      if (i >= 0) return client.events.splice(i, 1)[0].args;
      await new Promise((resolve) => client.waiting.push(resolve));
    }
  },

  // upgraded resolves when the client has moved to WebSocket.
  upgraded({ client }) {
    const { engine } = clients.get(client).socket.io;
    return new Promise((resolve) => {
      if (engine.transport.name === "websocket") resolve();
      else engine.on("upgrade", () => resolve());
    });
  },

  async close({ client: name }) {
    const { socket } = clients.get(name);
    clients.delete(name);
    const { engine } = socket.io;
    socket.disconnect();
    // What it sends last has left when this is answered.
    if (engine && engine.readyState !== "closed" && engine.readyState !== "") {
      await new Promise((resolve) => engine.once("close", resolve));
    }
  },
};

await serve(commands);
