// What a language model added: its words, causes that it thinks possible, what it cost. Nothing is concluded from it.

import { h, told } from "./dom.js";
import { section } from "./parts.js";
import { component, count } from "./words.js";

const CITED = /\s*\[f[0-9a-f]{12}(?:,\s*f[0-9a-f]{12})*\]/g;

/** Return the report in sentences, where a model took part in that. */
export function inWords(report) {
  if (!report.versions.model || !report.cost.model?.narrate || !report.narrative) return null;
  const lines = report.narrative.split("\n").map((line) => h("p", {}, told(line.replace(CITED, ""))));
  return section("words", "In words", "each sentence was checked against the facts", ...lines);
}

/** Return the causes that a model thinks possible, apart from what is proved. */
export function suggestions(report) {
  if (!report.suggestions?.length) return null;
  const rows = report.suggestions.map((one) =>
    h("li", {}, h("span", { class: "tag" }, "unproven suggestion"), " ", h("b", {}, told(one.title)), " ", component(one.component), one.why && h("span", { class: "saw" }, h("span", { class: "muted" }, "It shows: "), told(one.why))));
  return section("suggestions", "Unproven suggestions", "", h("p", { class: "muted" }, "A language model thinks these possible. No rule and no fact proves them."), h("ul", { class: "gaps" }, ...rows));
}

/** Return in a few words which model took part, and what it cost. */
export function modelCost(report) {
  const { cost, versions } = report;
  if (!versions.model) return "no language model";
  const uses = Object.values(cost.model ?? {});
  const seconds = uses.reduce((sum, one) => sum + one.elapsed_ms, 0) / 1000;
  const unused = uses.reduce((sum, one) => sum + (one.failures?.length ?? 0), 0);
  return `model ${versions.model}: ${count(cost.llm_calls, "call")}, ${count(cost.tokens, "token")}, ${seconds.toFixed(1)} s${unused ? `, ${count(unused, "answer")} not or only partly used` : ""}`;
}
