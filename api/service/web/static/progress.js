// An investigation as it goes: its steps, its agents, and one line that is read aloud.

import { fill, h, say, told } from "./dom.js";
import { count, exact } from "./words.js";

const STEPS = { gather: "Look at the cluster", infer: "Apply the rules", rank: "Rank the hypotheses", narrate: "Write the report" };
const SIGNS = { asked: "◐ looking", done: "✓ looked", failed: "✕ failed" };

export class Progress {
  constructor() {
    this.agents = new Map();
    this.steps = h("ol", { class: "steps" }, ...Object.entries(STEPS).map(([name, text]) => h("li", { "data-step": name }, text)));
    this.list = h("ul", { class: "agents" });
    this.line = h("p", { class: "muted" }, "Waiting to be taken up …");
    this.element = h("section", { class: "panel progress", "aria-label": "Progress" }, h("header", {}, h("h2", {}, "Investigating"), h("span", { class: "pulse", "aria-hidden": "true" })), this.line, this.steps, this.list);
  }

  /** Take in one step of the investigation. */
  note(step) {
    if (step.what === "running") this.tell("Taken up.");
    if (step.what === "failed") this.tell(`Failed: ${step.text}`);
    if (step.what === "step") this.reach(step);
    if (step.what === "agent") this.agent(step);
  }

  reach(step) {
    for (const one of this.steps.children) {
      if (one.dataset.step === step.text) one.setAttribute("aria-current", "step");
      else if (one.hasAttribute("aria-current")) {
        one.removeAttribute("aria-current");
        one.classList.add("past");
      }
      if (one.dataset.step === step.text) one.title = exact(step.at);
    }
    this.tell(`${STEPS[step.text] ?? step.text} …`);
    say(`${STEPS[step.text] ?? step.text}.`);
  }

  agent(step) {
    const [, name, state] = /^(.*) (\w+)$/.exec(step.text) ?? ["", step.text, ""];
    const item = this.agents.get(name) ?? h("li");
    if (!this.agents.has(name)) this.list.append(item);
    this.agents.set(name, item);
    item.className = state;
    fill(item, h("span", {}, told(name)), h("span", {}, SIGNS[state] ?? state));
    const ended = [...this.agents.values()].filter((one) => one.className !== "asked").length;
    this.tell(`${ended} of ${count(this.agents.size, "agent")} have looked.`);
  }

  tell(text) {
    fill(this.line, told(text));
  }
}
