import { vi } from "vitest";
import { fakeByModel, fakePeriod, fakeSummary, fakeTimeseries } from "../dev/fakeAnalytics.ts";

export const KEY = `tb_ak_${"0123456789abcdef".repeat(2)}`;
export const NEW_KEY = `tb_ak_${"fedcba9876543210".repeat(2)}`;
const NOW = Date.parse("2026-11-23T15:05:00Z");

export const OPEN_SESSION = {
  id: "ses_1",
  created_at: "2026-11-23T15:05:00Z",
  last_seen_at: "2026-11-23T15:05:00Z",
  address: "127.0.0.1",
  user_agent: null,
  is_current: true,
};

type Answer = { status: number; body: string };

/** Answers by path; a test replaces those it is about. */
export type Answers = Record<string, (url: URL) => unknown>;

const standard: Answers = {
  "/api/projects": () => ({ rows: [project(1, "churn-model")], next: null }),
  "/api/projects/1/keys": () => ({ key: { id: 7 }, text: NEW_KEY }),
  "/api/sessions": () => OPEN_SESSION,
  "/api/sessions/current": () => null,
  "/api/analytics/summary": (url) => fakeSummary(period(url)),
  "/api/analytics/by-model": (url) => fakeByModel(period(url)),
  "/api/analytics/timeseries": (url) =>
    fakeTimeseries(period(url), url.searchParams.has("by") ? Number(url.searchParams.get("limit")) : null),
};

export const project = (id: number, name: string) => ({
  id,
  name,
  is_demo: false,
  created_at: "2026-01-01T00:00:00Z",
});

export const period = (url: URL) =>
  fakePeriod(url.searchParams.get("period") ?? "", url.searchParams.get("tz") ?? "");

/** An answer that is not a success, as RFC 9457 has it. */
export const problem = (status: number, title: string, detail: string): Answer => ({
  status,
  body: JSON.stringify({ type: "about:blank", title, status, detail }),
});

/** Stands in for the network, on a day that is always the same. Returns the requests made, so that a test can look at them. */
export function serve(answers: Answers = {}): Request[] {
  vi.useFakeTimers({ now: NOW, toFake: ["Date"] });
  const requests: Request[] = [];
  vi.stubGlobal("fetch", async (path: string, init: RequestInit) => {
    const { method = "GET", headers = {}, body: sent = null } = init;
    const request = new Request(new URL(path, "http://localhost"), { method, headers, body: sent });
    requests.push(request);
    const url = new URL(request.url);
    const made = { ...standard, ...answers }[url.pathname]?.(url) ?? problem(404, "Not found", url.pathname);
    const { status, body } = isAnswer(made) ? made : { status: 200, body: JSON.stringify(made) };
    return new Response(body, { status });
  });
  return requests;
}

const isAnswer = (made: unknown): made is Answer =>
  typeof made === "object" && made !== null && "body" in made && "status" in made;
