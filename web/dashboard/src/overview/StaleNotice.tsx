import { clockOf } from "../format/time.ts";
import { titleOf } from "../ui/Failure.tsx";
import { Icon } from "../ui/Icon.tsx";

interface StaleNoticeProps {
  error: Error;
  /** When the numbers on the page were fetched, in milliseconds of the epoch. */
  since: number;
  tz: string;
  retry: () => void;
}

/** Says so when what is shown is no longer current. */
export function StaleNotice({ error, since, tz, retry }: StaleNoticeProps) {
  return (
    <p
      role="status"
      className="flex flex-wrap items-center gap-x-2 gap-y-1 rounded-xl border border-warn-line bg-warn-wash px-4 py-2.5 text-sm"
    >
      <Icon name="warning" className="size-4 shrink-0 text-warn" />
      <span>
        {titleOf(error)}. These numbers are from {clockOf(since, tz)}.
      </span>
      <button
        type="button"
        onClick={retry}
        className="font-medium text-accent underline-offset-2 hover:underline"
      >
        Try again
      </button>
    </p>
  );
}
