// Follows an investigation: server-sent events over fetch, which can carry a key; goes on where it was cut off.

import { Problem, request } from "./http.js";

const PATIENCE = [500, 1000, 2000, 5000, 10_000];
const ENDED = new Set(["done", "failed"]);

/** Call `each` with every step after number `last` until the incident has ended, `troubled` while none can come; return the last number. */
export async function follow(id, last, { each, troubled, signal }) {
  for (let failures = 0; !signal.aborted; ) {
    try {
      const answer = await request(`incidents/${id}/events`, { headers: { "Last-Event-ID": String(last) }, signal });
      failures = 0;
      troubled(null);
      for await (const step of steps(answer.body)) {
        last = step.number;
        each(step);
        if (ENDED.has(step.what)) return last;
      }
      return last; // the service ends the stream when there is nothing more to come
    } catch (error) {
      if (signal.aborted) return last;
      if (error instanceof Problem && error.status >= 400 && error.status < 500 && error.status !== 429) throw error;
      troubled(error instanceof Problem ? error : new Problem(0, "The connection was cut", "Going on where it was cut off."));
      await pause(PATIENCE[Math.min(failures++, PATIENCE.length - 1)], signal);
    }
  }
  return last;
}

/** Wait, or until somebody goes away. */
export function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}

async function* steps(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ""; ; ) {
    const { value, done } = await reader.read();
    if (done) return;
    const events = (text + value).split(/\r?\n\r?\n/);
    text = events.pop();
    for (const event of events) {
      const data = event.split(/\r?\n/).filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart());
      if (data.length) yield JSON.parse(data.join("\n"));
    }
  }
}
