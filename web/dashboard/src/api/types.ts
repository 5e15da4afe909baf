/** Names for what the API answers with; the types themselves are generated from the server (`python3 dev.py types`). */

import type { components } from "./schema.ts";

type Schemas = components["schemas"];

export type Period = Schemas["Period"];
export type Metrics = Schemas["Metrics"];
export type Project = Schemas["Project"];
export type ProjectPage = Schemas["ProjectPage"];
export type KeyRequest = Schemas["KeyRequest"];
export type KeyWithText = Schemas["KeyWithText"];
export type SignIn = Schemas["SignIn"];
export type AcceptedInvitation = Schemas["AcceptedInvitation"];
export type OpenSession = Schemas["OpenSession"];
export type SummaryAnswer = Schemas["SummaryAnswer"];
export type ByModelAnswer = Schemas["ByModelAnswer"];
export type TimeseriesAnswer = Schemas["TimeseriesAnswer"];
export type Interval = TimeseriesAnswer["interval"];
