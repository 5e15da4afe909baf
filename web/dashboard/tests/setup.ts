import { cleanup, configure } from "@testing-library/react";
import { afterEach, vi } from "vitest";
import { setLocale } from "../src/format/locale.ts";
import { signOut } from "../src/session/session.ts";

setLocale("en");

// A slow machine is no failure.
configure({ asyncUtilTimeout: 20_000 });

afterEach(() => {
  cleanup();
  signOut();
  localStorage.clear();
  history.replaceState(null, "", "/");
  vi.unstubAllGlobals();
  vi.useRealTimers();
});
