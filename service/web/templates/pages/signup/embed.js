{% set consent = consent_of(info) -%}
// {{ info.slug }}: a signup form that stands where this script's tag stands. No cookie, no third party.
// Where the tag stands in the head, the form goes to <div data-newsflash="{{ info.slug }}"></div>, else to the body's end.
(() => {
  "use strict";
  const tag = document.currentScript; // null in a module and in a shadow root
  const slug = {{ info.slug|tojson }};
  const sites = {{ sites|tojson }};
  const url = {{ form_url|tojson }};
  const text = {
    email: {{ _("Email address")|tojson }},
    empty: {{ _("Leave this empty")|tojson }},
    consent: {{ (consent.text or (_("By subscribing, you agree that %(controller)s sends you %(list)s by email. We first send you one email to confirm. You can unsubscribe at any time with one click.", controller=info.controller, list=info.name) if info.controller else _("By subscribing, you agree to receive %(list)s by email. We first send you one email to confirm. You can unsubscribe at any time with one click.", list=info.name)))|tojson }},
    privacy: {{ _("Privacy notice")|tojson }},
    subscribe: {{ _("Subscribe")|tojson }},
    sending: {{ _("One moment …")|tojson }},
    sent: {{ _("Check your inbox and open the link in our email to confirm.")|tojson }},
    status: {{ _("Enter the code from the email, or check its status")|tojson }},
    elsewhere: {{ _("This form isn't set up for this website.")|tojson }},
    busy: {{ _("Too many requests. Please try again in a minute.")|tojson }},
  };
  const privacyUrl = {{ info.privacy_url|tojson }};
  const css = `
    :host { display: block; max-width: 32rem; color: inherit; font: inherit; line-height: 1.5; }
    * { box-sizing: border-box; }
    [hidden], .away { display: none !important; }
    label { display: block; margin-bottom: .35em; font-weight: 600; }
    .row { display: flex; flex-wrap: wrap; gap: .5rem; }
    input { flex: 1 1 12rem; min-width: 0; min-height: 44px; padding: .5em .75em; border: 1px solid #767f87; border-radius: .4em; background: #fff; color: #1d2730; font: inherit; }
    button { min-height: 44px; padding: .5em 1.25em; border: 1px solid var(--newsflash-accent, #0d5c63); border-radius: .4em; background: var(--newsflash-accent, #0d5c63); color: var(--newsflash-on-accent, #fff); font: inherit; font-weight: 600; cursor: pointer; }
    button[aria-disabled="true"] { cursor: progress; opacity: .75; }
    :focus-visible { outline: 3px solid #1a5fd0; outline-offset: 2px; }
    p { margin: .75em 0 0; }
    small { font-size: .875em; }
    a { color: inherit; }
    .error:not(:empty) { padding: .5em .75em; border-radius: .4em; background: #fbecea; color: #8f1f17; }
    input[aria-invalid="true"] { border: 2px solid #a3261d; }`;

  const make = (name, attributes = {}, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  };

  const build = () => {
    const host = make("div", { lang: {{ page_locale()|string|replace("_", "-")|tojson }}, dir: {{ page_locale().text_direction|tojson }} });
    const root = host.attachShadow({ mode: "open" });
    if ("adoptedStyleSheets" in root && "replaceSync" in CSSStyleSheet.prototype) {
      const sheet = new CSSStyleSheet(); // not held back by the page's style-src
      sheet.replaceSync(css);
      root.adoptedStyleSheets = [sheet];
    } else {
      root.append(make("style", {}, css));
    }
    const email = make("input", { id: "email", name: "email", type: "email", inputmode: "email", autocomplete: "email", autocapitalize: "none", spellcheck: "false", maxlength: "320", required: "", "aria-describedby": "error" });
    const button = make("button", { type: "submit" }, text.subscribe);
    const error = make("p", { id: "error", class: "error", role: "alert" });
    const said = make("p", { role: "status", "aria-live": "polite", tabindex: "-1" });
    const consent = make("small", {}, text.consent);
    if (privacyUrl) consent.append(" ", make("a", { href: privacyUrl, target: "_blank", rel: "noopener noreferrer" }, text.privacy));
    const form = make("form", { method: "post", action: url, novalidate: "" },
      make("label", { for: "email" }, text.email),
      make("div", { class: "row" }, email, button),
      error,
      make("div", { class: "away", "aria-hidden": "true", inert: "" },
        make("label", {}, text.empty + " ", make("input", { name: "website", type: "text", tabindex: "-1", autocomplete: "off", "data-1p-ignore": "", "data-lpignore": "true" }))),
      make("input", { type: "hidden", name: "form_token", value: {{ form_token|tojson }} }),
      make("input", { type: "hidden", name: "source", value: location.origin + location.pathname }),
      make("input", { type: "hidden", name: "consent_text", value: {{ (info.id ~ ":" ~ consent.version)|tojson }} }),
      make("p", {}, consent));

    const refuse = (message) => {
      error.textContent = message;
      email.setAttribute("aria-invalid", "true");
      email.focus();
    };

    let busy = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (busy) return;
      busy = true;
      button.setAttribute("aria-disabled", "true");
      error.textContent = "";
      email.removeAttribute("aria-invalid");
      said.textContent = text.sending;
      let answer, reply;
      try {
        answer = await fetch(url, {
          method: "POST", mode: "cors", credentials: "omit", referrerPolicy: "no-referrer", redirect: "error",
          headers: { Accept: "application/json" }, body: new URLSearchParams(new FormData(form)),
        });
        reply = await answer.json();
      } catch {
        form.submit(); // this page may not fetch: post it as any form is posted
        return;
      }
      busy = false;
      button.removeAttribute("aria-disabled");
      said.textContent = "";
      if (answer.ok) {
        form.hidden = true;
        said.append(text.sent, " ", make("a", { href: reply.status_url, target: "_blank", rel: "noopener noreferrer" }, text.status));
        said.focus();
      } else if (answer.status === 422) {
        refuse(reply.detail || text.busy);
      } else if (answer.status === 403) {
        refuse(text.elsewhere);
        warn();
      } else {
        refuse(text.busy);
      }
    });
    root.append(form, said);
    return host;
  };

  const warn = () =>
    console.error(`Newsflash: the form "${slug}" isn't set up for ${location.origin}. Add ${location.origin} to the list's allowed websites: on its admin page, or with newsflash lists change ${slug} --origin ${location.origin}.`);

  // What was filled already, by whichever copy of this script: a tag or place gets one form.
  const filled = (window[Symbol.for("newsflash.filled")] ??= new WeakSet());
  const isNew = (element) => !filled.has(element) && filled.add(element);
  const atEnd = (window[Symbol.for("newsflash.atEnd")] ??= new Set());

  const find = (selector, root = document) => [
    ...root.querySelectorAll(selector),
    ...[...root.querySelectorAll("*")].flatMap((element) => (element.shadowRoot ? find(selector, element.shadowRoot) : [])),
  ];

  const isOurs = (script) => (script.src || "").split(/[?#]/)[0].endsWith(`/embed/${slug}.js`);

  const place = () => {
    const tags = tag ? [tag] : find("script").filter(isOurs);
    const standing = tags.filter((each) => each.isConnected && !document.head.contains(each) && isNew(each));
    for (const each of standing) each.after(build());
    if (standing.length || (tags.length && tags.every((each) => filled.has(each)))) return;
    tags.forEach(isNew);
    const places = find(`[data-newsflash="${slug}"]`);
    for (const each of places.filter(isNew)) each.append(build());
    if (places.length || atEnd.has(slug)) return;
    atEnd.add(slug);
    document.body.append(build());
  };

  if (sites.length && location.origin !== "null" && !sites.includes(location.origin)) warn();
  if (document.readyState === "loading" && (!tag || document.head.contains(tag))) addEventListener("DOMContentLoaded", place);
  else place();
})();
