import { cleanup, configure } from "@testing-library/react";
import { afterEach, vi } from "vitest";
import { setLocale } from "../src/format/locale.ts";
import { ended } from "../src/session/session.ts";

setLocale("en");

// A slow machine is no failure.
configure({ asyncUtilTimeout: 20_000 });

afterEach(() => {
  cleanup();
  ended();
  localStorage.clear();
  // biome-ignore lint/suspicious/noDocumentCookie: what the server sets.
  document.cookie = "tokenbudget_csrf=; Max-Age=0";
  history.replaceState(null, "", "/");
  vi.unstubAllGlobals();
  vi.useRealTimers();
});
