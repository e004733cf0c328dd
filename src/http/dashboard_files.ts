import uplotScript from "uplot/script" with { type: "text" };
import uplotStyle from "uplot/style" with { type: "text" };
import chartsScript from "./dashboard/charts.js" with { type: "text" };
import page from "./dashboard/dashboard.html" with { type: "text" };
import formatScript from "./dashboard/format.js" with { type: "text" };
import historyScript from "./dashboard/history.js" with { type: "text" };
import icon from "./dashboard/icon.svg" with { type: "text" };
import pageStyle from "./dashboard/page.css" with { type: "text" };
import pageScript from "./dashboard/page.js" with { type: "text" };
import streamScript from "./dashboard/stream.js" with { type: "text" };
import tablesScript from "./dashboard/tables.js" with { type: "text" };

/** A file of the page. */
export interface DashboardFile {
  /** Its content type. */
  readonly type: string;
  readonly text: string;
}

/** The files of the page by path; they are part of the program, and hold no figures. */
export const DASHBOARD_FILES: ReadonlyMap<string, DashboardFile> = new Map([
  ["/", { type: "text/html; charset=utf-8", text: page }],
  ["/dashboard/icon.svg", { type: "image/svg+xml", text: icon }],
  ["/dashboard/page.css", style(pageStyle)],
  ["/dashboard/uplot.css", style(uplotStyle)],
  ["/dashboard/uplot.js", script(uplotScript)],
  ["/dashboard/page.js", script(pageScript)],
  ["/dashboard/charts.js", script(chartsScript)],
  ["/dashboard/format.js", script(formatScript)],
  ["/dashboard/history.js", script(historyScript)],
  ["/dashboard/stream.js", script(streamScript)],
  ["/dashboard/tables.js", script(tablesScript)],
]);

function script(text: string): DashboardFile {
  return { type: "text/javascript; charset=utf-8", text };
}

function style(text: string): DashboardFile {
  return { type: "text/css; charset=utf-8", text };
}
