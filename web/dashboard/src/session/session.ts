import { useSyncExternalStore } from "react";

/** Who is signed in: an API key, or nobody and perhaps the reason. */
export interface Session {
  key: string | null;
  message: string | null;
}

const STORED_AS = "tokenbudget.key";
const KEY = /^tb_ak_[0-9a-f]{32}$/;
const listeners = new Set<() => void>();
let session: Session = { key: null, message: null };

export const apiKey = () => session.key;
export const isApiKey = (text: string) => KEY.test(text);
export const useSession = () => useSyncExternalStore(subscribe, () => session);

/** Takes the key from the address (`#key=tb_ak_…`, which is then removed from it) or from an earlier visit. */
export function restoreSession(): void {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const key = fragment.get("key");
  if (key === null) {
    set({ key: sessionStorage.getItem(STORED_AS) ?? localStorage.getItem(STORED_AS), message: null });
    return;
  }
  history.replaceState(history.state, "", location.pathname + location.search);
  if (isApiKey(key)) signIn(key, false);
  else set({ key: null, message: "The link you followed holds no whole key. Paste the key itself." });
}

/** Keeps the key for this tab, or with `remember` for this browser. */
export function signIn(key: string, remember: boolean): void {
  forget();
  (remember ? localStorage : sessionStorage).setItem(STORED_AS, key);
  set({ key, message: null });
}

export function signOut(message: string | null = null): void {
  forget();
  set({ key: null, message });
}

function forget(): void {
  sessionStorage.removeItem(STORED_AS);
  localStorage.removeItem(STORED_AS);
}

function set(next: Session): void {
  session = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
