import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { spawnOrilla } from "../orilla_process.ts";
import { temporaryFolder } from "../runtime/temporary_folder.ts";
import { openPage, startBrowser, untilText } from "./browser.ts";

/** Where pictures of the page are left, for people to look at; git ignores it. */
const SCREENSHOTS = new URL("../../dist/screenshots/", import.meta.url).pathname;
const TOKEN = "0123456789abcdef0123456789abcdef";

/** What the browser's driver keeps open between tests is its own. */
const BROWSER_TEST = { sanitizeOps: false, sanitizeResources: false } as const;

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** A run that goes on until it is stopped, with commits far enough apart to compare figures between them. */
function startRun(cwd: string, port: number, ...args: readonly string[]) {
  const events = ["--count", "10000000", "--rate", "400", "--days", "3"];
  const ratios = ["--duplicate-ratio", "0.05", "--invalid-ratio", "0.02"];
  const limits = ["--batch-max-latency-ms", "4000", "--http-address", String(port)];
  const all = ["simulate", "--out-dir", "lake", ...events, ...ratios, ...limits, ...args];
  return spawnOrilla(all, { cwd });
}

/** What metrics.txt says of what is committed, in the page's words. */
async function committedFigures(outDir: string): Promise<Readonly<Record<string, string>>> {
  const text = await Deno.readTextFile(`${outDir}/metrics.txt`);
  const sum = (name: string) =>
    [...text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\d+)$`, "gm"))]
      .reduce((sum, [, value]) => sum + Number(value), 0);
  const shown = (name: string) => sum(name).toLocaleString("en-US");
  return {
    Published: `${shown("orilla_events_published_total")} rows in all`,
    Duplicates: shown("orilla_events_duplicate_total"),
    Rejected: shown("orilla_events_rejected_total"),
    "Seen ids": shown("orilla_seen_ids"),
    files: `${shown("orilla_files_published_total")} files`,
  };
}

/** The same figures as the page shows them. */
async function shownFigures(page: Page): Promise<Readonly<Record<string, string>>> {
  const cards = await page.locator("#now > div").allInnerTexts();
  const byTitle = new Map(cards.map((card) => {
    const [title = "", value = "", below = ""] = card.split("\n");
    return [title, { value, below }];
  }));
  return {
    Published: byTitle.get("Published")?.below ?? "",
    Duplicates: byTitle.get("Duplicates")?.value ?? "",
    Rejected: byTitle.get("Rejected")?.value ?? "",
    "Seen ids": byTitle.get("Seen ids")?.value ?? "",
    files: byTitle.get("Last publish")?.below.split(",").slice(0, -1).join(",") ?? "",
  };
}

/** Expects the page to show what metrics.txt says, within the seconds between two commits. */
async function expectSameFigures(page: Page, outDir: string): Promise<void> {
  let committed: unknown, shown: unknown;
  for (let attempt = 0; attempt < 40; attempt++) {
    committed = await committedFigures(outDir);
    shown = await shownFigures(page);
    if (JSON.stringify(committed) === JSON.stringify(shown)) return;
    await page.waitForTimeout(250);
  }
  assert.deepEqual(shown, committed);
}

Deno.test("the page shows what metrics.txt says, and goes on when the server was restarted", {
  ...BROWSER_TEST,
}, async () => {
  await using folder = await temporaryFolder();
  const cwd = folder.path, outDir = `${cwd}/lake`, port = freePort();
  await using browser = await startBrowser();
  const first = startRun(cwd, port);
  await first.untilStderr(/"committed"/);
  const origin = `http://127.0.0.1:${port}`;
  const { page, problems, requestsElsewhere } = await openPage(browser, origin);
  await untilText(page, "#connection", /^Live$/);
  await untilText(page, "#readiness", /^Ready$/);
  await expectSameFigures(page, outDir);
  assert.deepEqual(await page.locator("canvas").count(), 6);
  assert.match(
    await page.locator(".plot").first().getAttribute("aria-label") ?? "",
    /^Throughput, .+ received: now \d+\/s/,
  );
  assert.deepEqual(problems, []);

  first.kill("SIGTERM");
  assert.equal((await first.result).code, 0);
  await untilText(page, "#connection", /^Disconnected since \d\d:\d\d:\d\d, trying again$/);
  await using second = startRun(cwd, port, "--first-id", "1000000");
  await second.untilStderr(/"committed"/);
  await untilText(page, "#connection", /^Live$/);
  await expectSameFigures(page, outDir);
  // Chromium itself tells of each request that found no server.
  const others = problems.filter((text) => !/net::ERR_(CONNECTION_|INCOMPLETE_|EMPTY_)/.test(text));
  assert.deepEqual(others, []);
  assert.deepEqual(requestsElsewhere, []);
});

