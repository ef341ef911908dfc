// Keeps an open page true: what the council stores is told by /live, and the parts of the page that
// it concerns are taken from the page as it is now.
//
// A part is an element with an id and data-live, which names the kinds of things that it shows
// (mcp_server/web/live_news.py lists them), such as <section id="trades" data-live="trades">. It
// stands in the page even when it is empty. What may go while others stay, such as a row, has an id
// too: the row that has the focus must not become another. A part with a form that a person is
// filling in is left alone.
//
// Of all open tabs one hears the stream and tells the others: a browser lends a site few
// connections, and a page must always find one free.
(() => {
  "use strict";
  const POLL = 30_000; // how often the page is looked at while it hears nothing
  const GRACE = 2_000; // how long a break may last before it is spoken of
  const SILENCE = 40_000; // after more than two missed beats a connection is dead
  const PAUSE = 250; // between two looks at the page, however much happens
  const EVERYTHING = "everything";
  const CHANNEL = "council-live";

  let position = Number(document.body.dataset.position);
  let waiting = Number(document.body.dataset.waiting);
  let source = null;
  let isLost = false;
  let isLooking = false;
  let silence, notice, poll;
  const stale = new Set();
  const others = new BroadcastChannel(CHANNEL);

  // What is told

  function hear(told) {
    // What was said between our last message and this one went to another tab, or to nobody.
    const kinds = told.after > position ? [EVERYTHING] : told.kinds;
    position = told.position;
    showWaiting(told.waiting);
    kinds.forEach((kind) => stale.add(kind));
    look();
  }

  function showWaiting(count) {
    const name = document.title.replace(/^\(\d+\) /, "");
    document.title = count ? `(${count}) ${name}` : name;
    for (const badge of document.querySelectorAll("[data-waiting-badge]")) {
      badge.textContent = count;
      badge.hidden = !count;
    }
    const more = count - waiting;
    if (more > 0) say(`${more} new ${more === 1 ? "trade waits" : "trades wait"}`);
    waiting = count;
  }

  function say(text) {
    document.getElementById("announcement").textContent = text;
  }

  // The page as it is now

  async function look() {
    // A tab that nobody sees waits until it is seen, unless it hears nothing of what its title says.
    if (isLooking || !stale.size || (document.hidden && !isLost)) return;
    isLooking = true;
    const kinds = new Set(stale);
    stale.clear();
    try {
      for (const [address, parts] of partsByAddress(kinds)) await renew(address, parts);
    } catch {
      kinds.forEach((kind) => stale.add(kind));
      lose();
    }
    // What changes again at once is gathered, so that a busy council does not keep the page busy.
    setTimeout(() => {
      isLooking = false;
      if (!isLost) look();
    }, PAUSE);
  }

  function partsByAddress(kinds) {
    const found = new Map(kinds.has(EVERYTHING) ? [[location.href, []]] : []);
    for (const part of document.querySelectorAll("[data-live][id]")) {
      const shown = part.dataset.live.split(" ");
      if (!kinds.has(EVERYTHING) && !shown.some((kind) => kinds.has(kind))) continue;
      const address = part.closest("dialog")?.dataset.address ?? location.href;
      found.set(address, [...(found.get(address) ?? []), part]);
    }
    return found;
  }

  async function renew(address, parts) {
    const answer = await fetch(address, {
      headers: { Accept: "text/html" },
      cache: "no-store",
      signal: AbortSignal.timeout(POLL),
    });
    if (answer.status >= 500) throw new Error(`${address}: ${answer.status}`);
    const isSignIn = answer.redirected && new URL(answer.url).pathname === "/sign-in";
    if (isSignIn || [401, 403].includes(answer.status)) return shutOut();
    if (answer.redirected || !answer.ok) return; // what was shown here is no page any more
    const text = await answer.text();
    const now = new DOMParser().parseFromString(text, "text/html");
    await replace(text, parts, address === location.href);
    if (address === location.href) document.title = now.title;
    if (isLost) position = Number(now.body.dataset.position);
    showWaiting(isLost ? Number(now.body.dataset.waiting) : waiting);
  }

  function replace(text, parts, isThisPage) {
    const free = parts.filter((part) => part.isConnected && !isBeingFilledIn(part));
    if (!free.length) return;
    const ids = free.map((part) => part.id).concat(isThisPage ? ["as-of"] : []);
    const selectOOB = ids.map((id) => `#${CSS.escape(id)}:outerMorph`).join(",");
    return htmx.swap({ text, sourceElement: document.body, swap: "none", selectOOB });
  }

  document.addEventListener("council:shown", ({ target }) => {
    // What was told between its reading and its showing found nothing of it to renew.
    if (Number(target.dataset.position) >= position) return;
    stale.add(EVERYTHING);
    look();
  });

  // What a person is writing

  function isBeingFilledIn(part) {
    const forms = [...part.querySelectorAll("form[data-touched]")];
    if (part.closest("form[data-touched]")) forms.push(part.closest("form"));
    forms.forEach(tellOfChange);
    return forms.length > 0;
  }

  function tellOfChange(form) {
    if (form.querySelector(".changed")) return;
    const note = document.createElement("p");
    note.className = "changed notice";
    note.setAttribute("role", "status");
    note.textContent = "Something has changed here since you began to write. Load the page again "
      + "to see it.";
    form.prepend(note);
  }

  document.addEventListener("input", ({ target }) => {
    target.form?.setAttribute("data-touched", "");
  });
  document.addEventListener("reset", ({ target }) => target.removeAttribute("data-touched"));

  // The connection

  function connect() {
    source?.close();
    const after = Number.isNaN(position) ? "" : `?after=${position}`;
    source = new EventSource(`/live${after}`);
    source.onopen = find;
    source.onerror = lose;
    source.addEventListener("beat", expectMore);
    source.onmessage = ({ data, lastEventId }) => {
      expectMore();
      const told = { ...JSON.parse(data), position: Number(lastEventId) };
      others.postMessage(told);
      hear(told);
    };
  }

  function expectMore() {
    clearTimeout(silence);
    silence = setTimeout(() => {
      lose();
      connect();
    }, SILENCE);
  }

  function find() {
    expectMore();
    setLost(false);
    others.postMessage({ isLost });
  }

  function lose() {
    if (isLost) return;
    setLost(true);
    others.postMessage({ isLost });
  }

  function setLost(isNow) {
    isLost = isNow;
    clearTimeout(notice);
    clearInterval(poll);
    if (isLost) {
      notice = setTimeout(() => note("The connection to the council is lost. This page looks for "
        + "news every 30 seconds until it is back."), GRACE);
      poll = setInterval(lookForMyself, POLL);
    } else {
      note("");
    }
  }

  function lookForMyself() {
    stale.add(EVERYTHING);
    look();
    // A browser gives up where the answer is an error, such as from a proxy.
    if (source?.readyState === EventSource.CLOSED) connect();
  }

  function shutOut() {
    source?.close();
    setLost(false);
    clearTimeout(silence);
    note("This page may no longer be read here: load it again to sign in.");
  }

  function note(text) {
    const shown = document.getElementById("connection");
    shown.textContent = text;
    shown.hidden = !text;
  }

  // The tabs: the one that was looked at last holds the lock and hears the stream

  function take() {
    if (!navigator.locks) return connect(); // there is none where the address is not encrypted
    return navigator.locks.request(CHANNEL, { steal: true }, hold).catch(yieldTo);
  }

  function yieldTo(error) {
    return error.name === "AbortError" ? wait() : connect(); // stolen, or not to be had at all
  }

  function hold() {
    connect();
    return new Promise(() => {});
  }

  function wait() {
    source?.close();
    source = null;
    clearTimeout(silence);
    setLost(false);
    return navigator.locks.request(CHANNEL, hold).catch(yieldTo);
  }

  others.onmessage = ({ data }) => {
    if (source !== null) return;
    if ("isLost" in data) setLost(data.isLost);
    else hear(data);
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    take();
    look();
  });
  addEventListener("pageshow", ({ persisted }) => persisted && take());
  addEventListener("pagehide", () => source?.close());
  take();
})();
