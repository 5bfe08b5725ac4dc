import { io } from "/client/socket.io.esm.min.js";

const $ = (selector) => document.querySelector(selector);

// element makes an element. Text is set as text, so nothing that people write is
// ever taken for markup.
function element(tag, className = "", ...children) {
  const e = document.createElement(tag);
  e.className = className;
  e.append(...children);
  return e;
}

/* ---- who and where we are ---------------------------------------------- */

const me = { nick: sessionStorage.nick ?? "", room: sessionStorage.room ?? "" };
let rooms = [];
let maxImage = Infinity;
let online = []; // [{ nick, room }]
let present = null; // the nicks of the others in our room, if we know them
let recipient = null; // the nick that gets what we write, or null: the room

// The session tells the server that a page which comes back, after a reload or
// a lost connection, is the one that had the nick before.
sessionStorage.session ??= Array.from(crypto.getRandomValues(new Uint8Array(16)),
  (byte) => byte.toString(16).padStart(2, "0")).join("");

/* ---- the connection ------------------------------------------------------ */

// The page's address may choose the transports: ?transports=polling
const transports = new URLSearchParams(location.search).get("transports")?.split(",");

const socket = io({
  transports,
  autoConnect: false,
  reconnectionDelayMax: 3000,
  // Called for each connection, so that after a lost one we are back where we were.
  auth: (send) => send({ ...me, session: sessionStorage.session }),
});

socket.on("connect", () => {
  showStatus();
  socket.io.engine.once("upgrade", showStatus);
});

socket.on("welcome", (w) => {
  const returning = !$("#chat").hidden;
  Object.assign(me, w.you);
  Object.assign(sessionStorage, me);
  ({ rooms, maxImage } = w);
  present = null; // who was here before we came is no news
  $("#login").hidden = true;
  $("#chat").hidden = false;
  $("#login-problem").textContent = "";
  enterRoom(me.room);
  if (returning) {
    note("You are back. What was said in the meantime is not shown.");
  } else {
    $("#text").focus();
  }
});

socket.on("disconnect", (reason) => {
  showStatus();
  if (reason === "io server disconnect") {
    showLogin("Your nick has moved to another page.");
  }
});

socket.on("connect_error", (error) => {
  showStatus();
  if (!socket.active) { // refused by the server: it is no use to try again as we are
    showLogin(error.message, error.data?.suggestion);
  } else if (!$("#login").hidden) {
    showLogin("The server does not answer. Trying again …");
  }
});

// ask sends a request and returns what the server has against it, or null.
async function ask(event, ...args) {
  try {
    const reply = await socket.timeout(15_000).emitWithAck(event, ...args);
    return reply.error ?? null;
  } catch {
    return "The server did not answer.";
  }
}

function showStatus() {
  const status = $("#status");
  status.textContent = socket.connected ? socket.io.engine.transport.name : "reconnecting …";
  status.classList.toggle("offline", !socket.connected);
}

/* ---- logging in ------------------------------------------------------------ */

function showLogin(problem, suggestion) {
  $("#chat").hidden = true;
  $("#login").hidden = false;
  $("#login-problem").textContent = problem;
  $("#nick").value = suggestion ?? (me.nick || $("#nick").value);
  $("#nick").select();
}

$("#login form").addEventListener("submit", (event) => {
  event.preventDefault();
  me.nick = $("#nick").value;
  socket.disconnect().connect();
});

if (me.nick) { // the page was reloaded
  $("#nick").value = me.nick;
  socket.connect();
}

/* ---- rooms and people ------------------------------------------------------ */

socket.on("online", (members) => {
  online = members;
  showPeople();
  const before = present;
  present = others();
  if (before === null) return;
  present.filter((nick) => !before.includes(nick)).forEach((nick) => note(`${nick} came in`));
  before.filter((nick) => !present.includes(nick)).forEach((nick) => {
    stopTyping(nick);
    note(`${nick} left`);
  });
});

const others = () => online.filter((m) => m.room === me.room && m.nick !== me.nick).map((m) => m.nick);

function showPeople() {
  $("#rooms").replaceChildren(...rooms.map((room) => {
    const count = online.filter((m) => m.room === room).length;
    const button = element("button", "", element("span", "", room), element("small", "", count || ""));
    button.type = "button";
    if (room === me.room) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => changeRoom(room));
    return button;
  }));
  $("#people").replaceChildren(...online.map((m) => {
    const button = element("button", "", avatar(m.nick), element("span", "", m.nick),
      element("small", "", m.nick === me.nick ? "you" : m.room === me.room ? "" : m.room));
    button.type = "button";
    button.disabled = m.nick === me.nick;
    button.title = `Write to ${m.nick} in private`;
    button.addEventListener("click", () => writeTo(m.nick));
    return element("li", "", button);
  }));
}

async function changeRoom(room) {
  closeMenu();
  writeTo(null);
  if (room === me.room) return;
  const problem = await ask("join", room);
  showProblem(problem);
  if (problem) return;
  enterRoom(room);
  present = others();
}

function enterRoom(room) {
  me.room = sessionStorage.room = room;
  [...typing.keys()].forEach(stopTyping);
  $("#room").textContent = room;
  for (const log of $("#logs").children) log.hidden = log.dataset.room !== room;
  logOf(room).hidden = false;
  writeTo(recipient);
  showPeople();
}

function writeTo(nick) {
  recipient = nick;
  $("#recipient").hidden = nick === null;
  $("#recipient b").textContent = nick ?? "";
  $("#text").placeholder = nick === null ? `Message #${me.room}` : `Only ${nick} will see this`;
  closeMenu();
  $("#text").focus();
}

$("#recipient button").addEventListener("click", () => writeTo(null));

