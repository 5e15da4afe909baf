import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { Overview } from "./overview/Overview.tsx";
import { AcceptInvitation } from "./session/AcceptInvitation.tsx";
import { SignIn } from "./session/SignIn.tsx";
import { useSession } from "./session/session.ts";

export function App() {
  const { state, message } = useSession();
  const queries = useQueryClient();
  useEffect(() => {
    if (state !== "in") queries.clear(); // Nobody sees what was shown to another.
  }, [state, queries]);
  if (state === "entering") return null;
  if (state === "invited") return <AcceptInvitation />;
  return state === "in" ? <Overview /> : <SignIn message={message} />;
}
