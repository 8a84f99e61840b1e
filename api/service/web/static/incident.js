// One incident: what is known of it, how its investigation goes, and then the answer.

import { answer } from "./answer.js";
import { fill, h, say, told, visible } from "./dom.js";
import { gaps } from "./gaps.js";
import { drawn } from "./graph.js";
import { download, read, send } from "./http.js";
import { inWords, modelCost, suggestions } from "./model.js";
import { badge, doing, notice, section, skeleton, standing } from "./parts.js";
import { Progress } from "./progress.js";
import { runbooks } from "./runbooks.js";
import { follow, pause } from "./stream.js";
import { timeline } from "./timeline.js";
import { whyNot } from "./whynot.js";
import { ago, count, exact, parts } from "./words.js";

const AGAIN_MS = 1000;
const TITLE = 140;

/** Show an incident until the reader goes elsewhere; while it is investigated, show how. */
export async function showIncident(main, id, signal) {
  fill(main, skeleton(8));
  let incident = await read(`incidents/${id}`, { signal });
  document.title = `${visible(titleOf(incident.reported.description)).slice(0, 60)} · SRE-Orchestrator`;
  const head = h("div", { class: "incident-head" });
  const body = h("div", { class: "incident-body" });
  fill(main, h("nav", { class: "crumbs", "aria-label": "Where you are" }, h("a", { href: "#/" }, "← Incidents")), head, body);
  fill(head, heading(incident));
  dispatchEvent(new Event("shown"));
  if (incident.status === "queued" || incident.status === "running") {
    incident = await watched(incident, head, body, signal);
    if (signal.aborted) return;
    fill(head, heading(incident));
    say(incident.status === "done" ? `The investigation is done: ${incident.verdict}.` : "The investigation failed.");
  }
  if (incident.status === "failed") fill(body, notice({ title: "It could not be investigated", detail: incident.error }));
  else if (incident.report) shown(body, incident, signal);
}

async function watched(incident, head, body, signal) {
  const progress = new Progress();
  const trouble = h("div");
  fill(body, trouble, progress.element);
  const each = (step) => {
    progress.note(step);
    if (step.what === "running") fill(head.querySelector(".is"), badge("running"));
  };
  const troubled = (problem) => fill(trouble, problem && notice(problem));
  for (let last = 0; !signal.aborted; ) {
    last = await follow(incident.id, last, { each, troubled, signal });
    if (signal.aborted) break;
    const found = await read(`incidents/${incident.id}`, { signal });
    if (found.status === "done" || found.status === "failed") return found;
    await pause(AGAIN_MS, signal); // it failed and is tried again
  }
  return incident;
}

function heading(incident) {
  const { reported, report } = incident;
  const title = titleOf(reported.description);
  const trouble = h("div");
  const button = (label, text, work) => doing(h("button", { type: "button", "aria-label": label }, ...text), trouble, work);
  const down = h("span", { "aria-hidden": "true" }, "↓ ");
  const actions = h("div", { class: "actions" });
  if (report) {
    actions.append(
      button("Download bundle", [down, "Bundle"], () => download(`incidents/${incident.id}/bundle`, `${incident.id}.bundle.json.gz`)),
      button("Download report as Markdown", [down.cloneNode(true), "Markdown"], () => download(`incidents/${incident.id}/report.md`, `${incident.id}.md`)),
    );
  }
  if (!incident.resolved_at && incident.status !== "queued") {
    actions.append(button(null, ["Mark as over"], async () => fill(trouble.parentElement, heading(await send(`incidents/${incident.id}/resolve`)))));
  }
  const labels = Object.entries(reported.labels ?? {});
  const about = [
    reported.namespace && ["namespace ", told(reported.namespace)],
    reported.cluster && ["cluster ", told(reported.cluster)],
    report && exact(report.incident.at),
    ["reported ", ago(incident.created_at), incident.origin === "api" ? "" : ` by ${incident.origin}`],
    incident.seen > 1 && `seen ${incident.seen} times`,
    incident.merged_into && [h("a", { href: `#/incidents/${incident.merged_into}` }, "same cause as another incident")],
    report && `${count(report.symptoms.length, "symptom")}, ${count(Object.keys(report.cost.agents_ms).length, "agent")}, ${(report.cost.elapsed_ms / 1000).toFixed(1)} s`,
  ].filter(Boolean);
  return [
    h("div", { class: "titled" }, h("h1", { tabindex: "-1" }, told(title)), actions),
    title !== reported.description && h("details", { class: "labels" }, h("summary", {}, "The whole description"), h("p", { class: "whole" }, told(reported.description))),
    h("p", { class: "facts" }, h("span", { class: "is" }, standing(incident)), incident.resolved_at && badge("resolved"), ...about.map((one) => h("span", {}, one))),
    labels.length > 0 && h("details", { class: "labels" }, h("summary", {}, count(labels.length, "label")), h("ul", {}, ...labels.map(([name, value]) => h("li", {}, h("code", {}, told(`${name}=${value}`)))))),
    trouble,
  ];
}

function titleOf(description) {
  const [line] = description.trim().split("\n");
  return line.length > TITLE ? `${[...line].slice(0, TITLE).join("")}…` : line;
}

function shown(body, incident, signal) {
  const { report } = incident;
  const places = new Set(Object.values(report.facts).map((one) => parts(one.component).namespace).filter(Boolean));
  body.classList.toggle("one-place", places.size === 1);
  const picture = h("div", {}, skeleton(6));
  read(`incidents/${incident.id}/graph`, { signal }).then(
    (graph) => fill(picture, drawn(graph, report)),
    (problem) => signal.aborted || fill(picture, notice(problem)),
  );
  fill(
    body,
    h("div", { class: "columns" },
      h("div", { class: "column" }, inWords(report), answer(incident), suggestions(report), gaps(report)),
      h("div", { class: "column" }, section("graph", "Components involved", "", picture), timeline(report)),
      runbooks(report),
      whyNot(incident)),
    h("p", { class: "versions muted" }, `${incident.id} · program ${report.versions.program} · rule book ${report.versions.rule_book} · ${modelCost(report)}`),
  );
}
