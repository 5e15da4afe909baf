import { type KeyboardEvent, type PointerEvent, useState } from "react";

/** The bucket that the pointer or the keyboard is on: arrows, Home and End move, Escape leaves. */
export function useActiveBucket(count: number, bucketAt: (event: PointerEvent<HTMLElement>) => number) {
  const [active, setActive] = useState<number | null>(null);
  const clamp = (index: number) => Math.min(Math.max(index, 0), count - 1);
  const onKeyDown = (event: KeyboardEvent) => {
    const here = active ?? count;
    const targets: Record<string, number | null> = {
      ArrowLeft: clamp(here - 1),
      ArrowRight: clamp(active === null ? 0 : here + 1),
      Home: 0,
      End: count - 1,
      Escape: null,
    };
    if (!(event.key in targets)) return;
    event.preventDefault();
    setActive(targets[event.key] ?? null);
  };
  const handlers = {
    onKeyDown,
    onBlur: () => setActive(null),
    onPointerMove: (event: PointerEvent<HTMLElement>) => setActive(clamp(bucketAt(event))),
    onPointerDown: (event: PointerEvent<HTMLElement>) => setActive(clamp(bucketAt(event))),
    onPointerLeave: (event: PointerEvent<HTMLElement>) => event.pointerType === "mouse" && setActive(null),
  };
  return [active === null ? null : clamp(active), handlers] as const;
}
