import type { IncomingMessage, ServerResponse } from "node:http";
import type { Plugin } from "vite";
import { fakeByModel, fakePeriod, fakeSummary, fakeTimeseries } from "./fakeAnalytics.ts";

/**
 * Answers /api in development when there is no server. The last digit of the key that one signs in with chooses what it
 * answers: 0 a busy project, 1 an empty one, 2 a server in trouble; any other key is refused.
 */
export function mockApi(): Plugin {
  return {
    name: "mock-api",
    apply: "serve",
    configureServer(server) {
      server.middlewares.use("/api", (request, response) => {
        const url = new URL(request.url ?? "/", "http://localhost");
        const mood = /(?:^|; )mood=([012])/.exec(request.headers.cookie ?? "")?.[1];
        if (url.pathname.startsWith("/sessions")) signIn(request, response);
        else if (mood === undefined) problem(response, 401, "Unauthorized", "This key is not known here.");
        else if (mood === "2") problem(response, 503, "Service unavailable", "The database does not answer.");
        else answer(response, 200, body(url, mood === "1"));
      });
    },
  };
}

function signIn(request: IncomingMessage, response: ServerResponse): void {
  let sent = "";
  request.on("data", (part) => {
    sent += part;
  });
  request.on("end", () => {
    const mood = /tb_ak_[0-9a-f]{31}([012])"/.exec(sent)?.[1];
    if (request.method === "POST" && mood === undefined)
      return problem(response, 401, "Unauthorized", "This key is not known here.");
    response.setHeader("Set-Cookie", mood === undefined ? "mood=; Max-Age=0" : `mood=${mood}; HttpOnly`);
    answer(response, 201, { id: "ses_1" });
  });
}

function body({ pathname, searchParams }: URL, empty: boolean): unknown {
  const period = fakePeriod(searchParams.get("period") ?? "30d", searchParams.get("tz") ?? "UTC");
  if (pathname === "/projects")
    return {
      rows: [{ id: 1, name: "churn-model", is_demo: false, created_at: period.start }],
      next: null,
    };
  if (pathname === "/analytics/summary") return fakeSummary(period, empty);
  if (pathname === "/analytics/by-model") return fakeByModel(period, empty);
  return fakeTimeseries(period, searchParams.has("by") ? Number(searchParams.get("limit")) : null);
}

function problem(response: ServerResponse, status: number, title: string, detail: string): void {
  answer(response, status, { type: "about:blank", title, status, detail });
}

function answer(response: ServerResponse, status: number, json: unknown): void {
  response.statusCode = status;
  response.setHeader("Content-Type", status < 400 ? "application/json" : "application/problem+json");
  response.end(JSON.stringify(json));
}
