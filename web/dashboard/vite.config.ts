import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { mockApi } from "./dev/mockApi.ts";

/** `npm run dev` answers from made-up data; with TOKENBUDGET_URL set it asks that server instead. */
const server = process.env.TOKENBUDGET_URL;

export default defineConfig({
  plugins: [react(), tailwindcss(), ...(server ? [] : [mockApi()])],
  server: { host: "127.0.0.1", ...(server ? { proxy: { "/api": server } } : {}) },
  build: {
    outDir: fileURLToPath(new URL("../../server/tokenbudget_server/static", import.meta.url)),
    emptyOutDir: true,
    assetsInlineLimit: 0, // A strict content security policy allows no data: fonts.
  },
  test: {
    environment: "happy-dom",
    include: ["tests/**/*.test.{ts,tsx}"],
    setupFiles: ["tests/setup.ts"],
    env: { TZ: "UTC" },
    testTimeout: 60_000,
  },
});
