// Small parts that several views show: badges, notices, commands, confidences.

import { fill, h, say, told, visible } from "./dom.js";
import { likely, percent } from "./words.js";

const STATUS = {
  queued: ["waiting", "◌ queued"],
  running: ["working", "◐ investigating"],
  done: ["good", "● done"],
  failed: ["bad", "✕ failed"],
  diagnosed: ["good", "✓ diagnosed"],
  unresolved: ["unsure", "? unresolved"],
  resolved: ["waiting", "■ over"],
};

/** Return what a status is, by colour, sign and word. */
export function badge(status) {
  const [tone, text] = STATUS[status] ?? ["waiting", status];
  return h("span", { class: `badge ${tone}` }, text);
}

/** Return the badge that says most of an incident. */
export function standing(incident) {
  return badge(incident.status === "done" && incident.verdict ? incident.verdict : incident.status);
}

/** Return a confidence as a bar, a number and words. */
export function confidence(value, { words = true } = {}) {
  const bar = h("span", { class: "meter", "aria-hidden": "true" }, h("span", { class: "meter-fill" }));
  bar.firstChild.style.width = percent(value).replace(" ", "");
  return h("span", { class: "confidence" }, bar, h("b", {}, percent(value)), words && h("span", { class: "muted" }, ` ${likely(value)}`));
}

/** Return a problem in words, with a button when it may be tried again. */
export function notice(problem, again = null) {
  return h("div", { class: "notice", role: "alert" }, h("strong", {}, problem.title ?? "This page has a defect"), h("p", {}, told(problem.detail ?? problem.message)), again && h("button", { type: "button", onclick: again }, "Try again"));
}

/** Return a command with a button that copies it; it is never executed here. */
export function command(text) {
  const button = h("button", { type: "button", class: "copy", "aria-label": `Copy the command ${visible(text)}` }, "Copy");
  button.addEventListener("click", async () => {
    const copied = await copy(text);
    fill(button, copied ? "✓ Copied" : "Select it");
    say(copied ? "The command is copied." : "The command cannot be copied here; it is selected.");
    if (!copied) getSelection().selectAllChildren(shown);
    setTimeout(() => fill(button, "Copy"), 2000);
  });
  const shown = h("code", { tabindex: "0", role: "group", "aria-label": "Command" }, told(text));
  return h("div", { class: "command" }, shown, button);
}

/** Return a section with a heading; `aside` stands at its right. */
export function section(id, title, aside, ...children) {
  return h("section", { id, class: "panel", "aria-labelledby": `${id}-title` }, h("header", {}, h("h2", { id: `${id}-title` }, title), aside && h("span", { class: "muted" }, aside)), ...children);
}

/** Return grey lines where something will be. */
export function skeleton(lines = 4) {
  return h("div", { class: "skeleton", "aria-hidden": "true" }, ...Array.from({ length: lines }, () => h("span")));
}

/** Run what a button does, once at a time; what goes wrong is shown beside it. */
export function doing(button, place, work) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    fill(place);
    try {
      await work();
    } catch (problem) {
      fill(place, notice(problem));
    }
    button.disabled = false;
  });
  return button;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // without TLS browsers do not let pages copy
  }
}
