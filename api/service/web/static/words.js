// Says things: times, components, confidences, facts.

import { h, told, visible } from "./dom.js";

const SHORT = 48;
const UNITS = [["year", 31_536_000], ["month", 2_592_000], ["day", 86_400], ["hour", 3600], ["minute", 60]];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });

/** Return how long ago a moment is; its exact time is in the title. */
export function ago(moment) {
  const seconds = (Date.parse(moment) - Date.now()) / 1000;
  const [unit, size] = UNITS.find(([, one]) => Math.abs(seconds) >= one) ?? [];
  const text = unit ? relative.format(Math.trunc(seconds / size), unit) : "just now";
  return h("time", { datetime: moment, title: exact(moment) }, text);
}

/** Return a moment in UTC, as the report and logs have it. */
export function exact(moment) {
  return `${new Date(moment).toISOString().replace("T", " ").slice(0, 19)} UTC`;
}

/** Return the time of day in UTC. */
export function clock(moment) {
  return h("time", { datetime: moment, title: exact(moment) }, new Date(moment).toISOString().slice(11, 19));
}

/** Return how far a moment is from another: "16 min before". */
export function offset(moment, from) {
  const seconds = Math.round((Date.parse(moment) - Date.parse(from)) / 1000);
  const [much, what] = Math.abs(seconds) < 60 ? [Math.abs(seconds), "s"] : Math.abs(seconds) < 7200 ? [Math.round(Math.abs(seconds) / 60), "min"] : [Math.round(Math.abs(seconds) / 3600), "h"];
  return seconds === 0 ? "at the incident" : `${much} ${what} ${seconds < 0 ? "before" : "after"}`;
}

/** Return the kind, namespace and name of a component. */
export function parts(component) {
  const [kind, ...rest] = component.split("/");
  return rest.length > 1 ? { kind, namespace: rest[0], name: rest.slice(1).join("/") } : { kind, namespace: "", name: rest[0] ?? "" };
}

/** Return a component, its kind before its name. */
export function component(id) {
  const { kind, namespace, name } = parts(id);
  return h("span", { class: "component", title: visible(id) }, h("span", { class: "kind" }, told(kind)), " ", h("b", {}, told(name)), namespace && h("span", { class: "place" }, " in ", told(namespace)));
}

/** Return a confidence as people say it; nothing is certain. */
export function percent(confidence) {
  return `${Math.min(99, Math.round(confidence * 100))} %`;
}

/** Return a confidence in words. */
export function likely(confidence) {
  const steps = [[0.9, "almost certain"], [0.75, "very likely"], [0.5, "likely"], [0.25, "possible"]];
  return steps.find(([least]) => confidence >= least)?.[1] ?? "unlikely";
}

/** Return an observation in few words. */
export function brief(fact) {
  const { before, after, ...rest } = fact.attributes ?? {};
  const kept = Object.entries(rest).filter(([name, value]) => value !== true && !name.endsWith("_seconds") && !name.endsWith("_at") && !(typeof value === "string" && (value.length > SHORT || value.includes("/"))));
  const change = before !== undefined && after !== undefined ? [`${before} → ${after}`] : [];
  return [kindWords(fact.kind), ...kept.map(([name, value]) => (typeof value === "string" ? value : `${name.replaceAll("_", " ")} ${value}`)), ...change].join(" · ");
}

/** Return the kind of a fact as words: "container.changed" becomes "container changed". */
export function kindWords(kind) {
  return kind.replace(".", " ").replaceAll("_", " ");
}

/** Return "1 symptom", "3 symptoms". */
export function count(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}
