// Says in the .left of each <time data-countdown datetime="..."> how long it is until then, by the
// council's clock and not by that of the machine which shows the page.
(() => {
  "use strict";
  const SOON = 15 * 60;
  const ahead = Date.parse(document.body.dataset.at) - Date.now();

  function words(seconds) {
    if (seconds <= 0) return "over";
    const [days, hours, minutes] = [86_400, 3_600, 60].map((unit) => Math.floor(seconds / unit));
    if (days) return `in ${days} d ${hours % 24} h`;
    if (hours) return `in ${hours} h ${minutes % 60} min`;
    return minutes ? `in ${minutes} min ${seconds % 60} s` : `in ${seconds} s`;
  }

  function tick() {
    for (const time of document.querySelectorAll("time[data-countdown]")) {
      const seconds = Math.floor((Date.parse(time.dateTime) - Date.now() - ahead) / 1_000);
      let left = time.querySelector(".left");
      if (!left) {
        time.append(" ", (left = document.createElement("span")));
        left.className = "left";
      }
      const text = `(${words(seconds)})`;
      if (left.textContent !== text) left.textContent = text;
      left.classList.toggle("soon", seconds < SOON);
    }
  }

  setInterval(tick, 1_000);
  document.addEventListener("htmx:after:swap", tick);
  document.addEventListener("council:shown", tick);
  tick();
})();
