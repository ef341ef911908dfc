// The list: what was listed, what a person decided since, and what the host lets a card do.
const listed = { input: {}, answer: {}, cards: [], nonces: {}, decided: new Map(), may: {} };

/** Show a result of list_pending_trades; `more` keeps the pages before it. */
function show(result, more = false) {
  if (result.isError) return problem(textOf(result) || "The trades could not be listed.");
  const extra = result._meta ?? {};
  listed.answer = result.structuredContent ?? {};
  const fresh = extra["council/cards"] ?? (listed.answer.trades ?? []).map(plainCard);
  const ids = new Set(fresh.map((card) => card.trade_id));
  // A trade that waits again, such as after a revocation, is asked again.
  ids.forEach((id) => listed.decided.delete(id));
  const kept = listed.cards.filter((card) => !ids.has(card.trade_id));
  const before = more ? kept : [];
  const after = more ? [] : kept.filter((card) => listed.decided.has(card.trade_id));
  listed.cards = [...before, ...fresh, ...after];
  listed.nonces = { ...(more && listed.nonces), ...extra["council/nonces"] };
  draw();
}

/** A line of the result as a card: all that is left where a host keeps `_meta` to itself. */
function plainCard(line) {
  const [lowest, highest] = String(line.price_band ?? "").match(/[\d.]+/g) ?? [];
  const prices = { lowest_price: lowest, highest_price: highest };
  const empty = { model: "", legs: [], notices: [], argument: {}, digest: "" };
  return { ...empty, venue: listed.answer.venue, ...prices, ...line };
}

function draw() {
  const { answer, cards } = listed;
  const badge = (words) => el("span", { class: "badge" }, words);
  const paper = answer.venue ? `PAPER · ${answer.venue}` : "PAPER";
  const names = [paper, answer.mode && `${answer.mode} models`].filter(Boolean);
  const shortfalls = answer.degraded ?? [];
  $("badges").replaceChildren(...names.map(badge));
  const together = answer.exposure ? [paragraph(answer.exposure, "soft")] : [];
  $("notices").replaceChildren(...(shortfalls.length ? [notice(shortfalls)] : []), ...together);
  $("cards").replaceChildren(...cards.map(drawCard));
  if (!cards.length)
    $("cards").append(paragraph("The council's next proposals appear here.", "soft"));
  $("foot").replaceChildren(...footer(answer));
  say(count());
}

/** Say in the title how many trades wait. */
function count() {
  const open = listed.cards.filter((card) => card.status === "pending").length;
  const words = { 0: "No trade waits for you", 1: "One trade waits for you" };
  return ($("title").textContent = words[open] ?? `${open} trades wait for you`);
}

function footer({ next_cursor: cursor, approval_url: page }) {
  const more = cursor && button("Show more", "", () => reload(cursor));
  const address = page && el("p", {}, "While council serve runs, also at ", el("code", {}, page));
  return [more, address].filter(Boolean);
}

function problem(text) {
  const shown = notice(
    [text],
    button("Reload", "", () => reload()),
  );
  shown.setAttribute("role", "alert");
  $("notices").replaceChildren(shown);
}

async function reload(cursor) {
  say("Loading the trades.");
  try {
    const given = { ...listed.input, ...(cursor && { cursor }) };
    show(await callTool("list_pending_trades", given), Boolean(cursor));
    $("title").focus();
  } catch (error) {
    problem(`The trades could not be loaded: ${error.message}.`);
  }
}

const clock = setInterval(() => {
  for (const shown of document.querySelectorAll("[data-expires]")) {
    const text = expiry(shown.dataset.expires);
    if (shown.textContent !== text) shown.textContent = text;
  }
}, TICK_MS);

const sizes = new ResizeObserver(() => {
  const { width, height } = document.documentElement.getBoundingClientRect();
  const params = { width: Math.ceil(width), height: Math.ceil(height) };
  post({ method: "ui/notifications/size-changed", params });
});

async function begin() {
  const { hostContext, hostCapabilities } = await ask("ui/initialize", {
    protocolVersion: "2026-01-26",
    appInfo: { name: "council-approvals", version: "1" },
    appCapabilities: {},
  });
  listed.may = hostCapabilities ?? {};
  dress(hostContext ?? {});
  post({ method: "ui/notifications/initialized" });
  sizes.observe(document.documentElement);
}

if (parent === window) problem("This card works inside of an assistant that shows MCP Apps.");
else begin().catch(({ message }) => problem(`The assistant does not answer: ${message}.`));
