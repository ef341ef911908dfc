"use strict";
// The host is spoken to by JSON-RPC over postMessage, and nobody else is spoken to at all.
const ANSWER_MS = 60_000;
const waiting = new Map();
let lastId = 0;

const post = (message) => parent.postMessage({ jsonrpc: "2.0", ...message }, "*");

/** Ask the host; the promise fails when it refuses, or does not answer in time. */
function ask(method, params) {
  const id = ++lastId;
  post({ id, method, params });
  return new Promise((resolve, reject) => {
    const late = { error: { message: "no answer came" } };
    const timer = setTimeout(() => settle(id, late), ANSWER_MS);
    waiting.set(id, { resolve, reject, timer });
  });
}

const callTool = (name, given) => ask("tools/call", { name, arguments: given });

function settle(id, { result, error }) {
  const asked = waiting.get(id);
  if (!asked) return;
  waiting.delete(id);
  clearTimeout(asked.timer);
  if (error) asked.reject(new Error(error.message));
  else asked.resolve(result);
}

const heard = {
  "ui/notifications/tool-input": (params) => (listed.input = params.arguments ?? {}),
  "ui/notifications/tool-result": (result) => show(result),
  "ui/notifications/tool-cancelled": () => problem("The trades were not listed: it was cancelled."),
  "ui/notifications/host-context-changed": (context) => dress(context),
};
const answered = {
  ping: () => ({}),
  "ui/resource-teardown": () => {
    clearInterval(clock);
    sizes.disconnect();
    return {};
  },
};

addEventListener("message", ({ source, data: message }) => {
  if (source !== parent || message?.jsonrpc !== "2.0") return;
  if (!message.method) settle(message.id, message);
  else if (message.id === undefined) heard[message.method]?.(message.params ?? {});
  else answer(message);
});

function answer({ id, method }) {
  const known = answered[method];
  const unknown = { code: -32601, message: "Method not found" };
  post(known ? { id, result: known() } : { id, error: unknown });
}

/** Follow the host's theme; until it names one, the browser's own preference holds. */
function dress({ theme }) {
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
}
