// Confirms at the first sign of a person: the mouse, a finger or pen, a key or the wheel, as an event
// that the browser itself vouches for (isTrusted). Mail scanners open links in real browsers, look at
// the page for as long as they like, and scroll and focus by script; none of that is input. `scroll`,
// `focus` and `resize` do not count, because a script that causes them gets trusted events, too.
(() => {
  "use strict";
  const INPUT = ["pointermove", "pointerdown", "touchstart", "keydown", "wheel"];
  const form = document.getElementById("confirm");
  let sent = false;

  const isSeen = () =>
    document.visibilityState === "visible" && !document.prerendering && innerWidth > 0 && innerHeight > 0;

  const take = (event) => {
    if (sent || !event.isTrusted || !isSeen()) return;
    sent = true;
    form.submit();
  };

  // The button, when it is pressed without any of these: by a screen reader or voice control, whose
  // clicks are trusted. A script's click() and requestSubmit() are not a person's press.
  let isPressed = false;
  form.addEventListener("click", (event) => {
    isPressed = event.isTrusted;
  });
  form.addEventListener("submit", (event) => {
    if (sent || !isPressed) event.preventDefault();
    else sent = true;
  });
  // Back from the next page, out of the browser's memory: the button works again.
  addEventListener("pageshow", (event) => {
    if (event.persisted) sent = false;
  });
  for (const name of INPUT) addEventListener(name, take, { capture: true, passive: true });
  form.querySelector(".by-itself").hidden = false;
})();
