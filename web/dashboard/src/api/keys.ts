import { send } from "./http.ts";
import type { KeyRequest, KeyWithText } from "./types.ts";

/** Makes a key for a project; its text is told this once. */
export const createKey = (project: number, asked: KeyRequest) =>
  send<KeyWithText>("POST", `/api/projects/${project}/keys`, asked);
