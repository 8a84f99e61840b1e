// What could not be seen, and what would show it.

import { h, told } from "./dom.js";
import { section } from "./parts.js";
import { count } from "./words.js";

/** Return the gaps of a report. */
export function gaps(report) {
  const { gaps: found } = report;
  if (!found.length) return section("gaps", "Not seen", "", h("p", { class: "muted" }, "Every agent could look at all that it wanted to see."));
  const rows = found.map((gap) =>
    h("li", {}, h("span", { class: "tag" }, told(gap.agent)), " ", h("b", {}, told(gap.what)), h("span", { class: "saw" }, told(gap.why)), gap.remedy && h("span", { class: "saw" }, h("span", { class: "muted" }, "To see it: "), told(gap.remedy))));
  return section("gaps", "Not seen", count(found.length, "gap"), h("p", { class: "muted" }, "Blind is not healthy: these could hide causes."), h("ul", { class: "gaps" }, ...rows));
}
