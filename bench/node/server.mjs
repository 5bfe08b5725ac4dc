// The bench server on the reference implementation: the same application as
// ../server, and the same commands on standard input.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Server } from "socket.io";

// 128 bytes of JSON.
const news = {
  id: 4711,
  from: "somebody",
  room: "general",
  text: "the quick brown fox jumps over the lazy dog, and once more for it, again",
};

const http = createServer();
const io = new Server(http, { serveClient: false });

io.on("connection", (socket) => {
  socket.on("echo", (msg, ack) => ack(msg));
  socket.on("bin", (data, ack) => ack(data));
  socket.on("kept", (data, ack) => ack(data)); // it makes no difference here
  socket.on("join", (room, ack) => {
    socket.join(room);
    ack();
  });
  socket.on("bcast", () => io.emit("news", news));
  socket.on("room", (room) => io.to(room).emit("news", news));
  socket.on("burst", (n) => {
    for (let i = 0; i < n; i++) io.emit("news", news);
  });
});

const commands = {
  gc() {
    for (let i = 0; i < 3; i++) globalThis.gc?.();
    return "ok";
  },
  broadcast() {
    const start = process.hrtime.bigint();
    io.emit("news", news);
    return `ok ${process.hrtime.bigint() - start}`;
  },
  check: () => `ok ${JSON.stringify(news).length}`,
};

const input = createInterface({ input: process.stdin });
input.on("line", (line) => {
  const [name, ...args] = line.split(" ");
  console.log(commands[name] ? commands[name](...args) : "error unknown command");
});
input.on("close", () => process.exit(0)); // whoever started us is gone

http.listen({ port: 0, host: "0.0.0.0", backlog: 4096 }, () => console.log(`listening ${http.address().port}`));
