import { type SubmitEvent, useState } from "react";
import { ApiError } from "../api/http.ts";
import type { SignIn as Proof } from "../api/types.ts";
import { Wordmark } from "../ui/Wordmark.tsx";
import { isApiKey, signIn } from "./session.ts";

const FORM = "A key is tb_ak_ followed by 32 of the characters 0–9 and a–f.";
const INPUT =
  "mt-1.5 h-11 w-full rounded-lg border border-edge bg-paper px-3 text-sm placeholder:text-ink-3 aria-invalid:border-bad";

/** Asks who is there: an API key, or email and password, which begin a session and are not kept. */
export function SignIn({ message }: { message: string | null }) {
  const [byKey, setByKey] = useState(true);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  async function submit(event: SubmitEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "");
    const key = text("key").trim();
    if (byKey && !isApiKey(key)) return setError(FORM);
    setBusy(true);
    setError(await refusal(byKey ? { api_key: key } : { email: text("email"), password: text("password") }));
    setBusy(false);
  }

  const other = byKey ? "Use email and password instead" : "Use an API key instead";
  const complaint = error ?? message;
  return (
    <main className="grid min-h-dvh place-items-center px-4 py-12">
      <div className="w-full max-w-md animate-[rise_.4s_ease-out]">
        <div className="mb-6 flex justify-center">
          <Wordmark />
        </div>
        <form onSubmit={submit} noValidate className="panel p-6 sm:p-8">
          <h1 className="text-xl font-semibold tracking-tight">
            {byKey ? "Sign in with an API key" : "Sign in"}
          </h1>
          {byKey ? (
            <KeyField invalid={complaint !== null} />
          ) : (
            <PasswordFields invalid={complaint !== null} />
          )}
          <p id="complaint" role="alert" className="text-sm text-bad not-empty:mt-2">
            {complaint}
          </p>
          <button
            type="submit"
            disabled={busy}
            className="mt-6 h-11 w-full rounded-lg bg-accent font-medium text-on-accent transition-opacity hover:opacity-90 disabled:opacity-60"
          >
            {busy ? "Checking…" : "Sign in"}
          </button>
          <button
            type="button"
            onClick={() => {
              setByKey(!byKey);
              setError(null);
            }}
            className="mt-4 w-full text-center text-sm text-ink-2 underline hover:text-ink"
          >
            {other}
          </button>
        </form>
        <p className="mt-5 text-center text-sm text-ink-3">
          What you enter begins a session with this server and is not kept in the browser.
        </p>
      </div>
    </main>
  );
}

function KeyField({ invalid }: { invalid: boolean }) {
  return (
    <>
      <p className="mt-1.5 text-sm text-ink-2">
        The one your notebook uses, or one that a teammate made for you.{" "}
        <code className="font-mono text-[13px]">tokenbudget up</code> prints a link that needs none.
      </p>
      <label htmlFor="key" className="mt-6 block text-sm font-medium">
        API key
      </label>
      <input
        id="key"
        name="key"
        type="password"
        autoComplete="off"
        spellCheck={false}
        // biome-ignore lint/a11y/noAutofocus: the page has this one purpose.
        autoFocus
        placeholder="tb_ak_…"
        aria-invalid={invalid}
        aria-describedby="complaint"
        className={`${INPUT} font-mono`}
      />
    </>
  );
}

function PasswordFields({ invalid }: { invalid: boolean }) {
  return (
    <>
      <label htmlFor="email" className="mt-6 block text-sm font-medium">
        Email
      </label>
      <input
        id="email"
        name="email"
        type="email"
        autoComplete="username"
        // biome-ignore lint/a11y/noAutofocus: the page has this one purpose.
        autoFocus
        aria-invalid={invalid}
        aria-describedby="complaint"
        className={INPUT}
      />
      <label htmlFor="password" className="mt-4 block text-sm font-medium">
        Password
      </label>
      <input
        id="password"
        name="password"
        type="password"
        autoComplete="current-password"
        aria-invalid={invalid}
        aria-describedby="complaint"
        className={INPUT}
      />
    </>
  );
}

/** Why the server lets nobody in by this, or null when it did. */
async function refusal(proof: Proof): Promise<string | null> {
  try {
    await signIn(proof);
    return null;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 401 && proof.api_key)
      return "The server does not know this key. Is it whole, and was it not revoked?";
    return error.message || error.title;
  }
}
