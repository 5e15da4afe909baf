import { type SubmitEvent, useState } from "react";
import { ApiError } from "../api/http.ts";
import { Wordmark } from "../ui/Wordmark.tsx";
import { acceptInvitation } from "./session.ts";

const INPUT =
  "mt-1.5 h-11 w-full rounded-lg border border-edge bg-paper px-3 text-sm aria-invalid:border-bad";
const FIELDS = [
  { name: "name", label: "Your name", type: "text", autoComplete: "name" },
  {
    name: "password",
    label: "Password, 12 characters or more",
    type: "password",
    autoComplete: "new-password",
  },
] as const;

/** Asks whom an invitation makes a member: a name and a password, or the password of an account that there is. */
export function AcceptInvitation() {
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  async function submit(event: SubmitEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "");
    setBusy(true);
    setError(await refusal(text("name").trim(), text("password")));
    setBusy(false);
  }

  return (
    <main className="grid min-h-dvh place-items-center px-4 py-12">
      <div className="w-full max-w-md animate-[rise_.4s_ease-out]">
        <div className="mb-6 flex justify-center">
          <Wordmark />
        </div>
        <form onSubmit={submit} noValidate className="panel p-6 sm:p-8">
          <h1 className="text-xl font-semibold tracking-tight">Accept the invitation</h1>
          <p className="mt-1.5 text-sm text-ink-2">
            If you have an account on this server already, give the password of that one.
          </p>
          {FIELDS.map(({ name, label, ...input }) => (
            <div key={name} className="mt-4">
              <label htmlFor={name} className="block text-sm font-medium">
                {label}
              </label>
              <input
                id={name}
                name={name}
                {...input}
                aria-invalid={error !== null}
                aria-describedby="complaint"
                className={INPUT}
              />
            </div>
          ))}
          <p id="complaint" role="alert" className="text-sm text-bad not-empty:mt-2">
            {error}
          </p>
          <button
            type="submit"
            disabled={busy}
            className="mt-6 h-11 w-full rounded-lg bg-accent font-medium text-on-accent transition-opacity hover:opacity-90 disabled:opacity-60"
          >
            {busy ? "Checking…" : "Join"}
          </button>
        </form>
      </div>
    </main>
  );
}

/** Why the server does not take it, or null when it did. */
async function refusal(name: string, password: string): Promise<string | null> {
  if (!name) return "Say what you are called.";
  try {
    await acceptInvitation(name, password);
    return null;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return error.message || error.title;
  }
}
