import { type SubmitEvent, useState } from "react";
import { ApiError, getWithKey } from "../api/http.ts";
import { Wordmark } from "../ui/Wordmark.tsx";
import { isApiKey, signIn } from "./session.ts";

const FORM = "A key is tb_ak_ followed by 32 of the characters 0–9 and a–f.";

/** Asks for an API key, and lets it in only after the server knew it. */
export function SignIn({ message }: { message: string | null }) {
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  async function submit(event: SubmitEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const key = String(form.get("key")).trim();
    if (!isApiKey(key)) return setError(FORM);
    setBusy(true);
    const refusal = await refused(key);
    setBusy(false);
    if (refusal) setError(refusal);
    else signIn(key, form.has("remember"));
  }

  const complaint = error ?? message;
  return (
    <main className="grid min-h-dvh place-items-center px-4 py-12">
      <div className="w-full max-w-md animate-[rise_.4s_ease-out]">
        <div className="mb-6 flex justify-center">
          <Wordmark />
        </div>
        <form onSubmit={submit} noValidate className="panel p-6 sm:p-8">
          <h1 className="text-xl font-semibold tracking-tight">Sign in with an API key</h1>
          <p className="mt-1.5 text-sm text-ink-2">
            The one your notebook uses. <code className="font-mono text-[13px]">tokenbudget up</code> printed
            it, or a teammate sends you one.
          </p>
          <label htmlFor="key" className="mt-6 block text-sm font-medium">
            API key
          </label>
          <input
            id="key"
            name="key"
            type="password"
            autoComplete="current-password"
            spellCheck={false}
            // biome-ignore lint/a11y/noAutofocus: the page has this one purpose.
            autoFocus
            placeholder="tb_ak_…"
            aria-invalid={complaint !== null}
            aria-describedby="key-complaint"
            className="mt-1.5 h-11 w-full rounded-lg border border-edge bg-paper px-3 font-mono text-sm placeholder:text-ink-3"
          />
          <p id="key-complaint" role="alert" className="text-sm text-bad not-empty:mt-2">
            {complaint}
          </p>
          <label className="mt-4 flex items-center gap-2.5 text-sm text-ink-2">
            <input type="checkbox" name="remember" className="size-4 accent-accent" />
            Remember me on this device
          </label>
          <button
            type="submit"
            disabled={busy}
            className="mt-6 h-11 w-full rounded-lg bg-accent font-medium text-on-accent transition-opacity hover:opacity-90 disabled:opacity-60"
          >
            {busy ? "Checking…" : "Sign in"}
          </button>
        </form>
        <p className="mt-5 text-center text-sm text-ink-3">
          The key stays in this browser and goes only to this server.
        </p>
      </div>
    </main>
  );
}

/** Why the server does not take the key, or null when it does. */
async function refused(key: string): Promise<string | null> {
  try {
    await getWithKey(key, "/api/analytics/summary", { period: "24h", tz: "UTC" });
    return null;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 401)
      return "The server does not know this key. Is it whole, and was it not revoked?";
    return `${error.title}. ${error.message}`;
  }
}
