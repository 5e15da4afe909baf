import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { Overview } from "./overview/Overview.tsx";
import { SignIn } from "./session/SignIn.tsx";
import { useSession } from "./session/session.ts";

export function App() {
  const { key, message } = useSession();
  const queries = useQueryClient();
  useEffect(() => {
    if (key === null) queries.clear(); // Nobody sees what another key was shown.
  }, [key, queries]);
  return key === null ? <SignIn message={message} /> : <Overview key={key} />;
}
