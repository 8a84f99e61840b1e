// What others wrote about causes like these: runbooks, and those that alerts link to.

import { h, told, visible } from "./dom.js";
import { command, section } from "./parts.js";
import { count } from "./words.js";

const STATES = { satisfied: ["for", "+"], violated: ["against", "−"], unknown: ["undecided", "?"] };
const SAFE = /^https?:\/\/[^\s]+$/i;

/** Return the runbooks of a report. */
export function runbooks(report) {
  const found = [...advised(report), ...linked(report)];
  if (!found.length) return section("runbooks", "Runbooks", "", h("p", { class: "muted" }, "No runbook fits, and no alert links to one. Next steps above come from the catalogue of causes."));
  return section("runbooks", "Runbooks", count(found.length, "runbook"), h("ul", { class: "gaps" }, ...found.map(entry)));
}

function advised(report) {
  const all = report.hypotheses.flatMap((one) => one.runbooks ?? []);
  return [...new Map(all.map((one) => [`${one.address} ${one.passage}`, one])).values()];
}

function linked(report) {
  const found = new Map();
  for (const [name, value] of Object.entries(report.incident.labels ?? {})) if (/runbook/i.test(name)) found.set(String(value), name);
  for (const fact of Object.values(report.facts)) {
    for (const [name, value] of Object.entries(fact.attributes ?? {})) if (/runbook/i.test(name)) found.set(String(value), fact.attributes.alert ?? name);
  }
  return [...found].map(([address, title]) => ({ title, passage: "", address }));
}

function entry(one) {
  const title = h("b", {}, told([one.past ? "Seen before: " : "", one.title, ...(one.headings ?? []).map((heading) => ` > ${heading}`)].join("")));
  const address = SAFE.test(one.address) ? h("a", { href: one.address, rel: "noopener noreferrer", target: "_blank" }, told(one.address)) : h("code", {}, told(one.address));
  const checks = one.checks ?? [];
  const steps = one.steps ?? [];
  return h("li", {}, title, one.stale && h("span", { class: "muted" }, " last reviewed long ago"), one.passage && h("span", { class: "saw" }, told(one.passage)), h("span", { class: "saw" }, address),
    checks.length > 0 && h("ul", { class: "evidence" }, ...checks.map(check)),
    steps.length > 0 && h("ol", { class: "remedy" }, ...steps.map((step) => h("li", {}, h("span", {}, told(step.text)), command(step.command)))));
}

function check(one) {
  const [tone, sign] = STATES[one.state];
  return h("li", { class: tone }, h("span", { class: "sign", "aria-hidden": "true" }, sign), h("span", {}, h("span", { class: "word" }, one.state), told(one.label), one.state === "unknown" && h("span", { class: "muted" }, ` ${visible(one.why)}`)));
}
