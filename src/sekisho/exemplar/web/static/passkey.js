// Passkeys need a script: this one translates between the terminal's JSON and the browser's WebAuthn call.
// Everything is checked on the terminal; here is nothing to protect.
"use strict";

const bytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (character) => character.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

async function call(path, body) {
  const answer = await fetch(path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

async function create() {
  const options = await call("/api/passkeys/options", {});
  options.challenge = bytes(options.challenge);
  options.user.id = bytes(options.user.id);
  for (const one of options.excludeCredentials) one.id = bytes(one.id);
  const made = await navigator.credentials.create({ publicKey: options });
  await call("/api/passkeys", {
    id: made.id,
    name: document.getElementById("name").value,
    clientDataJSON: text(made.response.clientDataJSON),
    authenticatorData: text(made.response.getAuthenticatorData()),
    publicKey: text(made.response.getPublicKey()),
  });
  location.assign("/account");
}

async function login() {
  const options = await call("/api/passkey/request", {});
  options.challenge = bytes(options.challenge);
  const found = await navigator.credentials.get({ publicKey: options });
  await call("/api/passkey/login", {
    id: found.id,
    clientDataJSON: text(found.response.clientDataJSON),
    authenticatorData: text(found.response.authenticatorData),
    signature: text(found.response.signature),
  });
  location.assign("/");
}

const actions = { create, login };
for (const button of document.querySelectorAll("[data-passkey]")) {
  if (!window.PublicKeyCredential) continue;
  button.closest("[hidden]").hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await actions[button.dataset.passkey]();
    } catch (error) {
      const note = document.createElement("p");
      note.className = "note bad";
      note.setAttribute("role", "alert");
      note.textContent = button.dataset.failed;
      button.parentElement.querySelector(".note")?.remove();
      button.before(note);
    } finally {
      button.disabled = false;
    }
  });
}
