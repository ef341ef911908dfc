// Opens what a link with data-dialog leads to above the page: the linked page's #ticket. With a
// modifier key, without JavaScript, or where the page has a ticket of its own, the link is a link.
(() => {
  "use strict";
  const PART = "ticket";
  const SHOWN = `#${PART}:not(dialog:not([open]) *)`; // a closed dialog goes a moment later

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-dialog]");
    const isPlain = !(event.button || event.ctrlKey || event.metaKey || event.shiftKey
      || event.altKey || event.defaultPrevented);
    if (!link || !isPlain || document.querySelector(SHOWN)) return;
    event.preventDefault();
    open(link.href).catch(() => location.assign(link.href));
  });

  async function open(address) {
    const answer = await fetch(address, { headers: { Accept: "text/html" }, cache: "no-store" });
    if (!answer.ok || answer.redirected) throw new Error(`${address}: ${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    show(address, page, document.adoptNode(page.getElementById(PART)));
  }

  function show(address, page, part) {
    const dialog = document.createElement("dialog");
    dialog.dataset.address = address;
    dialog.dataset.position = page.body.dataset.position;
    dialog.setAttribute("aria-label", page.title.replace(/^\(\d+\) /, ""));
    dialog.append(closing(address), part);
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
    dialog.dispatchEvent(new CustomEvent("council:shown", { bubbles: true }));
  }

  function closing(address) {
    const form = document.createElement("form");
    form.method = "dialog";
    form.className = "closing";
    const link = document.createElement("a");
    link.href = address;
    link.textContent = "Open as a page";
    const button = document.createElement("button");
    button.textContent = "Close";
    button.className = "plain";
    button.autofocus = true;
    form.append(link, button);
    return form;
  }
})();
