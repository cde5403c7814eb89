// Once a download has begun, looks for its manifest until the file is whole, and shows it: the
// browser shows the download itself. Without this script a reload of the page shows the same.
(() => {
  "use strict";
  const OFTEN_MS = 1500;
  const SELDOM_MS = 10000;
  const OFTEN_FOR_MS = 60 * 1000;
  const UNTIL_MS = 60 * 60 * 1000;
  const whole = new Intl.NumberFormat(document.documentElement.lang);
  let timer = 0;

  const watch = (newest, started) => {
    const age = Date.now() - started;
    if (age < UNTIL_MS) timer = setTimeout(() => look(newest, started), age < OFTEN_FOR_MS ? OFTEN_MS : SELDOM_MS);
  };

  const look = async (newest, started) => {
    try {
      const answer = await fetch(location.pathname, { cache: "no-store", redirect: "error" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("[data-newest]");
      const shown = document.querySelector("[data-newest]");
      if (answer.ok && fresh && fresh.dataset.newest !== newest) {
        shown.replaceChildren(...[...fresh.childNodes].map((node) => document.importNode(node, true)));
        if (fresh.dataset.rows) {
          const news = document.getElementById("whole");
          news.textContent = news.dataset.text.replace("{count}", whole.format(fresh.dataset.rows));
          news.hidden = false;
          shown.dataset.newest = fresh.dataset.newest;
          return;
        }
      }
    } catch {
      // No connection: look again later.
    }
    watch(newest, started);
  };

  document.getElementById("export").addEventListener("submit", () => {
    clearTimeout(timer);
    document.getElementById("whole").hidden = true;
    watch(document.querySelector("[data-newest]").dataset.newest, Date.now());
  });
})();
