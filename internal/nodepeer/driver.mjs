// What the drivers have in common: programs that execute commands for Go tests. They
// read commands from standard input and write their answers to standard output, one
// JSON object per line:
//
//   {"id":1,"do":"greet","args":{"name":"you"}}
//   {"id":1,"value":...} or {"id":1,"error":"..."}
import { createInterface } from "node:readline";

// say writes a message that is no answer: an object without an id.
export const say = (message) => process.stdout.write(JSON.stringify(message) + "\n");

// serve executes commands until standard input ends, and the process with it.
// commands has a function for each, of its args; what it returns or resolves to,
// plain makes fit for JSON. Commands that wait have no deadline here: the test that
// sent them has.
export async function serve(commands, plain = (value) => value ?? null) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { id, do: command, args } = JSON.parse(line);
    // Not awaited: a command that waits must not hold up the others.
    Promise.resolve()
      .then(() => commands[command](args))
      .then(plain)
      .then(
        (value) => say({ id, value }),
        (err) => say({ id, error: String(err?.stack ?? err) }),
      );
  }
  process.exit(0);
}

const AsyncFunction = (async () => {}).constructor;

// evaluate runs code, an expression or the body of an async function, which sees the
// members of scope.
export function evaluate(code, scope) {
  const names = Object.keys(scope);
  let f;
  try {
    f = new AsyncFunction(...names, `return (${code}\n)`);
  } catch {
    f = new AsyncFunction(...names, code);
  }
  return f(...Object.values(scope));
}
