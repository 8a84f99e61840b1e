// The answer: the first hypothesis in full, the others and those ruled out folded.

import { h, told } from "./dom.js";
import { feedback } from "./feedback.js";
import { command, confidence, section } from "./parts.js";
import { proofTree } from "./proof.js";
import { brief, clock, component, count, kindWords } from "./words.js";

const SHOWN = 5;

/** Return the hypotheses of a report. */
export function answer(incident) {
  const { report } = incident;
  const [first, ...others] = report.hypotheses;
  if (!first) return nothing(report);
  return h(
    "div", { class: "column" },
    h("section", { id: "answer", class: "panel first", "aria-labelledby": "answer-title" }, h("p", { class: "label" }, report.verdict === "diagnosed" ? "Most likely cause" : "Best guess, not proved"), h("h2", { id: "answer-title" }, told(first.title)), ...whole(incident, first, true)),
    others.length > 0 && folded("others", "Other hypotheses", others, incident),
    report.ruled_out.length > 0 && folded("ruled-out", "Ruled out", report.ruled_out, incident),
  );
}

function nothing(report) {
  return section("answer", "No cause was found", "", h("p", {}, "Nothing that was observed points to a cause."), report.gaps.length > 0 && h("p", {}, `${count(report.gaps.length, "thing")} could not be seen, and could hide one: see "Not seen".`));
}

function folded(id, title, hypotheses, incident) {
  const entry = (one) => {
    const details = h("details", { class: "hypothesis" }, h("summary", {}, h("span", { class: "entry" }, h("b", {}, told(one.title)), h("span", { class: "muted" }, component(one.component)), h("span", { class: "because" }, told(one.against[0]?.because ?? one.because))), id === "others" && confidence(one.confidence, { words: false })));
    details.addEventListener("toggle", () => details.children.length === 1 && details.append(...whole(incident, one, false)), { once: true });
    return details;
  };
  return section(id, title, count(hypotheses.length, "hypothesis", "hypotheses"), ...hypotheses.map(entry));
}

function whole(incident, one, open) {
  const { report } = incident;
  return [
    h("p", { class: "blamed" }, component(one.component), h("code", { class: "cause-id" }, told(one.cause))),
    h("p", { class: "sureness" }, confidence(one.confidence), report.symptoms.length > 0 && h("span", { class: "muted" }, `explains ${one.explains.length} of ${count(report.symptoms.length, "symptom")}`)),
    h("ul", { class: "evidence" }, ...evidence(report, one)),
    one.remedy.length > 0 && h("div", { class: "block" }, h("h3", {}, "Next steps"), h("ol", { class: "remedy" }, ...steps(one))),
    proofTree(report, one, false),
    feedback(incident, one, open),
  ].filter(Boolean);
}

function evidence(report, one) {
  const said = (proofs) => [...new Map(proofs.map((proof) => [proof.because, proof])).values()].slice(0, SHOWN);
  const line = (tone, sign, word, ...text) => h("li", { class: tone }, h("span", { class: "sign", "aria-hidden": "true" }, sign), h("span", {}, h("span", { class: "word" }, word), ...text));
  const facts = one.changes.map((id) => report.facts[id]).filter(Boolean).slice(0, SHOWN);
  return [
    ...said(one.proof).map((proof) => line("for", "+", "for", told(proof.because), proof.strength && h("span", { class: "muted" }, ` ${proof.strength}`))),
    ...said(one.against).map((proof) => line("against", "−", "against", told(proof.because), proof.strength && h("span", { class: "muted" }, ` ${proof.strength}`))),
    ...facts.map((fact) => line("change", "Δ", "changed", told(brief(fact)), h("span", { class: "muted" }, " shortly before", fact.observed_at && [", ", clock(fact.observed_at)]))),
    ...one.missing.slice(0, SHOWN).map((missing) => line("undecided", "?", "undecided", told(missing.condition), h("span", { class: "muted" }, ` nobody read ${kindWords(missing.kind)}`))),
    one.explained_by && line("undecided", "↳", "consequence", "probably a consequence of ", told(one.explained_by)),
  ].filter(Boolean);
}

function steps(one) {
  const question = one.next_question;
  return [
    ...one.remedy.map((step) => h("li", {}, h("span", {}, told(step.text)), step.command && command(step.command))),
    question && h("li", {}, h("span", {}, "To decide: ", told(question.text || `look at ${kindWords(question.kind)}`)), question.command && command(question.command)),
  ].filter(Boolean);
}
