import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App.tsx";
import { isFinal } from "./api/http.ts";
import { restoreSession } from "./session/session.ts";
import { restoreTheme } from "./state/theme.ts";
import "./theme.css";

restoreTheme();
void restoreSession();
addEventListener("hashchange", () => void restoreSession());

const queries = new QueryClient({
  defaultOptions: {
    // An answer of the server stands; only what may pass by itself is asked again.
    queries: {
      retry: (failures, error) => failures < 2 && !isFinal(error),
    },
  },
});

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <App />
    </QueryClientProvider>
  </StrictMode>,
);
