// What happened when: changes and the first sight of each symptom, those alike together.

import { h, told } from "./dom.js";
import { section } from "./parts.js";
import { brief, clock, component, count, offset, parts } from "./words.js";

const MOST = 14;

/** Return the timeline of a report. */
export function timeline(report) {
  const found = moments(report);
  if (!found.length) return section("timeline", "Timeline", "", h("p", { class: "muted" }, "Nothing that was seen has a time."));
  const blamed = new Set(report.hypotheses[0]?.changes ?? []);
  const left = report.timeline.length - found.reduce((sum, same) => sum + same.length, 0);
  return section(
    "timeline", "Timeline", "UTC",
    h("ol", { class: "timeline" }, ...found.map((same) => entry(same, report, blamed)), h("li", { class: "now" }, h("span", { class: "at" }, clock(report.incident.at)), h("span", {}, h("span", { class: "tag" }, "incident"), " ", told(report.incident.description)))),
    left > 0 && h("p", { class: "muted" }, `${count(left, "other moment")} in the bundle.`),
  );
}

function entry(same, report, blamed) {
  const [moment] = same;
  const fact = report.facts[moment.fact];
  const suspect = blamed.has(moment.fact);
  const others = new Set(same.map((one) => one.component)).size - 1;
  return h(
    "li", { class: suspect ? "change blamed" : moment.what },
    h("span", { class: "at" }, clock(moment.at), h("span", { class: "muted" }, offset(moment.at, report.incident.at))),
    h("span", {}, h("span", { class: `tag ${moment.what}` }, suspect ? "change, blamed" : moment.what), " ", component(moment.component), others > 0 && h("span", { class: "muted" }, ` and ${others} more`), h("span", { class: "saw" }, told(fact ? brief(fact) : moment.text))),
  );
}

/** Return groups of moments that show the same, oldest first; those of the first hypothesis before all others when there are too many. */
function moments(report) {
  const [first] = report.hypotheses;
  const telling = new Set(first ? [...first.changes, ...first.explains, ...first.proof.flatMap((proof) => proof.facts)] : []);
  const groups = new Map();
  for (const moment of report.timeline) {
    const fact = report.facts[moment.fact];
    const where = moment.what === "change" ? moment.component : parts(moment.component).kind;
    const name = JSON.stringify([where, fact ? brief(fact).replace(/\d+/g, "") : moment.text]);
    groups.set(name, [...(groups.get(name) ?? []), moment]);
  }
  const rank = (same) => (same.some((one) => telling.has(one.fact)) ? 0 : 1);
  const time = (same) => Date.parse(same[0].at);
  const kept = [...groups.values()].sort((a, b) => rank(a) - rank(b) || time(b) - time(a)).slice(0, MOST);
  return kept.sort((a, b) => time(a) - time(b));
}
