import page from "./dashboard/dashboard.html" with { type: "text" };

/** A file of the page. */
export interface DashboardFile {
  /** Its content type. */
  readonly type: string;
  readonly text: string;
}

/** The files of the page by path; they are part of the program, and hold no figures. */
export const DASHBOARD_FILES: ReadonlyMap<string, DashboardFile> = new Map([
  ["/", { type: "text/html; charset=utf-8", text: page }],
]);
