// Why not another cause? Each rule for it, with the conditions that did not hold.

import { field } from "./dialogs.js";
import { fill, h, say, told, values } from "./dom.js";
import { read } from "./http.js";
import { notice, section, skeleton } from "./parts.js";
import { component, count } from "./words.js";

const WORDS = { absent: "nothing fits", unread: "nobody looked", present: "is there, and must not be" };
let known = null;

/** Return the form that asks why a cause was not concluded, and its answer. */
export function whyNot(incident) {
  const { report } = incident;
  const named = new Set([...report.hypotheses, ...report.ruled_out].map((one) => one.component));
  for (const fact of Object.values(report.facts)) named.add(fact.component);
  const place = h("div", { "aria-live": "polite" });
  const first = report.hypotheses[0]?.component ?? "";
  const form = h("form", { class: "inline-form" },
    field("Cause", causeChoice("cause", "Choose a cause")),
    field("Component", h("input", { name: "component", required: true, value: first, list: "components", maxlength: 400, autocapitalize: "none", spellcheck: "false" })),
    h("datalist", { id: "components" }, ...[...named].sort().map((one) => h("option", { value: one }))),
    h("button", { type: "submit", class: "primary" }, "Ask"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const asked = values(form);
    if (!asked.cause) return form.elements.cause.focus();
    fill(place, skeleton(3));
    try {
      fill(place, trials(await read(`incidents/${incident.id}/why-not?${new URLSearchParams(asked)}`), report));
      say("The answer is there.");
    } catch (problem) {
      fill(place, notice(problem));
    }
  });
  return section("why-not", "Why not …?", "", h("p", { class: "muted" }, "Ask why a cause was not concluded for a component."), form, place);
}

/** Return a choice of the causes of the catalogue, by category. */
export function causeChoice(name, nothing) {
  const choice = h("select", { name }, h("option", { value: "" }, nothing));
  known ??= read("causes").catch(() => (known = null) ?? []);
  known.then((causes) => {
    const groups = Map.groupBy?.(causes, (one) => one.category) ?? new Map([["causes", causes]]);
    choice.append(...[...groups].sort().map(([category, all]) => h("optgroup", { label: category }, ...all.map((one) => h("option", { value: one.id }, `${one.title} (${one.id})`)))));
  });
  return choice;
}

function trials(found, report) {
  if (!found.length) return h("p", { class: "muted" }, "No rule concludes this cause.");
  return h("ul", { class: "trials" }, ...found.map((one) => h("li", {},
    h("p", {}, h("b", {}, told(one.title || one.rule)), " ", h("code", { class: "muted" }, told(one.rule))),
    one.unmet.length ? h("p", { class: "muted" }, `${count(one.unmet.length, "condition")} did not hold, ${Object.keys(one.holds).length} did:`) : h("p", { class: "good-text" }, "✓ This rule did conclude it."),
    h("ul", {}, ...one.unmet.map((unmet) => h("li", {}, h("span", { class: `tag ${unmet.why}` }, WORDS[unmet.why] ?? unmet.why), " ", told(unmet.condition), ...unmet.nearest.map(([id, differs]) => nearest(report.facts[id], id, differs))))))));
}

function nearest(fact, id, differs) {
  return h("span", { class: "saw muted" }, "nearest: ", fact ? component(fact.component) : h("code", {}, told(id)), differs && [" · ", told(differs)]);
}
