// A card's foot: the buttons, the second question, and what became of the answer.
const CONFIRM_SECONDS = 10;
const UNARMED_MS = 400;
const TICK_MS = 1_000;

const cardOf = (card) => $(`trade-${card.trade_id}`);

/** Put `content` at the foot of the card and the focus on the first that matches `focused`. */
function swap(card, content, focused) {
  const foot = cardOf(card)?.querySelector(".actions");
  if (!foot) return;
  foot.replaceChildren(...content);
  foot.querySelector(focused)?.focus();
}

const backToButtons = (card) => swap(card, footOf(card), "button");
const state = (text) => el("p", { class: "state", tabindex: "-1" }, text);

function footOf(card) {
  const done = listed.decided.get(card.trade_id) ?? storedDecision(card);
  if (done) return [state(done)];
  if (!left(card.expires_at)) return [state("This trade has expired: nobody can approve it now.")];
  if (!listed.nonces[card.trade_id] || !listed.may.serverTools) return [elsewhere(card)];
  const approve = button("Approve…", "go", () => confirmFirst(card));
  const reject = button("Reject…", "", () => askReason(card));
  return [el("div", { class: "row" }, approve, reject)];
}

function storedDecision(card) {
  if (card.status === "pending") return null;
  if (!card.approver) return `This trade is ${card.status}.`;
  const when = card.approval_timestamp ? `, ${moment(card.approval_timestamp)}` : "";
  const why = card.rejection_reason ? `: ${card.rejection_reason}` : "";
  const through = card.approval_channel ? ` (${card.approval_channel})` : "";
  return `Already ${card.status} by ${card.approver}${through}${when}${why}`;
}

/** Say how else the trade can be decided; the address stays text, a card opens nothing. */
function elsewhere(card) {
  const command = el("code", {}, `council approve ${card.trade_id}`);
  const inTerminal = el("p", {}, "It is decided in a terminal, not here: ", command);
  const page = listed.answer.approval_url;
  const address = page && el("code", {}, `${page}/${card.trade_id}`);
  const onPage = page && el("p", {}, "Or on its page, while council serve runs: ", address);
  return el("div", {}, inTerminal, onPage);
}

function confirmFirst(card) {
  const words = `Confirm: APPROVE ${card.account} ${tradeWords(card)}`;
  const go = button(words, "go", () => {
    if (go.ariaDisabled !== "true") decide(card, "approve");
  });
  go.ariaDisabled = "true"; // A double click on Approve must not confirm.
  setTimeout(() => (go.ariaDisabled = null), UNARMED_MS);
  const remaining = el("span", { class: "soft small" });
  const cancel = button("Cancel", "", () => backToButtons(card));
  const restart = countDown(go, remaining, () => backToButtons(card));
  const pressed = (event) => {
    // A key that is held down must not confirm; whoever moves by keys gets the whole time again.
    if (event.repeat) event.preventDefault();
    restart();
  };
  const asked = el(
    "div",
    { class: "ask", role: "group", "aria-label": `Confirm ${tradeWords(card)}`, keydown: pressed },
    paragraph(consequence(card)),
    el("div", { class: "row" }, go, cancel, remaining),
  );
  swap(card, [asked], "button");
  say("Confirm or cancel.");
}

const consequence = (card) =>
  card.legs.length
    ? "Once the market is open, the executor sends the paper order."
    : "No order is needed: approving is recorded, and nothing is sent.";

/** Count down beside `go` until it leaves the page; returns what begins the count anew. */
function countDown(go, remaining, over) {
  let seconds = CONFIRM_SECONDS;
  const told = () => (remaining.textContent = `back in ${seconds} s`);
  const timer = setInterval(() => {
    seconds -= 1;
    told();
    if (seconds <= 0 && go.isConnected) over();
    if (!go.isConnected) clearInterval(timer);
  }, TICK_MS);
  told();
  return () => (seconds = CONFIRM_SECONDS);
}

function askReason(card) {
  const id = `reason-${card.trade_id}`;
  const missing = el("p", { class: "small wrong", id: `${id}-missing` });
  const about = { id, maxlength: "500", required: true, "aria-describedby": missing.id };
  const box = el("textarea", about);
  const send = () => {
    const reason = box.value.trim();
    if (reason) return decide(card, "reject", reason);
    box.ariaInvalid = "true";
    missing.textContent = "A rejection needs its reason; it is recorded.";
    box.focus();
    say(missing.textContent);
  };
  const cancel = button("Cancel", "", () => backToButtons(card));
  const asked = el(
    "div",
    { class: "ask", role: "group", "aria-label": `Reject ${tradeWords(card)}` },
    el("label", { for: id }, "Why not? A rejection cannot be undone."),
    box,
    missing,
    el("div", { class: "row" }, button("Reject this trade", "no", send), cancel),
  );
  swap(card, [asked], "textarea");
}

async function decide(card, decision, reason) {
  const nonce = listed.nonces[card.trade_id];
  swap(card, [state("Recording…")], ".state");
  try {
    const given = { trade_id: card.trade_id, nonce, decision, ...(reason && { reason }) };
    const result = await callTool("decide_trade", given);
    if (result.isError) refused(card, textOf(result) || "NOT recorded: the server refused.");
    else decided(card, result, reason);
  } catch (error) {
    refused(card, `Nobody knows whether this was recorded: ${error.message}. Reload to see.`);
  }
}

function refused(card, text) {
  const again = button("Reload", "go", () => reload());
  swap(card, [notice([text]), el("div", { class: "row" }, again)], "button");
  say(text);
}

function decided(card, result, reason) {
  const given = result.structuredContent ?? {};
  const verdict = (given.trades ?? []).find((own) => own.trade_id === card.trade_id) ?? given;
  const outcome = verdict.outcome ?? given.summary ?? textOf(result);
  card.status = verdict.status ?? "decided";
  listed.decided.set(card.trade_id, verdictWords(outcome, reason));
  delete listed.nonces[card.trade_id];
  cardOf(card)?.classList.add("done");
  swap(card, footOf(card), ".state");
  count();
  say(outcome);
  tellModel(card, reason);
}

/** Say who decided and when; what was decided elsewhere before comes with its own words. */
function verdictWords(outcome, reason) {
  const here = outcome.match(/^(Approved|Rejected)\.$/);
  if (!here) return outcome;
  const why = reason ? `: “${reason}”` : "";
  return `${here[1]} by you in this card, ${moment(Date.now())}${why}`;
}

// A host keeps only the last update, so each tells all of them.
const told = [];
function tellModel(card, reason) {
  const because = reason ? ` because: ${reason}` : "";
  told.push(`${card.status} ${card.account} ${tradeWords(card)} (${card.trade_id})${because}`);
  const text = `In the approval card the user decided: ${told.join("; ")}.`;
  // A host that keeps no context loses nothing else.
  ask("ui/update-model-context", { content: [{ type: "text", text }] }).catch(() => {});
}
