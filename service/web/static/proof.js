// The proof of work of the step before a signup (ALTCHA's protocol, version 1): finds the number
// whose SHA-256, after the salt, is the challenge, and sends the form. Where the browser may not
// hash (a page without TLS), the form is sent after the wait. A person has to be there: either the
// browser said that a press of theirs led to this page (the server read it from Sec-Fetch-User), or
// there is input here that the browser vouches for, as on the page of confirm.js.
(() => {
  "use strict";
  const WAIT_MS = 6000;
  const BATCH = 250;
  const INPUT = ["pointermove", "pointerdown", "touchstart", "keydown", "wheel"];
  const form = document.getElementById("step");
  const asked = JSON.parse(form.dataset.challenge);
  const salt = asked.salt.endsWith("&") ? asked.salt : `${asked.salt}&`;
  const encoder = new TextEncoder();
  let isAttended = form.hasAttribute("data-attended");
  let isReady = false;
  let sent = false;

  const send = () => {
    if (sent || !isReady || !isAttended) return;
    sent = true;
    form.submit();
  };

  const ready = () => {
    isReady = true;
    send();
  };

  const hash = async (number) => {
    const digest = await crypto.subtle.digest("SHA-256", encoder.encode(salt + number));
    return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  };

  const solve = async () => {
    for (let first = 0; first <= asked.maxNumber && !sent; first += BATCH) {
      const hashes = await Promise.all(Array.from({ length: BATCH }, (_, place) => hash(first + place)));
      const place = hashes.indexOf(asked.challenge);
      if (place >= 0) {
        const { algorithm, challenge, signature } = asked;
        form.elements.proof.value = btoa(JSON.stringify({ algorithm, challenge, number: first + place, salt: asked.salt, signature }));
        ready();
        return;
      }
    }
  };

  form.addEventListener("submit", (event) => {
    if (sent) event.preventDefault();
    sent = true;
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) sent = false;
  });
  const take = (event) => {
    if (!event.isTrusted) return;
    isAttended = true;
    send();
  };
  for (const name of INPUT) addEventListener(name, take, { capture: true, passive: true });
  if (isAttended) {
    form.querySelector(".by-itself").hidden = false;
    form.querySelector(".by-hand").hidden = true;
  }
  if (globalThis.crypto?.subtle) solve().catch(() => setTimeout(ready, WAIT_MS));
  else setTimeout(ready, WAIT_MS);
})();
