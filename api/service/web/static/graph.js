// Draws the components that are involved; the cause is marked by its shape and a word, not by colour alone.

import { h, svg, visible } from "./dom.js";
import { isStation, layers } from "./layout.js";
import { component, count, parts } from "./words.js";

const BOX = { width: 204, height: 46, across: 22, down: 34, edge: 14, station: 12 };
const LETTERS = 26;
const SMALLEST = 0.78; // of its size: smaller letters nobody reads; it scrolls instead
const KINDS = { persistentvolumeclaim: "volume claim", persistentvolume: "volume", horizontalpodautoscaler: "autoscaler", poddisruptionbudget: "disruption budget" };
const LEGEND = { cause: "cause", symptom: "shows symptoms", suspect: "other hypothesis", between: "between" };
const ROLES = { cause: "cause", suspect: "hypothesis", symptom: "symptoms", changed: "changed", between: "" };

/** Return the drawing of a graph, and the same as a list. */
export function drawn(graph, report) {
  if (!graph.components.length) return h("p", { class: "muted" }, "No component is named.");
  const { rows, ways } = layers(graph.components.map((one) => one.id), graph.links);
  const width = Math.max(...rows.map(wide)) + 2 * BOX.edge;
  const places = placed(rows, width);
  const height = rows.length * (BOX.height + BOX.down) - BOX.down + 2 * BOX.edge;
  const cause = graph.components.find((one) => one.role === "cause");
  const label = `${count(graph.components.length, "component")}${cause ? `; the cause is ${visible(cause.id)}` : ""}. The list below says the same.`;
  const drawing = svg(
    "svg", { class: "graph", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label },
    svg("defs", {}, svg("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse" }, svg("path", { d: "M0 0L8 4L0 8z", class: "arrow" }))),
    ...graph.links.map((link, at) => line(link, ways[at].map((id) => places.get(id)))),
    ...graph.components.map((one) => box(one, places.get(one.id), report)),
  );
  drawing.style.minWidth = `${Math.round(width * SMALLEST)}px`;
  return [
    h("div", { class: "drawing", tabindex: "0", role: "region", "aria-label": "Graph of the components involved" }, drawing),
    h("p", { class: "legend muted" }, ...Object.keys(LEGEND).filter((role) => graph.components.some((one) => one.role === role)).map((role) => h("span", { class: `key ${role}` }, LEGEND[role])), "arrows point to what is depended on"),
    graph.left_out > 0 && h("p", { class: "muted" }, `${graph.left_out} more are in the bundle.`),
    listed(graph),
  ];
}

function wide(row) {
  return row.reduce((sum, id) => sum + size(id) + BOX.across, -BOX.across);
}

function size(id) {
  return isStation(id) ? BOX.station : BOX.width;
}

function placed(rows, width) {
  const places = new Map();
  rows.forEach((row, down) => {
    let x = (width - wide(row)) / 2;
    for (const id of row) {
      places.set(id, { x, y: BOX.edge + down * (BOX.height + BOX.down), middle: x + size(id) / 2 });
      x += size(id) + BOX.across;
    }
  });
  return places;
}

function line(link, way) {
  const down = way.at(-1).y >= way[0].y;
  const [enter, leave] = down ? [-1, BOX.height] : [BOX.height + 1, 0];
  let path = `M${way[0].middle} ${way[0].y + leave}`;
  way.slice(1).forEach((to, at) => {
    const from = way[at];
    const [y1, y2] = [from.y + leave, to.y + enter];
    const bend = (y2 - y1) / 2;
    path += `C${from.middle} ${y1 + bend} ${to.middle} ${y2 - bend} ${to.middle} ${y2}`;
    if (at < way.length - 2) path += `V${to.y + leave}`;
  });
  return svg("path", { class: `link ${link.kinds[0]}`, d: path, "marker-end": "url(#arrow)" }, svg("title", {}, visible(`${link.source} ${link.kinds.join(", ").replaceAll("_", " ")} ${link.target}`)));
}

function box(one, { x, y }, report) {
  const { kind, name } = parts(one.id);
  const symptoms = report.symptoms.filter((id) => [one.id, ...one.stands_for].includes(report.facts[id]?.component)).length;
  const pods = one.stands_for.filter((each) => each.startsWith("pod/")).length;
  const word = [ROLES[one.role] === "symptoms" ? count(symptoms, "symptom") : ROLES[one.role]].filter(Boolean).join(" ");
  return svg(
    "g", { class: `box ${one.role}`, transform: `translate(${x} ${y})` },
    svg("title", {}, visible([one.id, word, pods && count(pods, "pod"), symptoms && count(symptoms, "symptom")].filter(Boolean).join(", "))),
    svg("rect", { width: BOX.width, height: BOX.height, rx: kind === "service" ? BOX.height / 2 : 7 }),
    one.role === "cause" && svg("rect", { class: "inner", x: 3, y: 3, width: BOX.width - 6, height: BOX.height - 6, rx: kind === "service" ? BOX.height / 2 - 3 : 5 }),
    svg("text", { class: "box-kind", x: 14, y: 18 }, visible(KINDS[kind] ?? kind)),
    word && svg("text", { class: "box-word", x: BOX.width - 14, y: 18, "text-anchor": "end" }, one.role === "cause" ? "◆ CAUSE" : word),
    svg("text", { class: "box-name", x: 14, y: 35 }, shortened(visible(name))),
  );
}

function shortened(name) {
  return name.length > LETTERS ? `${name.slice(0, LETTERS - 1)}…` : name;
}

function listed(graph) {
  const rows = graph.links.map((link) => h("tr", {}, h("td", {}, component(link.source)), h("td", { class: "muted" }, link.kinds.join(", ").replaceAll("_", " ")), h("td", {}, component(link.target))));
  const alone = graph.components.map((one) => h("li", {}, component(one.id), ROLES[one.role] && h("span", { class: "tag" }, ROLES[one.role])));
  return h("details", {}, h("summary", {}, "As a list"), h("ul", { class: "plain" }, ...alone), h("div", { class: "scrolls", tabindex: "0", role: "region", "aria-label": "Relations" }, h("table", { class: "relations" }, h("caption", { class: "unseen" }, "Relations"), h("tbody", {}, ...rows))));
}
