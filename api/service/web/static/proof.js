// The proof tree: rules, the facts they bound, and the command that shows each fact.

import { h, told } from "./dom.js";
import { command } from "./parts.js";
import { component, count, exact, kindWords } from "./words.js";

/** Return the proof of a hypothesis, folded; what speaks against it is in it, too. */
export function proofTree(report, one, open) {
  const rules = [...one.proof, ...one.against];
  if (!rules.length) return null;
  return h(
    "details", { class: "proof", open },
    h("summary", {}, h("b", {}, "Proof"), h("span", { class: "muted" }, ` ${count(rules.length, "rule firing")}, down to single observations`)),
    h("ul", { class: "tree" }, ...rules.map((proof) => node(report, proof))),
    one.missing.length > 0 && h("p", { class: "muted" }, `${count(one.missing.length, "condition")} stayed undecided, because nobody read what it needs.`),
    terms(one),
  );
}

function node(report, proof) {
  const leaves = [
    ...proof.facts.map((id) => leaf(report.facts[id], id)),
    ...proof.edges.map((edge) => h("li", { class: "leaf" }, h("span", { class: "tag" }, "relation"), " ", told(edge))),
    ...proof.absent.map((absent) => h("li", { class: "leaf" }, h("span", { class: "tag" }, "read, absent"), " ", told(absent))),
    ...(proof.children ?? []).map((child) => node(report, child)),
  ];
  return h(
    "li", {},
    h("details", {},
      h("summary", {}, h("span", { class: `tag ${proof.polarity}` }, proof.polarity), " ", told(proof.because), proof.strength && h("span", { class: "muted" }, ` ${proof.strength}`)),
      h("p", { class: "rule muted" }, "Rule ", h("code", {}, told(proof.rule)), ": ", told(proof.title)),
      h("ul", {}, ...leaves)),
  );
}

function leaf(fact, id) {
  if (!fact) return h("li", { class: "leaf" }, h("code", {}, told(id)));
  const attributes = Object.entries(fact.attributes ?? {});
  return h(
    "li", { class: "leaf" },
    h("span", { class: "tag" }, kindWords(fact.kind)), " ", component(fact.component),
    h("dl", { class: "attributes" }, ...attributes.map(([name, value]) => h("div", {}, h("dt", {}, told(name.replaceAll("_", " "))), h("dd", {}, told(value))))),
    h("p", { class: "muted" }, h("code", {}, told(id)), ` seen by ${fact.agent}`, fact.observed_at && ` at ${exact(fact.observed_at)}`),
    fact.query && command(fact.query),
  );
}

function terms(one) {
  const found = Object.entries(one.terms ?? {});
  if (!found.length) return null;
  const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
  return h("details", { class: "terms" }, h("summary", {}, "How the confidence adds up"), h("table", {}, h("caption", { class: "muted" }, "Log odds"), h("tbody", {}, ...found.map(([name, value]) => h("tr", {}, h("th", { scope: "row" }, told(name)), h("td", {}, signed(value)))))));
}
