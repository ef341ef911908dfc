// Elements and words. Whatever others wrote is only ever appended as text.
const $ = (id) => document.getElementById(id);

/** Make an element: functions among the attributes listen, false and null are left out. */
function el(tag, attributes = {}, ...content) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value !== false && value != null) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...content.filter((part) => part != null && part !== "" && part !== false));
  return made;
}

const button = (words, name, click) => el("button", { type: "button", class: name, click }, words);
const paragraph = (text, name) => el("p", { class: name }, text);
const list = (items) => el("ul", {}, ...items.map((item) => el("li", {}, item)));
const notice = (texts, ...more) =>
  el("div", { class: "notice" }, ...texts.map((text) => paragraph(text)), ...more);
const pairs = (rows) =>
  el(
    "dl",
    {},
    ...rows
      .filter(([, value]) => value)
      .flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]),
  );
const fold = (words, hint, ...content) =>
  el(
    "details",
    {},
    el("summary", {}, words, hint && el("span", { class: "soft" }, ` · ${hint}`)),
    ...content,
  );

/** Tell a screen reader; eyes see it where it happens. */
const say = (text) => ($("told").textContent = text);
const textOf = (result) =>
  (result.content ?? [])
    .map((part) => part.text ?? "")
    .join("\n")
    .trim();

const usd = (number) =>
  Number(number).toLocaleString("en-US", { style: "currency", currency: "USD" });
const share = (fraction) => `${Math.round(fraction * 1000) / 10} % of equity`;
const signed = (number) => `${number > 0 ? "+" : ""}${Number(number).toFixed(1)}`;
const outOfTen = (score) => `${score.toFixed(1)} of 10`;
const tradeWords = (card) => `${card.direction} ${Math.abs(card.quantity)} ${card.instrument}`;

/** Say an instant in the market's time and in UTC. */
function moment(at) {
  const told = (timeZone, parts) =>
    new Intl.DateTimeFormat("en-GB", {
      timeZone,
      hour: "2-digit",
      minute: "2-digit",
      ...parts,
    }).format(new Date(at));
  const day = { weekday: "short", day: "numeric", month: "short" };
  return `${told("America/New_York", day)} New York (${told("UTC", {})} UTC)`;
}

/** Say how long it is until then by the clock of this machine; null once it is past. */
function left(at) {
  const seconds = Math.floor((new Date(at) - Date.now()) / 1000);
  if (seconds <= 0) return null;
  const whole = (number) => Math.floor(number);
  const [days, hours] = [whole(seconds / 86_400), whole(seconds / 3_600) % 24];
  if (days) return `${days} d ${hours} h`;
  const minutes = whole(seconds / 60) % 60;
  return hours ? `${hours} h ${minutes} min` : `${minutes} min ${seconds % 60} s`;
}

function expiry(at) {
  const remaining = left(at);
  return `${remaining ? `in ${remaining}` : "expired"}, ${moment(at)}`;
}
