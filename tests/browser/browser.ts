import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** The browser that the system has; ORILLA_TEST_CHROMIUM names another one. */
const EXECUTABLE = Deno.env.get("ORILLA_TEST_CHROMIUM") ?? "/usr/bin/chromium";

/** A page, with everything that should not happen on it. */
export interface WatchedPage {
  readonly page: Page;
  /** Errors and warnings of the console, and of scripts. */
  readonly problems: string[];
  /** Requests to other hosts than the server. */
  readonly requestsElsewhere: readonly string[];
}

/** Starts Chromium, which ends when it is disposed. */
export async function startBrowser(): Promise<Browser & AsyncDisposable> {
  // As root, as in containers, Chromium has no sandbox of its own; it sees no page but ours.
  const args = Deno.uid() === 0 ? ["--no-sandbox"] : [];
  return await chromium.launch({ executablePath: EXECUTABLE, args });
}

/** Opens a page of its own context (cookies, storage) at an address. */
export async function openPage(
  browser: Browser,
  origin: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1_280, height: 900 }, ...options });
  const page = await context.newPage();
  const problems: string[] = [], requestsElsewhere: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") problems.push(message.text());
  });
  page.on("pageerror", (error) => problems.push(error.message));
  context.on("request", (request) => {
    if (!request.url().startsWith(`${origin}/`)) requestsElsewhere.push(request.url());
  });
  await page.goto(`${origin}/`);
  return { page, problems, requestsElsewhere };
}

/** Waits until an element has a text that matches. */
export async function untilText(page: Page, selector: string, pattern: RegExp): Promise<void> {
  await page.locator(selector).filter({ hasText: pattern }).waitFor({ timeout: 20_000 });
}
