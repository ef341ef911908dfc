// One trade as a card: the ticket first, the arguments folded, the buttons last.
function drawCard(card) {
  const strength = (card.conviction_word ?? "").toLowerCase();
  const heading = `card-${card.trade_id}`;
  return el(
    "article",
    { class: `card ${strength}`, id: `trade-${card.trade_id}`, "aria-labelledby": heading },
    el(
      "div",
      { class: "row apart" },
      el("strong", {}, card.account),
      el("span", { class: "badge" }, `PAPER · ${card.venue}`),
    ),
    el("div", { class: "soft small" }, card.model),
    el(
      "div",
      { class: "row apart headline" },
      el("h2", { id: heading }, tradeWords(card)),
      el("span", { class: `badge conviction ${strength}` }, convictionWords(card)),
    ),
    summary(card),
    card.notices.length > 0 && notice(card.notices),
    ...argument(card.argument),
    ticket(card),
    el("div", { class: "actions" }, ...footOf(card)),
  );
}

const convictionWords = ({ conviction_word: word, conviction }) =>
  `${word ? `${word} conviction` : "Conviction"} ${signed(conviction)}`;

function summary(card) {
  const orders = card.legs.map((leg) => `${leg.side} ${leg.quantity} ${leg.symbol}`);
  const size = [usd(card.notional_usd), card.equity_share != null && share(card.equity_share)];
  return pairs([
    ["Size", size.filter(Boolean).join(", ")],
    ["Orders", orders.join(", then ") || card.filled || "none needed"],
    ["Price", priceWords(card)],
    ["Expires", el("span", { "data-expires": card.expires_at }, expiry(card.expires_at))],
  ]);
}

function priceWords({ reference_price: price, lowest_price: lowest, highest_price: highest }) {
  const band = lowest && `void outside of ${usd(lowest)} to ${usd(highest)}`;
  return [price && `about ${usd(price)}`, band].filter(Boolean).join(", ");
}

const REASONS = {
  decision: "The chairman's reasons",
  checkpoint: "Why now",
  pitch: "Why against its own ranking",
};

/** Draw what was argued, the first part open. */
function argument(why) {
  const { thesis = [], reviews = [], votes = [], dissent = [] } = why;
  const parts = [
    thesis.length && fold("Thesis", "", list(thesis)),
    why.reason && fold(REASONS[why.source] ?? "Reasons", "", paragraph(why.reason, "quote")),
    dissent.length && fold("Dissent", `${dissent.length} overruled`, list(dissent)),
    votes.length && fold("Vote", "pitches by their blind reviews", list(votes.map(voteWords))),
    reviews.length && objections(reviews),
    proof(why),
  ].filter(Boolean);
  if (parts.length) parts[0].open = true;
  return parts;
}

function voteWords(vote) {
  const score = vote.mean_score == null ? "not reviewed" : outOfTen(vote.mean_score);
  return `${vote.label}: ${vote.trade}, ${score}${vote.agrees ? ", as chosen" : ""}`;
}

/** Draw the reviews, the harshest by itself: it is what a person should have read. */
function objections([harshest, ...others]) {
  const scores = [harshest, ...others].map((review) => review.mean_score);
  const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
  const named = (review) => `${review.label}, ${outOfTen(review.mean_score)}`;
  return fold(
    "Reviews",
    `${outOfTen(mean)} by ${scores.length}`,
    el("h3", {}, `Strongest objection (${named(harshest)})`),
    paragraph(harshest.objection, "quote"),
    others.length > 0 && list(others.map((review) => `${named(review)}: ${review.objection}`)),
  );
}

function proof({ indicators = [], invalidation, plan }) {
  if (!indicators.length && !invalidation && !plan) return null;
  const rules = indicators.map(
    ({ rule, current }) => `${rule} (${Number(current.toPrecision(4))} when the week began)`,
  );
  const texts = [
    ["Wrong if", invalidation],
    ["To be watched", plan],
  ].filter(([, text]) => text);
  return fold(
    rules.length ? "Indicators and invalidation" : "What to watch",
    "",
    rules.length > 0 && list(rules),
    ...texts.flatMap(([name, text]) => [el("h3", {}, name), paragraph(text)]),
  );
}

function ticket(card) {
  const legs = card.legs.map((leg) => [
    `Leg “${leg.leg}”`,
    `${leg.side} ${leg.quantity} ${leg.symbol}, ${leg.status}`,
  ]);
  return fold(
    "Ticket",
    card.digest.slice(0, 8),
    pairs([
      ...legs,
      ["Week", card.week_id],
      ["Trade", el("code", {}, card.trade_id)],
      ["Digest", card.digest && el("code", {}, card.digest)],
    ]),
  );
}
