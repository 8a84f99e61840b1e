// Dialogs: report an incident, give a key, see what keys of the keyboard do.

import { fill, h, say, told, values } from "./dom.js";
import { key, send } from "./http.js";
import { notice } from "./parts.js";

let asked = null;

/** Ask what is wrong, and open the incident that comes of it. */
export function reportIncident() {
  const once = [...crypto.getRandomValues(new Uint8Array(16))].map((one) => one.toString(16).padStart(2, "0")).join("");
  const trouble = h("div");
  const button = h("button", { type: "submit", class: "primary" }, "Report");
  const dialog = opened("Report an incident", [
    field("What is wrong?", h("textarea", { name: "description", required: true, maxlength: 4000, rows: 4, placeholder: "checkout answers 500", autofocus: true })),
    h("div", { class: "pair" }, field("Namespace", h("input", { name: "namespace", maxlength: 253, placeholder: "all", autocapitalize: "none", spellcheck: "false" })), field("When (UTC)", h("input", { name: "at", type: "datetime-local" }))),
    h("p", { class: "muted" }, "Words are enough. Nothing in the cluster is changed: investigations only read."),
    trouble,
  ], button);
  dialog.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const { description, namespace, at } = values(event.target);
    if (!description) return;
    button.disabled = true;
    try {
      const made = await send("incidents", { description, ...(namespace && { namespace }), ...(at && { at: `${at}Z`.replace(/T(\d\d:\d\d)Z/, "T$1:00Z") }) }, { "Idempotency-Key": once });
      dialog.close();
      say("The incident is accepted and is being investigated.");
      location.hash = `#/incidents/${made.id}`;
    } catch (problem) {
      fill(trouble, notice(problem));
    }
    button.disabled = false;
  });
}

/** Ask for a key, once however many requests need one; return whether there is one. */
export function askForKey(why) {
  asked ??= keyDialog(why).finally(() => (asked = null));
  return asked;
}

function keyDialog(why) {
  const dialog = opened("This service needs a key", [
    why && h("div", { class: "notice", role: "alert" }, h("strong", {}, "The key was refused"), h("p", {}, told(why))),
    field("API key or token", h("input", { name: "key", type: "password", required: true, autocomplete: "off", autofocus: true })),
    h("p", { class: "muted" }, "It is kept in this tab until you close it. Make one with: ", h("code", {}, "sre-orchestrator keys create NAME")),
  ], h("button", { type: "submit", class: "primary" }, "Use the key"));
  return new Promise((resolve) => {
    dialog.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      key.set(values(event.target).key);
      dialog.close("given");
    });
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "given"));
  });
}

/** Show what keys of the keyboard do. */
export function help() {
  const keys = [["/", "search"], ["n", "report an incident"], ["j  k  ↓  ↑", "next and previous incident"], ["Enter", "open"], ["u", "back to the list"], ["?", "this help"]];
  opened("Keyboard", [h("dl", { class: "keys" }, ...keys.map(([one, does]) => h("div", {}, h("dt", {}, ...one.split(/\s+/).map((each) => h("kbd", {}, each))), h("dd", {}, does))))]);
}

/** Return a labelled field. */
export function field(label, input) {
  return h("label", { class: "field" }, h("span", {}, label), input);
}

function opened(title, content, action = null) {
  const close = h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, action ? "Cancel" : "Close");
  const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, h("form", {}, h("h2", { id: "dialog-title" }, title), ...content, h("footer", {}, close, action)));
  const before = document.activeElement;
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (before?.isConnected) before.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