$("#menu").addEventListener("click", () => {
  $("#menu").ariaExpanded = document.body.classList.toggle("menu");
});

function closeMenu() {
  document.body.classList.remove("menu");
  $("#menu").ariaExpanded = false;
}

$("main").addEventListener("click", (event) => {
  if (!event.target.closest("#menu")) closeMenu();
});

// A nick always has the same colour.
function avatar(nick) {
  const e = element("span", "avatar", [...nick][0].toUpperCase());
  let hue = 0;
  for (const c of nick.toLowerCase()) hue = (hue * 31 + c.codePointAt(0)) % 360;
  e.style.setProperty("--hue", hue);
  e.ariaHidden = true;
  return e;
}

/* ---- messages -------------------------------------------------------------- */

const maxEntries = 300; // in a log; older ones go

socket.on("message", (m) => {
  stopTyping(m.from);
  show(m);
});

socket.on("private", (m, delivered) => {
  show({ ...m, private: "private" });
  delivered();
});

function logOf(room) {
  let log = [...$("#logs").children].find((log) => log.dataset.room === room);
  if (!log) {
    log = element("ol");
    log.dataset.room = room;
    log.setAttribute("role", "log");
    log.hidden = room !== me.room;
    $("#logs").append(log);
  }
  return log;
}

// show adds a message to the log of its room; private ones go to where we are. It
// returns the line below the message.
function show(m) {
  const log = logOf(m.room ?? me.room);
  const previous = log.lastElementChild;
  const author = `${m.from} ${m.private ?? ""}`;

  const entry = element("li", "message");
  entry.classList.toggle("mine", m.from === me.nick);
  entry.classList.toggle("private", Boolean(m.private));
  entry.classList.toggle("follows", previous?.dataset.author === author);
  entry.dataset.author = author;

  const bubble = element("div", "bubble");
  if (m.image) {
    const img = element("img");
    img.alt = `Image from ${m.from}`;
    img.addEventListener("load", () => scrollDown(log, true), { once: true });
    img.src = URL.createObjectURL(new Blob([m.image.data], { type: m.image.type }));
    bubble.classList.add("image");
    bubble.append(img);
  } else {
    bubble.append(m.text);
  }
  const time = element("time", "", new Date(m.time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  time.dateTime = m.time;
  const state = element("span", "state");
  entry.append(avatar(m.from),
    element("p", "author", m.from, m.private ? element("em", "", m.private) : "", time),
    bubble, state);
  add(log, entry);
  return state;
}

// note adds a line about what happened to the log of our room.
function note(text) {
  add(logOf(me.room), element("li", "note", text));
}

function add(log, entry) {
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  log.append(entry);
  while (log.children.length > maxEntries) {
    const img = log.firstElementChild.querySelector("img");
    if (img) URL.revokeObjectURL(img.src);
    log.firstElementChild.remove();
  }
  scrollDown(log, atEnd || entry.classList.contains("mine"));
}

function scrollDown(log, really) {
  if (really) log.scrollTop = log.scrollHeight;
}

/* ---- writing --------------------------------------------------------------- */

$("#composer").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = $("#text").value;
  if (text.trim() === "") return;
  $("#text").value = "";
  fit();
  const problem = recipient === null ? await ask("text", text) : await sendPrivate(recipient, text);
  showProblem(problem);
  if (problem && $("#text").value.trim() === "") { // nothing is lost
    $("#text").value = text;
    fit();
  }
});

async function sendPrivate(to, text) {
  const state = show({ from: me.nick, private: `private, to ${to}`, text: text.trim(), time: new Date().toISOString() });
  state.textContent = "sending …";
  const problem = await ask("private", to, text);
  state.textContent = problem ? "not delivered" : "delivered ✓";
  state.classList.toggle("problem", Boolean(problem));
  return problem;
}

async function sendImage(file) {
  if (file.size > maxImage) {
    showProblem(`An image has at most ${maxImage >> 10} KiB; this one has ${file.size >> 10}.`);
    return;
  }
  writeTo(null);
  showProblem(await ask("image", file));
}

$("#file").addEventListener("change", () => {
  for (const file of $("#file").files) sendImage(file);
  $("#file").value = "";
});

document.addEventListener("paste", (event) => {
  if ($("#chat").hidden) return;
  const images = [...event.clipboardData.files].filter((file) => file.type.startsWith("image/"));
  if (images.length === 0) return; // text goes where it always goes
  event.preventDefault();
  images.forEach(sendImage);
});

$("#text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("#composer").requestSubmit();
  }
});

function fit() {
  const text = $("#text");
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight}px`;
}

function showProblem(problem) {
  $("#problem").textContent = problem ?? "";
}

/* ---- typing ---------------------------------------------------------------- */

const typing = new Map(); // nick -> timer that forgets it
let lastTyping = 0;

$("#text").addEventListener("input", () => {
  fit();
  showProblem(null);
  if (recipient === null && Date.now() - lastTyping > 1000) {
    lastTyping = Date.now();
    socket.volatile.emit("typing"); // if it gets lost, there is a next one
  }
});

socket.on("typing", ({ nick, room }) => {
  if (room !== me.room) return;
  clearTimeout(typing.get(nick));
  typing.set(nick, setTimeout(stopTyping, 3000, nick));
  showTyping();
});

function stopTyping(nick) {
  clearTimeout(typing.get(nick));
  typing.delete(nick);
  showTyping();
}

function showTyping() {
  const nicks = [...typing.keys()];
  $("#typing").textContent =
    nicks.length === 0 ? "" :
    nicks.length === 1 ? `${nicks[0]} is typing` :
    nicks.length < 4 ? `${nicks.slice(0, -1).join(", ")} and ${nicks.at(-1)} are typing` :
    "Several people are typing";
}
