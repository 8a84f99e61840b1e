// Starts the page: which view an address shows, keys of the keyboard, dialogs.

import { askForKey, help, reportIncident } from "./dialogs.js";
import { fill, h } from "./dom.js";
import { key, keysFrom } from "./http.js";
import { showIncident } from "./incident.js";
import { showList } from "./list.js";
import { notice } from "./parts.js";

const main = document.getElementById("main");
const signOut = document.getElementById("sign-out");
let leaving = new AbortController();
let first = true;

async function show() {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  signOut.hidden = !key.get();
  const [path, query] = location.hash.replace(/^#/, "").split("?");
  const found = /^\/incidents\/([\w-]+)$/.exec(path);
  try {
    if (found) await showIncident(main, found[1], signal);
    else await showList(main, new URLSearchParams(query), signal);
  } catch (problem) {
    if (signal.aborted) return;
    fill(main, h("h1", { tabindex: "-1" }, "Incidents"), notice(problem, show));
  }
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.matches("input, textarea, select")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const does = { "/": search, n: reportIncident, u: () => (location.hash = "#/"), "?": help, j: () => step(1), k: () => step(-1) };
  const inList = event.target.matches("[data-row]") || event.target === document.body || event.target === main || event.target.matches("h1");
  if (inList) Object.assign(does, { ArrowDown: () => step(1), ArrowUp: () => step(-1) });
  if (!does[event.key] || (event.key.startsWith("Arrow") && !document.querySelector("[data-row]"))) return;
  event.preventDefault();
  does[event.key]();
}

function search() {
  const field = document.getElementById("search");
  if (field) field.focus();
  else location.hash = "#/?focus=search";
}

function step(by) {
  const rows = [...document.querySelectorAll("[data-row]")];
  const at = rows.indexOf(document.activeElement);
  rows[Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + by))]?.focus();
}

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
document.getElementById("report").addEventListener("click", reportIncident);
document.getElementById("keys").addEventListener("click", help);
signOut.addEventListener("click", () => {
  key.forget();
  show();
});
addEventListener("keydown", pressed);
addEventListener("hashchange", async () => {
  first = false;
  await show();
});
addEventListener("shown", () => {
  if (!first && document.activeElement === document.body) main.querySelector("h1")?.focus();
});
keysFrom(async (why) => {
  const given = await askForKey(why);
  signOut.hidden = !key.get();
  return given;
});
show();
