// Was it right? What people say is kept for calibration.

import { field } from "./dialogs.js";
import { fill, h, say, values } from "./dom.js";
import { send } from "./http.js";
import { notice } from "./parts.js";
import { causeChoice } from "./whynot.js";

/** Return the question whether a hypothesis is right. */
export function feedback(incident, one, asked) {
  const place = h("div");
  const tell = async (more) => {
    try {
      await send(`incidents/${incident.id}/feedback`, { cause: one.cause, component: one.component, ...more });
      fill(element, h("span", { class: "good-text" }, "✓ Kept, thank you."));
      say("Your feedback is kept.");
    } catch (problem) {
      fill(place, notice(problem));
    }
  };
  const wrong = () => {
    if (place.querySelector("form")) return fill(place);
    const form = h("form", { class: "inline-form" }, field("What was it?", causeChoice("actual_cause", "I do not know")), field("Anything else", h("input", { name: "comment", maxlength: 4000 })), h("button", { type: "submit", class: "primary" }, "Send"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      tell({ right: false, ...values(form) });
    });
    return fill(place, form);
  };
  const element = h("div", { class: "feedback" },
    h("span", { class: "muted" }, asked ? "Was this the cause?" : "Was it this?"),
    h("button", { type: "button", class: "small", onclick: () => tell({ right: true }) }, "Right"),
    h("button", { type: "button", class: "small", onclick: wrong }, "Wrong …"),
    place);
  return element;
}
