import { beforeEach, expect, it, vi } from "vitest";
import { get } from "../../src/api/http.ts";
import { isSignedIn, signIn } from "../../src/session/session.ts";
import { KEY, problem, serve } from "../server.ts";

beforeEach(async () => {
  serve();
  await signIn({ api_key: KEY });
});

it("asks without a key and without parameters that are not set", async () => {
  const [request] = await asked(() => get("/api/projects", { period: "30d", by: undefined }));
  expect(request?.headers.get("Authorization")).toBeNull();
  expect(request?.url).toBe("http://localhost/api/projects?period=30d");
});

it("ends the session when the server does", async () => {
  serve({ "/api/projects": () => problem(401, "Unauthorized", "unknown key") });
  await expect(get("/api/projects", {})).rejects.toMatchObject({ status: 401 });
  expect(isSignedIn()).toBe(false);
  expect(localStorage.length).toBe(0);
});

it("keeps the session through any other error and hands on what the server said", async () => {
  serve({ "/api/projects": () => problem(400, "Bad request", "unknown period 'x'") });
  await expect(get("/api/projects", {})).rejects.toMatchObject({
    title: "Bad request",
    message: "unknown period 'x'",
  });
  expect(isSignedIn()).toBe(true);
});

it("makes do with the status line where a proxy answers in HTML", async () => {
  serve({ "/api/projects": () => ({ status: 502, body: "<html>" }) });
  await expect(get("/api/projects", {})).rejects.toMatchObject({
    status: 502,
    title: /^The server answered 502/,
  });
});

it("says so when there is no server", async () => {
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
  await expect(get("/api/projects", {})).rejects.toMatchObject({
    status: 0,
    title: "The server cannot be reached",
  });
});

async function asked(question: () => Promise<unknown>): Promise<Request[]> {
  const requests = serve();
  await question();
  return requests;
}
