// A host as the makers of MCP Apps wrote it: their bridge around the card's frame.
import {
  AppBridge,
  PostMessageTransport,
  getToolUiResourceUri,
  isToolVisibilityModelOnly,
} from "@modelcontextprotocol/ext-apps/app-bridge";

const CSP = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'";
const heard = { contexts: [], sizes: [], calls: [] };
let bridge;
let broken = false;

/** Find the tool's card, load it, and give it the tool's input and result. */
async function openCard({ tool, given, theme, capabilities }) {
  const { tools } = await window.askServer("tools/list", {});
  const found = tools.find(({ name }) => name === tool);
  const uri = getToolUiResourceUri(found);
  const { contents } = await window.askServer("resources/read", { uri });
  const frame = document.querySelector("iframe");
  bridge = new AppBridge(null, { name: "host", version: "1" }, capabilities, {
    hostContext: { theme, displayMode: "inline" },
  });
  bridge.oncalltool = (call) => callTool(tools, call);
  bridge.onupdatemodelcontext = async (context) => {
    heard.contexts.push(context);
    return {};
  };
  bridge.onsizechange = (size) => {
    heard.sizes.push(size);
    if (size.height) frame.style.height = `${size.height}px`;
  };
  const ready = new Promise((resolve) => (bridge.oninitialized = resolve));
  await bridge.connect(new PostMessageTransport(frame.contentWindow, frame.contentWindow));
  frame.srcdoc = withCsp(contents[0].text);
  await ready;
  await bridge.sendToolInput({ arguments: given });
  await bridge.sendToolResult(
    await window.askServer("tools/call", { name: tool, arguments: given }),
  );
  return { mimeType: contents[0].mimeType, meta: contents[0]._meta };
}

const withCsp = (html) =>
  html.replace("<head>", `<head><meta http-equiv="Content-Security-Policy" content="${CSP}">`);

/** Pass a card's call on, unless the tool is none of the card's. */
async function callTool(tools, call) {
  heard.calls.push(call);
  if (broken) throw new Error("the connection is gone");
  const found = tools.find(({ name }) => name === call.name);
  if (!found || isToolVisibilityModelOnly(found)) throw new Error(`No card may call ${call.name}`);
  return window.askServer("tools/call", { name: call.name, arguments: call.arguments });
}

window.host = {
  heard,
  openCard,
  dress: (context) => bridge.setHostContext(context),
  result: (result) => bridge.sendToolResult(result),
  breakDown: () => (broken = true),
  close: () => bridge.teardownResource({}),
};
