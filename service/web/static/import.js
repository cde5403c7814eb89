// Shows how far an import is: first the upload, then the rows. The answer is read while it comes, a
// line of JSON at a time; its last line is the page of results. Without this script the same form
// leads to the same page, only without news meanwhile.
(() => {
  "use strict";
  const whole = new Intl.NumberFormat(document.documentElement.lang);
  const share = new Intl.NumberFormat(document.documentElement.lang, { style: "percent" });

  const HEAD_BYTES = 1 << 20;
  let held = null;

  // The page of columns asks for the file once more: the browser still has it.
  const handOn = (content) => {
    const input = content.querySelector("#import input[type=file]");
    const hint = content.querySelector("[data-held]");
    if (!held || !input || !hint) return;
    input.files = held;
    hint.textContent = hint.dataset.held;
  };

  const show = (page, report) => {
    const fresh = new DOMParser().parseFromString(page, "text/html");
    const content = document.getElementById("content");
    content.replaceChildren(...[...fresh.getElementById("content").childNodes].map((node) => document.importNode(node, true)));
    document.title = fresh.title;
    handOn(content);
    const place = content.querySelector("[data-rows]");
    if (place && report.length) {
      place.querySelector("a").href = URL.createObjectURL(new Blob(report, { type: "text/csv" }));
      place.hidden = false;
    }
    content.querySelector("[aria-invalid], [role=alert]:not([hidden])[tabindex], #report").focus();
    window.scrollTo(0, 0);
  };

  // The beginning of a file is enough to see its columns.
  const look = async (form, button) => {
    const data = new FormData(form);
    const [file] = held;
    if (!/\.zip$/i.test(file.name)) data.set("file", file.slice(0, HEAD_BYTES), file.name);
    const answer = await fetch(button.formAction, { method: "POST", body: data });
    if (answer.redirected || ![200, 422].includes(answer.status)) location.reload();
    else show(await answer.text(), []);
  };

  const start = (form, button) => {
    const { size } = form.elements.file.files[0];
    const data = new FormData(form);
    if (button?.name) data.append(button.name, button.value);
    const place = document.getElementById("progress");
    const bar = place.querySelector("progress");
    const stage = place.querySelector("h2");
    const news = place.querySelector("p");
    const report = [];
    let page = null;
    let read = 0;

    const enter = (text) => {
      stage.textContent = text;
      news.textContent = "";
      bar.removeAttribute("value");
    };
    const advance = (part, text) => {
      bar.value = part;
      news.textContent = text ? `${text} · ${share.format(part)}` : share.format(part);
    };
    const fail = () => {
      place.hidden = true;
      form.closest("section").hidden = false;
      document.getElementById("broke-off").hidden = false;
      document.getElementById("broke-off").focus();
    };

    const request = new XMLHttpRequest();
    const take = () => {
      const text = request.responseText;
      for (let end = text.indexOf("\n", read); end >= 0; end = text.indexOf("\n", read)) {
        const line = JSON.parse(text.slice(read, end));
        read = end + 1;
        if ("rows" in line) advance(Math.min(1, line.bytes / size), place.dataset.rows.replace("{count}", whole.format(line.rows)));
        if ("report" in line) report.push(line.report);
        if ("page" in line) page = line.page;
      }
    };
    const isOurs = () => request.status === 200 && (request.getResponseHeader("Content-Type") ?? "").startsWith("application/x-ndjson");
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) advance(event.loaded / event.total, "");
    };
    request.upload.onload = () => enter(place.dataset.importing);
    request.onprogress = () => {
      if (isOurs()) take();
    };
    request.onload = () => {
      if (!isOurs()) {
        // The session has ended, or the form is no longer good: the page itself says so.
        if (request.status < 500) location.reload();
        else fail();
        return;
      }
      take();
      if (page) show(page, report);
      else fail();
    };
    request.onerror = fail;
    form.closest("section").hidden = true;
    document.getElementById("broke-off").hidden = true;
    place.hidden = false;
    enter(place.dataset.uploading);
    stage.focus();
    request.open("POST", form.getAttribute("action"));
    request.setRequestHeader("Accept", "application/x-ndjson");
    request.send(data);
  };

  document.addEventListener("submit", (event) => {
    if (event.target.id !== "import" || !event.target.elements.file.files.length) return;
    event.preventDefault();
    held = event.target.elements.file.files;
    if (event.submitter?.hasAttribute("formaction")) look(event.target, event.submitter);
    else start(event.target, event.submitter);
  });
})();
