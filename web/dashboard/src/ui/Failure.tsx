import { ApiError, isFinal } from "../api/http.ts";
import { Icon } from "./Icon.tsx";

const BUTTON =
  "mt-6 inline-block rounded-lg bg-accent px-4 py-2 font-medium text-on-accent transition-opacity hover:opacity-90";

/** What went wrong, in the server's own words, and the way on. */
export function Failure({ error, retry }: { error: Error; retry: () => void }) {
  return (
    <section
      role="alert"
      className="panel mx-auto flex max-w-xl flex-col items-center px-6 py-14 text-center"
    >
      <span className="mb-4 rounded-full bg-warn-wash p-3 text-warn">
        <Icon name="warning" className="size-6" />
      </span>
      <h2 className="text-lg font-semibold">{titleOf(error)}</h2>
      <p className="mt-1.5 text-ink-2">{error.message}</p>
      {isFinal(error) ? (
        <a href={location.pathname} className={BUTTON}>
          Back to the last 30 days
        </a>
      ) : (
        <>
          <p className="mt-1.5 text-sm text-ink-3">
            Nothing is lost: events wait in the notebook’s journal until the server takes them.
          </p>
          <button type="button" onClick={retry} className={BUTTON}>
            Try again
          </button>
        </>
      )}
    </section>
  );
}

/** What to call an error in a headline. */
export function titleOf(error: Error): string {
  if (isFinal(error)) return "This cannot be answered";
  return error instanceof ApiError ? error.title : "Something went wrong on this page";
}
