// Asks the service; the key, where one is needed, stays in this tab.

const KEY = "sre-orchestrator-key";
const API = new URL("api/v1/", document.baseURI);
let ask = null;

/** Something that the service refused, or that did not reach it, in words for people. */
export class Problem extends Error {
  constructor(status, title, detail, retryAfter = 0) {
    super(detail || title);
    Object.assign(this, { status, title, detail, retryAfter });
  }
}

/** Say who asks for a key when one is needed: a function that returns a promise of whether there is one. */
export function keysFrom(asking) {
  ask = asking;
}

export const key = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  set: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

/** Return the answer to a request, or throw a Problem. */
export async function request(path, { method = "GET", json, headers = {}, signal } = {}) {
  const sent = { ...headers };
  const used = key.get();
  if (used) sent.Authorization = `Bearer ${used}`;
  if (json !== undefined) sent["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(new URL(path, API), { method, headers: sent, signal, body: json === undefined ? undefined : JSON.stringify(json) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The service cannot be reached", "No answer came. It is down, or this machine is offline; what is shown here may be old.");
  }
  if (answer.ok) return answer;
  const problem = await problemOf(answer);
  if (answer.status === 401 && ask && (key.get() !== used || (await ask(used ? problem.message : "")))) {
    return request(path, { method, json, headers, signal });
  }
  throw problem;
}

/** Return what a GET answers as data. */
export async function read(path, options) {
  return (await request(path, options)).json();
}

/** Send data; return the answer as data, or null where there is none. */
export async function send(path, json, headers) {
  const answer = await request(path, { method: "POST", json, headers });
  return answer.status === 204 ? null : answer.json();
}

/** Download what is at an address, with the key that a plain link could not carry. */
export async function download(path, name) {
  const address = URL.createObjectURL(await (await request(path)).blob());
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

async function problemOf(answer) {
  const told = await answer.json().catch(() => ({}));
  const retry = Number(answer.headers.get("Retry-After")) || 0;
  const titles = {
    401: "A key is needed",
    403: "Your key does not allow this",
    404: "There is nothing here",
    429: "Too many requests",
    503: "The service cannot work at the moment",
  };
  const title = titles[answer.status] ?? told.title ?? `The service answered ${answer.status}`;
  const wait = retry ? ` Try again in ${retry} s.` : "";
  return new Problem(answer.status, title, `${told.detail ?? "The service gave no reason; its log says more."}${wait}`, retry);
}
