import { expect, it } from "vitest";
import { apiKey, restoreSession, signIn, signOut } from "../../src/session/session.ts";
import { KEY } from "../server.ts";

it("takes the key from the fragment and removes it from the address", () => {
  history.replaceState(null, "", `/?period=7d#key=${KEY}`);
  restoreSession();
  expect(apiKey()).toBe(KEY);
  expect(location.hash).toBe("");
  expect(location.search).toBe("?period=7d");
  expect(localStorage.length).toBe(0);
});

it("refuses half a key and removes it from the address all the same", () => {
  history.replaceState(null, "", "/#key=tb_ak_123");
  restoreSession();
  expect(apiKey()).toBeNull();
  expect(location.href).not.toContain("tb_ak");
});

it.each([true, false])("is found again after a reload, remember=%s", (remember) => {
  signIn(KEY, remember);
  expect(localStorage.length).toBe(remember ? 1 : 0);
  restoreSession();
  expect(apiKey()).toBe(KEY);
});

it("forgets the key everywhere", () => {
  signIn(KEY, true);
  signOut();
  restoreSession();
  expect(apiKey()).toBeNull();
  expect(localStorage.length + sessionStorage.length).toBe(0);
});
