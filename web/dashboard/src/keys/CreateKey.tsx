import { type SubmitEvent, useRef, useState } from "react";
import { ApiError } from "../api/http.ts";
import { createKey } from "../api/keys.ts";
import { useProjects } from "../api/projects.ts";
import type { KeyRequest } from "../api/types.ts";

const SCOPES = [
  ["ingest", "Send events", "what an application needs"],
  ["read", "Read figures", "of its project"],
  ["import", "Import", "events of others"],
  ["admin", "Act for you", "see what you see, manage keys and sessions"],
] as const;

const INPUT = "mt-1.5 h-10 w-full rounded-lg border border-edge bg-paper px-3 text-sm";

/** A button, and the dialog that makes a key; `onCreated` gets its text, which nobody is told again. */
export function CreateKey({ onCreated }: { onCreated: (text: string) => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  return (
    <>
      <button
        type="button"
        onClick={() => dialog.current?.showModal()}
        className="rounded-lg bg-accent px-3.5 py-2 text-sm font-medium text-on-accent hover:opacity-90"
      >
        Create a key
      </button>
      <dialog
        ref={dialog}
        aria-labelledby="create-key"
        className="panel m-auto w-full max-w-md p-6 text-left text-ink backdrop:bg-black/40"
      >
        <Form
          onClose={() => dialog.current?.close()}
          onCreated={(text) => {
            dialog.current?.close();
            onCreated(text);
          }}
        />
      </dialog>
    </>
  );
}

function Form({ onClose, onCreated }: { onClose: () => void; onCreated: (text: string) => void }) {
  const projects = useProjects();
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  async function submit(event: SubmitEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const scopes = form.getAll("scope") as KeyRequest["scopes"];
    if (!scopes?.length) return setError("Choose what the key is for.");
    setBusy(true);
    setError(null);
    try {
      const made = await createKey(Number(form.get("project")), { name: String(form.get("name")), scopes });
      onCreated(made.text);
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      setError(problem.message || problem.title);
    } finally {
      setBusy(false);
    }
  }

  return (
    <form onSubmit={submit}>
      <h2 id="create-key" className="text-lg font-semibold tracking-tight">
        Create a key
      </h2>
      <label htmlFor="key-name" className="mt-4 block text-sm font-medium">
        Name
      </label>
      <input id="key-name" name="name" required maxLength={100} autoComplete="off" className={INPUT} />
      <label htmlFor="key-project" className="mt-4 block text-sm font-medium">
        Project
      </label>
      <select id="key-project" name="project" className={INPUT}>
        {projects.data?.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
      <fieldset className="mt-4">
        <legend className="text-sm font-medium">What it may do</legend>
        {SCOPES.map(([scope, label, note]) => (
          <label key={scope} className="mt-2 flex items-baseline gap-2.5 text-sm">
            <input
              type="checkbox"
              name="scope"
              value={scope}
              defaultChecked={scope === "ingest"}
              className="size-4 self-center accent-accent"
            />
            {label} <span className="text-ink-3">{note}</span>
          </label>
        ))}
      </fieldset>
      <p role="alert" className="text-sm text-bad not-empty:mt-3">
        {error}
      </p>
      <div className="mt-5 flex justify-end gap-3">
        <button
          type="button"
          onClick={onClose}
          className="rounded-lg px-3.5 py-2 text-sm text-ink-2 hover:text-ink"
        >
          Cancel
        </button>
        <button
          type="submit"
          disabled={busy || !projects.data?.length}
          className="rounded-lg bg-accent px-3.5 py-2 text-sm font-medium text-on-accent disabled:opacity-60"
        >
          {busy ? "Creating…" : "Create"}
        </button>
      </div>
    </form>
  );
}
