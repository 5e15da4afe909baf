import { ended } from "../session/session.ts";
import { type Exact, parseExact } from "./exact.ts";

/** What the server, or the way to it, had to say instead of an answer. `status` 0: it was not reached. */
export class ApiError extends Error {
  readonly status: number;
  readonly title: string;

  constructor(status: number, title: string, detail: string) {
    super(detail);
    this.status = status;
    this.title = title;
  }
}

/** Whether asking again would get the same answer: the question itself is at fault. */
export const isFinal = (error: unknown) =>
  error instanceof ApiError && error.status >= 400 && error.status < 500 && !PASSING.has(error.status);

const PASSING = new Set([408, 429]);

type Params = Record<string, string | number | undefined>;

/** Asks the API as who is signed in. A session that is no longer accepted ends here, too. */
export async function get<T>(path: string, params: Params, signal?: AbortSignal): Promise<Exact<T>> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined) query.set(name, String(value));
  }
  try {
    return await ask<T>(`${path}?${query}`, { signal: signal ?? null });
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) ended("Your session is over: sign in again.");
    throw error;
  }
}

/** Has the API do something, with what proves that this page asks for it. */
export function send<T>(method: "POST" | "DELETE", path: string, body?: unknown): Promise<Exact<T>> {
  const token = csrfToken();
  const headers = {
    ...(token === null ? {} : { "X-CSRF-Token": token }),
    ...(body === undefined ? {} : { "Content-Type": "application/json" }),
  };
  return ask<T>(path, { method, headers, body: body === undefined ? null : JSON.stringify(body) });
}

const csrfToken = () => /(?:^|; )(?:__Host-)?tokenbudget_csrf=([^;]+)/.exec(document.cookie)?.[1] ?? null;

/** Asks without a word to the session of how it ended. */
export async function ask<T>(url: string, init: RequestInit): Promise<Exact<T>> {
  const headers = { Accept: "application/json", ...init.headers };
  const response = await reach(url, { credentials: "same-origin", ...init, headers });
  const text = await response.text();
  if (!response.ok) throw problem(response, text);
  return parseExact<T>(text || "null");
}

async function reach(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "The server cannot be reached", "Is it running? Start it with: tokenbudget up");
  }
}

/** Reads RFC 9457 problem details, or makes do with the status line. */
function problem(response: Response, text: string): ApiError {
  const fallback = `The server answered ${response.status} ${response.statusText}`.trim();
  try {
    const { title, detail } = JSON.parse(text) as { title?: string; detail?: string };
    return new ApiError(response.status, title ?? fallback, detail ?? "");
  } catch {
    return new ApiError(response.status, fallback, "");
  }
}
