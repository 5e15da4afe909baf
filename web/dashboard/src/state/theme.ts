import { useState } from "react";

export const THEMES = ["light", "dark", "system"] as const;
export type Theme = (typeof THEMES)[number];

const STORED_AS = "tokenbudget.theme";

/** Applies the theme of the last visit; without one the system decides. */
export function restoreTheme(): void {
  apply(stored());
}

export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState(stored);
  const choose = (next: Theme) => {
    localStorage.setItem(STORED_AS, next);
    apply(next);
    setTheme(next);
  };
  return [theme, choose];
}

function stored(): Theme {
  const value = localStorage.getItem(STORED_AS);
  return THEMES.find((theme) => theme === value) ?? "system";
}

function apply(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
}
