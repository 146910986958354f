// Small helps for those who have scripts: everything works without.
const typing = (event) => event.isComposing || /^(input|textarea|select)$/i.test(event.target.tagName) || event.target.isContentEditable;

// A choice that applies at once.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});

// Keys: / search, j k rows, Enter opens, ? help. Not while an input method composes.
document.addEventListener("keydown", (event) => {
  if (typing(event) || event.ctrlKey || event.metaKey || event.altKey) return;
  const rows = [...document.querySelectorAll("tr[data-row] a.row")];
  const here = rows.indexOf(document.activeElement);
  if (event.key === "/") { event.preventDefault(); document.getElementById("q")?.focus(); }
  else if (event.key === "j" || event.key === "k") rows[Math.max(0, Math.min(rows.length - 1, here + (event.key === "j" ? 1 : -1)))]?.focus();
  else if (event.key === "?") location.assign("/help");
});

// Passkeys: the server makes the question, the browser the answer, the form takes it back.
for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON) continue;
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    if (form.elements.answer.value) return;
    event.preventDefault();
    try {
      const options = await (await fetch(form.dataset.begin, { method: "POST" })).json();
      const credential = form.dataset.passkey === "get"
        ? await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) })
        : await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) });
      form.elements.answer.value = JSON.stringify(credential.toJSON());
      form.submit();
    } catch {
      form.querySelector("[role=alert]").hidden = false;
    }
  });
}

// Parts that live: the server sends the same HTML that the page was made with.
for (const part of document.querySelectorAll("[data-live]")) {
  const source = new EventSource(part.dataset.live);
  source.addEventListener("part", (event) => {
    const made = new DOMParser().parseFromString(event.data, "text/html").body;
    part.replaceChildren(...made.childNodes);
    part.dataset.state = "live";
    const go = part.querySelector("a[data-go]"); // there is more to see than a part can show
    if (go) { source.close(); location.assign(go.href); }
  });
  source.addEventListener("error", () => { part.dataset.state = "stopped"; });
}
// A brush over a chart: drag from here to there, and the address names that interval. Without scripts the form does it.
for (const plot of document.querySelectorAll("[data-brush]")) {
  let began = null, shade = null;
  const place = (chart, event) => {
    const scale = chart.viewBox.baseVal.width / chart.getBoundingClientRect().width;
    const x = (event.clientX - chart.getBoundingClientRect().left) * scale;
    return Math.min(Math.max(x, +chart.dataset.left), +chart.dataset.right);
  };
  plot.addEventListener("dragstart", (event) => event.preventDefault());
  plot.addEventListener("pointerdown", (event) => {
    const chart = event.target.closest("svg");
    if (chart && event.button === 0) began = { chart, x: place(chart, event) };
  });
  plot.addEventListener("pointermove", (event) => {
    if (!began) return;
    const x = place(began.chart, event), left = Math.min(x, began.x), width = Math.abs(x - began.x);
    if (!shade && width < 6) return;
    if (!shade) {
      shade = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      shade.setAttribute("class", "brushed");
      shade.setAttribute("y", began.chart.dataset.top);
      shade.setAttribute("height", began.chart.dataset.bottom - began.chart.dataset.top);
      began.chart.append(shade);
      plot.setPointerCapture(event.pointerId);
    }
    shade.setAttribute("x", left);
    shade.setAttribute("width", width);
  });
  const end = (event) => {
    if (shade && event.type === "pointerup") {
      const { left, right } = began.chart.dataset, x = place(began.chart, event);
      const at = (one) => Math.round(+plot.dataset.begin + (one - left) / (right - left) * (plot.dataset.end - plot.dataset.begin));
      const where = new URL(location.href);
      where.searchParams.set("since", at(Math.min(x, began.x)));
      where.searchParams.set("until", at(Math.max(x, began.x)));
      where.searchParams.delete("after");
      location.assign(where);
    }
    shade?.remove();
    began = shade = null;
  };
  plot.addEventListener("pointerup", end);
  plot.addEventListener("pointercancel", end);
}
document.documentElement.classList.add("scripted");
// Countdowns go on by themselves; without scripts the page shows what was left when it was made.
for (const part of document.querySelectorAll("[data-until]")) {
  setInterval(() => {
    const seconds = Math.trunc((part.dataset.until - Date.now()) / 1000), left = Math.abs(seconds);
    const two = (number) => String(number).padStart(2, "0");
    part.textContent = `${seconds < 0 ? "−" : ""}${Math.floor(left / 3600)}:${two(Math.floor(left / 60) % 60)}:${two(left % 60)}`;
  }, 1000);
}
