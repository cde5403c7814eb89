// Confirms by itself, once a person can really see the page: it is visible and not prerendered, has
// a size, stays visible for a short dwell, and has been drawn in two frames after that. A mail
// scanner that fetches the link, or a tab in the background, does not get so far.
(() => {
  "use strict";
  const DWELL_MS = 600;
  const form = document.getElementById("confirm");
  let timer = 0;
  let sent = false;

  const isSeen = () =>
    document.visibilityState === "visible" && !document.prerendering && innerWidth > 0 && innerHeight > 0;

  const send = () => {
    if (sent || !isSeen()) return;
    sent = true;
    form.submit();
  };

  const watch = () => {
    clearTimeout(timer);
    if (sent || !isSeen()) return;
    timer = setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(send)), DWELL_MS);
  };

  form.addEventListener("submit", (event) => {
    if (sent) event.preventDefault();
    sent = true;
  });
  // Back from the next page, out of the browser's memory: the button works again.
  addEventListener("pageshow", (event) => {
    if (event.persisted) sent = false;
  });
  form.querySelector(".by-itself").hidden = false;
  document.addEventListener("visibilitychange", watch);
  document.addEventListener("prerenderingchange", watch);
  watch();
})();
