import { useSyncExternalStore } from "react";
import { ApiError, ask, send } from "../api/http.ts";
import type { AcceptedInvitation, OpenSession, SignIn } from "../api/types.ts";

/** Whether somebody is signed in; the session itself is a cookie that no script can read. */
export interface Session {
  state: "in" | "out" | "entering" | "invited";
  /** Why not, if there is a reason to tell. */
  message: string | null;
}

/** Holds the session's public name, so that a reload need not ask whether there is one. */
const STORED_AS = "tokenbudget.session";
/** Where earlier versions kept the API key itself. */
const FORMERLY = "tokenbudget.key";
const KEY = /^tb_ak_[0-9a-f]{32}$/;
const listeners = new Set<() => void>();
/** The code of an invitation, for as long as the page is open. */
let invitation: string | null = null;
let session: Session = { state: "out", message: null };

export const isSignedIn = () => session.state === "in";
export const isApiKey = (text: string) => KEY.test(text);
export const useSession = () => useSyncExternalStore(subscribe, () => session);

/**
 * Goes on with an earlier visit, or takes the one-time code from the address (`#code=…`, `#invitation=…`), which it
 * removes from it.
 */
export async function restoreSession(): Promise<void> {
  for (const storage of [localStorage, sessionStorage]) storage.removeItem(FORMERLY);
  const fragment = new URLSearchParams(location.hash.slice(1));
  const code = fragment.get("code");
  invitation = fragment.get("invitation");
  if (invitation !== null) {
    forgetFragment();
    return set({ state: "invited", message: null });
  }
  if (code === null) {
    set({ state: localStorage.getItem(STORED_AS) === null ? "out" : "in", message: null });
    if (!isSignedIn() && (await needsNone())) set({ state: "in", message: null });
    return;
  }
  forgetFragment();
  set({ state: "entering", message: null });
  try {
    await signIn({ code });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // A code that is worthless ends no session that there is.
    const was = localStorage.getItem(STORED_AS) !== null;
    set({ state: was ? "in" : "out", message: error.message || error.title });
  }
}

/** Whether the server answers without a session: to one user on this machine (`TOKENBUDGET_AUTH=none`). */
async function needsNone(): Promise<boolean> {
  try {
    await ask("/api/me", {});
    return true;
  } catch (error) {
    if (error instanceof ApiError) return false;
    throw error;
  }
}

/** Accepts the invitation that came in the address: makes the account, or joins with the one there is. */
export async function acceptInvitation(name: string, password: string): Promise<void> {
  const body: AcceptedInvitation = { code: invitation ?? "", name, password };
  begin(await send<OpenSession>("POST", "/api/invitations/accept", body));
  invitation = null;
}

/** Begins a session: the server sets its cookie; what proved who asks is not kept. */
export async function signIn(how: SignIn): Promise<void> {
  begin(await send<OpenSession>("POST", "/api/sessions", how));
}

/** Ends the session, here and at the server. */
export function signOut(): void {
  if (isSignedIn()) send("DELETE", "/api/sessions/current").catch(() => undefined); // It ends by itself in time.
  ended();
}

/** Notes that the server knows the session no longer. */
export function ended(message: string | null = null): void {
  localStorage.removeItem(STORED_AS);
  set({ state: "out", message });
}

function begin({ id }: OpenSession): void {
  localStorage.setItem(STORED_AS, id);
  set({ state: "in", message: null });
}

function forgetFragment(): void {
  history.replaceState(history.state, "", location.pathname + location.search);
}

function set(next: Session): void {
  session = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
