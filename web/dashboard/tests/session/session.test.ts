import { expect, it } from "vitest";
import {
  acceptInvitation,
  ended,
  isSignedIn,
  restoreSession,
  signIn,
  signOut,
} from "../../src/session/session.ts";
import { KEY, OPEN_SESSION, problem, serve } from "../server.ts";

it("takes a code from the fragment, removes it from the address, and keeps nothing of it", async () => {
  const [request] = [serve()];
  history.replaceState(null, "", "/?period=7d#code=once");
  const restored = restoreSession();
  expect(location.hash).toBe("");
  expect(location.search).toBe("?period=7d");
  await restored;
  expect(isSignedIn()).toBe(true);
  expect(await request[0]?.json()).toEqual({ code: "once" });
  expect(JSON.stringify({ ...localStorage, ...sessionStorage })).not.toContain("once");
});

it("takes an invitation from the fragment, removes it from the address, and joins by it", async () => {
  const requests = serve({ "/api/invitations/accept": () => OPEN_SESSION });
  history.replaceState(null, "", "/?period=7d#invitation=once");
  await restoreSession();
  expect(location.href).not.toContain("once");
  expect([isSignedIn(), requests.length]).toEqual([false, 0]);
  await acceptInvitation("Ada", "correct horse battery");
  expect(isSignedIn()).toBe(true);
  expect(await requests[0]?.json()).toEqual({ code: "once", name: "Ada", password: "correct horse battery" });
  expect(JSON.stringify({ ...localStorage, ...sessionStorage })).not.toContain("once");
});

it("needs no session where the server answers without one", async () => {
  serve();
  await restoreSession();
  expect(isSignedIn()).toBe(false);
  serve({ "/api/me": () => ({ name: "Ada" }) });
  await restoreSession();
  expect(isSignedIn()).toBe(true);
});

it("says why a code that was used already signs nobody in", async () => {
  serve({ "/api/sessions": () => problem(401, "Unauthorized", "this link was used already") });
  history.replaceState(null, "", "/#code=twice");
  await restoreSession();
  expect(isSignedIn()).toBe(false);
  expect(location.href).not.toContain("twice");
});

it("is not ended by a code that is worthless", async () => {
  serve();
  await signIn({ api_key: KEY });
  serve({ "/api/sessions": () => problem(401, "Unauthorized", "this link was used already") });
  history.replaceState(null, "", "/#code=twice");
  await restoreSession();
  expect(isSignedIn()).toBe(true);
});

it("is found again after a reload, without the key", async () => {
  serve();
  await signIn({ api_key: KEY });
  expect(JSON.stringify({ ...localStorage, ...sessionStorage })).not.toContain(KEY);
  await restoreSession();
  expect(isSignedIn()).toBe(true);
});

it("forgets a key that an earlier version kept", async () => {
  localStorage.setItem("tokenbudget.key", KEY);
  await restoreSession();
  expect(localStorage.length).toBe(0);
  expect(isSignedIn()).toBe(false);
});

it("proves to the server that it is this page that signs out", async () => {
  serve();
  await signIn({ api_key: KEY });
  // biome-ignore lint/suspicious/noDocumentCookie: what the server sets.
  document.cookie = "tokenbudget_csrf=token";
  const requests = serve();
  signOut();
  expect(requests[0]?.method).toBe("DELETE");
  expect(requests[0]?.headers.get("X-CSRF-Token")).toBe("token");
  expect(isSignedIn()).toBe(false);
  expect(localStorage.length).toBe(0);
});

it("is over when the server says so", async () => {
  serve();
  await signIn({ api_key: KEY });
  ended("over");
  await restoreSession();
  expect(isSignedIn()).toBe(false);
});
