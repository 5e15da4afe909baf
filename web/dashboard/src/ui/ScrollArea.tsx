import type { ReactNode } from "react";

interface ScrollAreaProps {
  label: string;
  className: string;
  children: ReactNode;
}

/** A named region that scrolls, also by keyboard. */
export function ScrollArea({ label, className, children }: ScrollAreaProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must take the focus, or arrow keys cannot reach it.
    <section aria-label={label} tabIndex={0} className={className}>
      {children}
    </section>
  );
}
