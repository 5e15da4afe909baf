import { useSyncExternalStore } from "react";

const CHANGED = "tokenbudget:search";

/** A piece of state that lives in the address, so that a link shows what its sender saw. */
export function useSearchParam(name: string, fallback: string): [string, (value: string) => void] {
  const value = useSyncExternalStore(subscribe, () => new URLSearchParams(location.search).get(name));
  return [value || fallback, (next) => setSearchParam(name, next)];
}

function setSearchParam(name: string, value: string): void {
  const params = new URLSearchParams(location.search);
  params.set(name, value);
  history.pushState(null, "", `${location.pathname}?${params}`);
  dispatchEvent(new Event(CHANGED));
}

function subscribe(listener: () => void): () => void {
  for (const event of ["popstate", CHANGED]) addEventListener(event, listener);
  return () => {
    for (const event of ["popstate", CHANGED]) removeEventListener(event, listener);
  };
}
