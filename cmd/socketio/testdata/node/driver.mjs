// The driver runs JavaScript servers for the Go tests. These are its commands, see
// internal/nodepeer:
//
//   {"id":1,"do":"open","args":{"server":"s1","code":"return new Server(http)"}}
//   {"id":2,"do":"run","args":{"server":"s1","code":"io.emit('hi', args[0])","args":["you"]}}
//   {"id":3,"do":"close","args":{"server":"s1"}}
//
// open answers with the port. What its code returns is the io of later commands.
import { once } from "node:events";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { Server } from "socket.io";
import { WebSocketServer } from "ws";
import { evaluate, serve } from "../../../../internal/nodepeer/driver.mjs";

const require = createRequire(import.meta.url);
const Server2 = require("si250"); // of Socket.IO 2.5.0
const msgpack = require("socket.io-msgpack-parser");

const servers = new Map(); // by name: { http, io }

await serve({
  async open({ server, code }) {
    const http = createServer();
    const io = await evaluate(code, { http, Server, Server2, WebSocketServer, msgpack });
    servers.set(server, { http, io });
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    return http.address().port;
  },
  run: ({ server, code, args }) => evaluate(code, { ...servers.get(server), args }),
  async close({ server }) {
    const { http } = servers.get(server);
    servers.delete(server);
    http.close();
    http.closeAllConnections();
  },
});
