// Looks for news and replaces only the part that shows it, so nobody is disturbed who types
// elsewhere on the page. Gentle: often at first, then seldom, never while the page is hidden.
(() => {
  "use strict";
  const STEPS_MS = [3000, 3000, 5000, 5000, 10000];
  const LAST_MS = 20000;
  const UNTIL_MS = 30 * 60 * 1000;
  const started = Date.now();
  let step = 0;

  const look = async () => {
    if (document.visibilityState === "visible") {
      try {
        const shown = document.querySelector("[data-live]");
        const answer = await fetch(location.pathname + location.search, {
          credentials: "omit",
          cache: "no-store",
          headers: shown.dataset.live ? { "If-None-Match": `"${shown.dataset.live}"` } : {},
        });
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.querySelector("[data-live]");
        if (answer.ok && fresh && fresh.innerHTML.trim() !== shown.innerHTML.trim()) {
          shown.replaceChildren(...[...fresh.childNodes].map((node) => document.importNode(node, true)));
          shown.dataset.live = fresh.dataset.live;
          document.title = page.title;
        }
      } catch {
        // No connection: look again later.
      }
    }
    if (Date.now() - started < UNTIL_MS) setTimeout(look, STEPS_MS[step++] || LAST_MS);
  };

  setTimeout(look, STEPS_MS[step++]);
})();