Deno.test("the page is readable in light and dark and on a phone, and is used by keyboard", {
  ...BROWSER_TEST,
}, async () => {
  await using folder = await temporaryFolder();
  const port = freePort();
  await using browser = await startBrowser();
  await using run = startRun(folder.path, port);
  await run.untilStderr(/"committed"/);
  const grounds = new Set<string>();
  const phone = { width: 390, height: 844 };
  const looks = [
    ["light", { colorScheme: "light" }],
    ["dark", { colorScheme: "dark" }],
    ["phone", { colorScheme: "light", viewport: phone, isMobile: true, hasTouch: true }],
    ["phone-dark", { colorScheme: "dark", viewport: phone, isMobile: true, hasTouch: true }],
  ] as const;
  for (const [name, options] of looks) {
    const { page, problems } = await openPage(browser, `http://127.0.0.1:${port}`, options);
    await untilText(page, "#readiness", /^Ready$/);
    await page.locator("#commits tbody tr").first().waitFor();
    const [width, shown, ground] = await page.evaluate<[number, number, string]>(
      "[document.documentElement.scrollWidth, innerWidth, getComputedStyle(document.body).backgroundColor]",
    );
    assert.ok(width <= shown, `${name}: ${width} of ${shown} pixels`);
    grounds.add(ground);
    await page.screenshot({ path: `${SCREENSHOTS}${name}.png`, fullPage: true });
    assert.deepEqual(problems, []);
  }
  assert.equal(grounds.size, 2);

  const { page } = await openPage(browser, `http://127.0.0.1:${port}`);
  await untilText(page, "#connection", /^Live$/);
  const focused = () =>
    page.evaluate<string>(
      "document.activeElement.id || document.activeElement.name || " +
        "document.activeElement.getAttribute('aria-labelledby') || document.activeElement.className",
    );
  const reached = [];
  for (let i = 0; i < 5; i++) {
    await page.keyboard.press("Tab");
    reached.push(await focused());
  }
  assert.deepEqual(reached, ["skip", "window", "dates-title", "letters-title", "commits-title"]);
  await page.locator("input[name=window]").first().focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.locator("input[name=window]:checked").inputValue(), "900");
});

Deno.test(
  "the page asks for the token, keeps it while the tab is open, and forgets it when told to",
  {
    ...BROWSER_TEST,
  },
  async () => {
    await using folder = await temporaryFolder();
    const cwd = folder.path, port = freePort();
    await Deno.writeTextFile(`${cwd}/token`, TOKEN);
    await using browser = await startBrowser();
    await using run = startRun(cwd, port, "--http-token-file", "token");
    await run.untilStderr(/"committed"/);
    const { page, problems } = await openPage(browser, `http://127.0.0.1:${port}`);
    await untilText(page, "#connection", /^Token needed$/);
    assert.equal(await page.locator("#figures").isVisible(), false);
    await page.screenshot({ path: `${SCREENSHOTS}token.png` });

    // The form has the focus.
    await page.keyboard.type("another-token-0123456789");
    await page.keyboard.press("Enter");
    await untilText(page, "#sign-in-error", /^The server did not take this token\.$/);
    await page.keyboard.type(TOKEN);
    await page.keyboard.press("Enter");
    await untilText(page, "#connection", /^Live$/);
    await untilText(page, "#now", /Published/);
    assert.equal(await page.locator("#sign-in").isVisible(), false);

    await page.reload();
    await untilText(page, "#connection", /^Live$/);
    const stored = await page.evaluate<[number, string, string]>(
      "[localStorage.length, document.cookie, location.href]",
    );
    assert.deepEqual(stored, [0, "", `http://127.0.0.1:${port}/`]);
    await page.getByRole("button", { name: "Forget the token" }).click();
    await untilText(page, "#connection", /^Token needed$/);
    // Chromium itself tells of each answer with status 401.
    assert.deepEqual(problems.filter((text) => !text.includes("status of 401")), []);
  },
);
