import project from "../deno.json" with { type: "json" };

/** The version of this orilla. */
export const VERSION: string = project.version;
