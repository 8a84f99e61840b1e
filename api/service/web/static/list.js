// The list of incidents; what is asked for is in the address.

import { fill, h, say, told, values } from "./dom.js";
import { read } from "./http.js";
import { confidence, notice, skeleton, standing } from "./parts.js";
import { pause } from "./stream.js";
import { ago, component, count } from "./words.js";

const LOOK_SECONDS = { quiet: 10, busy: 2 };
const PAGE = 25;
const ASKED = ["text", "status", "verdict", "namespace", "sort"];

/** Show the list until the reader goes elsewhere; it stays current. */
export async function showList(main, query, signal) {
  document.title = "Incidents · SRE-Orchestrator";
  const place = h("div", { class: "results", "aria-busy": "true" }, skeleton(8));
  const trouble = h("div");
  const form = filters(query);
  fill(main, h("h1", { tabindex: "-1" }, "Incidents"), form, trouble, place);
  dispatchEvent(new Event("shown"));
  if (query.get("focus") === "search") form.elements.text.focus();
  const causes = new Map();
  read("causes", { signal }).then((all) => all.forEach((one) => causes.set(one.id, one.title)), () => {});
  for (let known = ""; !signal.aborted; ) {
    let busy = false;
    try {
      const page = await read(`incidents?${asked(query)}`, { signal });
      busy = page.items.some((one) => one.status === "queued" || one.status === "running");
      const now = JSON.stringify([page, [...causes], Math.floor(Date.now() / 60_000)]);
      if (now !== known && !signal.aborted) shown(place, page, query, causes);
      known = now;
      fill(trouble);
    } catch (problem) {
      if (signal.aborted) return;
      fill(trouble, notice(problem));
      if (!known) fill(place);
    }
    await pause((busy ? LOOK_SECONDS.busy : LOOK_SECONDS.quiet) * 1000, signal);
    while (document.hidden && !signal.aborted) await pause(1000, signal);
  }
}

function asked(query) {
  const sent = new URLSearchParams({ limit: PAGE });
  for (const name of [...ASKED, "cursor"]) if (query.get(name)) sent.set(name, query.get(name));
  return sent;
}

function filters(query) {
  const choose = (name, label, options) =>
    h("select", { name, "aria-label": label }, ...options.map(([value, text]) => h("option", { value, selected: (query.get(name) ?? "") === value }, text)));
  const form = h(
    "form", { class: "filters", role: "search", "aria-label": "Incidents" },
    h("input", { id: "search", name: "text", type: "search", value: query.get("text") ?? "", placeholder: "Search descriptions   /", "aria-label": "Search descriptions", maxlength: 400 }),
    choose("status", "Status", [["", "Any status"], ["queued", "Queued"], ["running", "Investigating"], ["done", "Done"], ["failed", "Failed"]]),
    choose("verdict", "Verdict", [["", "Any verdict"], ["diagnosed", "Diagnosed"], ["unresolved", "Unresolved"]]),
    h("input", { name: "namespace", value: query.get("namespace") ?? "", placeholder: "Any namespace", "aria-label": "Namespace", maxlength: 253, autocapitalize: "none" }),
    choose("sort", "Order", [["", "Newest first"], ["created_at", "Oldest first"], ["-updated_at", "Last changed first"], ["updated_at", "Longest unchanged first"]]),
  );
  const go = () => (location.hash = address(values(form)));
  form.addEventListener("submit", (event) => (event.preventDefault(), go()));
  form.addEventListener("change", go);
  return form;
}

function address(wanted) {
  const query = new URLSearchParams(Object.entries(wanted).filter(([, value]) => value));
  return query.size ? `#/?${query}` : "#/";
}

function shown(place, page, query, causes) {
  const at = document.activeElement?.dataset?.row;
  const rows = page.items.map((one) => row(one, causes));
  fill(place, rows.length ? table(rows) : empty(query), pages(page, query));
  place.setAttribute("aria-busy", "false");
  if (at) place.querySelector(`[data-row="${at}"]`)?.focus();
  say(rows.length ? `${count(rows.length, "incident")} on this page.` : "No incidents.");
}

function table(rows) {
  const heads = ["Status", "Incident", "Most likely cause", "Confidence", "Reported"];
  return h("table", { class: "incidents" }, h("caption", { class: "unseen" }, "Incidents"), h("thead", {}, h("tr", {}, ...heads.map((one) => h("th", { scope: "col" }, one)))), h("tbody", {}, ...rows));
}

function row(one, causes) {
  const { description, namespace, cluster } = one.reported;
  const about = [namespace && ["in ", told(namespace)], cluster && ["on ", told(cluster)], one.origin !== "api" && `by ${one.origin}`, one.seen > 1 && `seen ${one.seen} times`, one.merged_into && "same cause as another", one.resolved_at && "over"].filter(Boolean);
  const link = h("a", { href: `#/incidents/${one.id}`, "data-row": one.id }, told(description));
  return h(
    "tr", {},
    h("td", { class: "is" }, standing(one)),
    h("th", { scope: "row", class: "what" }, link, about.length > 0 && h("span", { class: "muted about" }, ...about.flatMap((part, at) => (at ? [" · ", part] : [part])))),
    h("td", { class: "why" }, one.cause ? [h("span", {}, told(causes.get(one.cause) ?? one.cause)), h("span", { class: "muted about" }, component(one.component))] : h("span", { class: "muted" }, one.error ? told(one.error) : one.status === "done" ? "none found" : "…")),
    h("td", { class: "sure" }, one.cause ? confidence(one.confidence, { words: false }) : null),
    h("td", { class: "when" }, ago(one.created_at)),
  );
}

function empty(query) {
  const filtered = [...ASKED, "cursor"].some((name) => query.get(name));
  const text = filtered ? "No incident is like this." : "No incident has been reported.";
  const more = filtered ? h("a", { href: "#/" }, "Show all") : h("span", {}, "Report one, or let ", h("b", {}, "alerts"), " come in at ", h("code", {}, "/api/v1/alerts/alertmanager"), ".");
  return h("div", { class: "empty" }, h("p", {}, text), h("p", { class: "muted" }, more));
}

function pages(page, query) {
  const wanted = Object.fromEntries(ASKED.map((name) => [name, query.get(name) ?? ""]));
  const back = query.get("cursor") && h("a", { href: address(wanted) }, "← First page");
  const on = page.next_cursor && h("a", { href: address({ ...wanted, cursor: page.next_cursor }), rel: "next" }, "Next page →");
  return (back || on) && h("nav", { class: "pages", "aria-label": "Pages" }, back || h("span"), on || h("span"));
}
