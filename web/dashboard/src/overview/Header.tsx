import { signOut } from "../session/session.ts";
import { THEMES, useTheme } from "../state/theme.ts";
import { Icon, type IconName } from "../ui/Icon.tsx";
import { Segmented } from "../ui/Segmented.tsx";
import { Wordmark } from "../ui/Wordmark.tsx";
import { ProjectPicker } from "./ProjectPicker.tsx";

const THEME_ICONS = { light: "sun", dark: "moon", system: "screen" } satisfies Record<string, IconName>;

export function Header() {
  return (
    <header className="border-b border-line sm:sticky sm:top-0 sm:z-20 sm:bg-paper/85 sm:backdrop-blur-md">
      <div className="mx-auto flex min-h-15 max-w-7xl flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2.5 sm:px-6">
        <Wordmark />
        <div className="order-last flex min-w-0 basis-full items-center gap-3 sm:order-none sm:basis-auto">
          <span aria-hidden="true" className="hidden text-line sm:inline">
            /
          </span>
          <ProjectPicker />
        </div>
        <div className="ml-auto flex items-center gap-2">
          <ThemePicker />
          <button
            type="button"
            onClick={() => signOut()}
            aria-label="Sign out"
            title="Sign out"
            className="grid size-9 place-items-center rounded-xl text-ink-2 hover:bg-wash hover:text-ink"
          >
            <Icon name="exit" />
          </button>
        </div>
      </div>
    </header>
  );
}

function ThemePicker() {
  const [theme, setTheme] = useTheme();
  return (
    <Segmented
      legend="Theme"
      value={theme}
      onChange={(value) => setTheme(THEMES.find((one) => one === value) ?? "system")}
      options={THEMES.map((value) => ({
        value,
        label: `${value} theme`,
        content: <Icon name={THEME_ICONS[value]} />,
      }))}
    />
  );
}
