import { useState } from "react";
import { periodName } from "../format/time.ts";
import { CreateKey } from "../keys/CreateKey.tsx";
import { Icon } from "../ui/Icon.tsx";

const snippet = (key: string) =>
  `import tokenbudget as tb\ntb.configure(url="${location.origin}", api_key="${key}")`;

/** Shown while there is nothing to show: how the first event gets here. */
export function FirstSteps({ period }: { period: string }) {
  return (
    <section className="panel animate-[rise_.4s_ease-out] px-5 py-12 sm:px-10">
      <div className="mx-auto max-w-2xl">
        <EmptyBars />
        <h2 className="mt-6 text-center text-xl font-semibold tracking-tight">
          Nothing was spent in this period
        </h2>
        <p className="mt-1.5 text-center text-ink-2">
          No request has arrived for “{periodName(period)}”. Two lines in a notebook connect it:
        </p>
        <Snippet />
        <p className="mt-6 text-sm text-ink-2">Then wrap your client and use it as before:</p>
        <pre className="mt-2 overflow-x-auto rounded-xl bg-wash p-4 font-mono text-[13px] leading-6">
          client = tb.wrap(OpenAI())
        </pre>
        <p className="mt-4 text-sm text-ink-3">
          This page looks for news every ten seconds: leave it open and watch.
        </p>
      </div>
    </section>
  );
}

function Snippet() {
  const [key, setKey] = useState<string | null>(null);
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(snippet(key ?? "tb_ak_…"));
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  return (
    <div className="relative mt-6">
      <pre className="overflow-x-auto rounded-xl bg-wash p-4 pt-12 font-mono text-[13px] leading-6 sm:pt-4 sm:pr-32">
        {snippet(key ?? "tb_ak_…")}
      </pre>
      <button
        type="button"
        onClick={copy}
        className="absolute top-2.5 right-2.5 flex items-center gap-1.5 rounded-lg border border-line bg-raised px-2.5 py-1.5 text-sm font-medium text-ink-2 hover:text-ink"
      >
        <Icon name={copied ? "check" : "copy"} className="size-4" />
        <span aria-live="polite">{copied ? "Copied" : "Copy"}</span>
      </button>
      <div className="mt-3 flex flex-wrap items-center gap-3 text-sm text-ink-2">
        <CreateKey onCreated={setKey} />
        <span role="status">
          {key === null ? "Each application has one of its own." : "Copy it now: the key is shown this once."}
        </span>
      </div>
    </div>
  );
}

function EmptyBars() {
  return (
    <svg viewBox="0 0 120 48" className="mx-auto h-16" aria-hidden="true">
      {[14, 22, 18, 30, 26, 40].map((height, index) => (
        <rect
          key={height}
          x={6 + index * 19}
          y={46 - height}
          width="13"
          height={height}
          rx="3.5"
          fill={`var(--series-${index + 1})`}
          opacity="0.28"
        />
      ))}
      <path d="M0 47h120" stroke="var(--color-line)" strokeWidth="1.5" />
    </svg>
  );
}
