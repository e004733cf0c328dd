import { Charts } from "./charts.js";
import { ago, bytes, count, duration, rate, share, timeOfDay } from "./format.js";
import { History } from "./history.js";
import { follow } from "./stream.js";
import { setText, showTables } from "./tables.js";

const TOKEN_KEY = "orilla-token";

const byId = (id) => document.getElementById(id);
const figures = byId("figures");
const history = new History();
const charts = new Charts(byId("charts"), history);
let disconnectedAt = null;
/** Whether a token was sent that the server did not take. */
let wasTokenSent = false;

const restart = follow({
  token: () => {
    const token = sessionStorage.getItem(TOKEN_KEY);
    wasTokenSent = token !== null;
    return token;
  },
  onEvent,
  onState,
});

byId("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(TOKEN_KEY, byId("token").value.trim());
  byId("token").value = "";
  restart();
});

byId("forget").addEventListener("click", () => {
  sessionStorage.removeItem(TOKEN_KEY);
  location.reload();
});

byId("windows").addEventListener("change", ({ target }) => charts.show(Number(target.value)));

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) charts.draw();
});

function onEvent({ name, data }) {
  switch (name) {
    case "history":
      history.reset(data);
      return draw();
    case "row":
      history.add(data);
      return draw();
    case "status":
      if (data !== null) showStatus(data);
      return;
  }
}

/** What nobody looks at is not drawn. */
function draw() {
  if (!document.hidden) charts.draw();
}

function onState(state) {
  const isLive = state === "live";
  if (isLive) disconnectedAt = null;
  else disconnectedAt ??= Date.now();
  const needsToken = state === "token";
  const pill = byId("connection");
  pill.dataset.state = isLive ? "good" : needsToken ? "connecting" : "bad";
  setText(pill, isLive ? "Live" : needsToken ? "Token needed" : disconnectedText());
  figures.classList.toggle("stale", !isLive);
  if (isLive) {
    const wasHidden = figures.hidden;
    figures.hidden = false;
    if (wasHidden) draw();
  }
  byId("readiness").hidden = !isLive;
  byId("forget").hidden = !isLive || sessionStorage.getItem(TOKEN_KEY) === null;
  askForToken(needsToken);
}

function disconnectedText() {
  return `Disconnected since ${timeOfDay(disconnectedAt)}, trying again`;
}

function askForToken(isNeeded) {
  const form = byId("sign-in");
  const wasHidden = form.hidden;
  form.hidden = !isNeeded;
  if (!isNeeded) return;
  figures.hidden = true;
  sessionStorage.removeItem(TOKEN_KEY);
  setText(byId("sign-in-error"), wasTokenSent ? "The server did not take this token." : "");
  if (wasHidden) byId("token").focus();
}

function showStatus(status) {
  const { mode, topic, groupId, version, startedAt, instanceId, isReady, reasons } = status;
  const from = topic === null ? "generated events" : `topic ${topic}, group ${groupId}`;
  document.body.dataset.mode = mode;
  setText(byId("run"), `${mode}: ${from}`);
  const pill = byId("readiness");
  pill.dataset.state = isReady ? "good" : "bad";
  setText(pill, isReady ? "Ready" : `Not ready: ${reasons.map(({ code }) => code).join(", ")}`);
  byId("reasons").hidden = isReady;
  setText(byId("reasons"), reasons.map(({ meaning }) => meaning).join("; "));
  const started = new Date(startedAt).toLocaleString("en-GB");
  setText(
    byId("about"),
    `orilla ${version}, lake ${instanceId}, started ${started}. Times of day are local, dates of the lake are UTC.`,
  );
  showCards(cardsOf(status));
  showTables(status);
}

/** What the cards say: a title, a value, and a line below it. */
function cardsOf(status) {
  const { totals, lag, buffer, commits, lastPublishAt, now, process, startedAt } = status;
  const [last] = commits;
  const rateOf = (name) => rate(history.rate(name).at(-1) ?? null);
  const secondsSince = (time) => (Date.parse(now) - Date.parse(time)) / 1000;
  const sinceStart = secondsSince(startedAt);
  return [
    ["Received", rateOf("received"), `${count(totals.received)} records in all`],
    ["Published", rateOf("published"), `${count(totals.published)} rows in all`],
    [
      "Duplicates",
      count(totals.duplicate),
      `${share(totals.duplicate, totals.received)} of all records`,
    ],
    [
      "Rejected",
      count(totals.rejected),
      `${share(totals.rejected, totals.received)} of all records`,
    ],
    ["Lag", count(lag.total), lagText(status)],
    [
      "Freshness",
      duration(last?.ageP50Seconds ?? null),
      `p99 ${duration(last?.ageP99Seconds ?? null)}, last commit`,
    ],
    [
      "Last publish",
      lastPublishAt === null ? "never" : ago(secondsSince(lastPublishAt)),
      `${count(totals.files)} files, ${bytes(totals.publishedBytes)}`,
    ],
    [
      "Commit",
      last === undefined ? duration(null) : duration(last.durationMs / 1000),
      `retries in all: ${count(totals.retries)}`,
    ],
    [
      "Buffer",
      count(buffer.events),
      `records, ${bytes(buffer.bytes)}; ${buffer.isPaused ? "fetching is paused" : "fetching"}`,
    ],
    ["Seen ids", count(totals.seenIds), "that duplicates are found by"],
    ["Memory", bytes(process.residentBytes), "resident"],
    [
      "Up for",
      duration(sinceStart),
      `${share(process.cpuSeconds, sinceStart)} of a core, mean`,
    ],
  ];
}

function lagText({ mode, lag }) {
  if (mode === "simulate") return "generated events have none";
  return lag.total === null ? "not known" : "records not fetched yet";
}

function showCards(cards) {
  const list = byId("now");
  cards.forEach((texts, i) => {
    const card = list.children[i] ?? newCard(list);
    texts.forEach((text, j) => setText(card.children[j], text));
  });
}

function newCard(list) {
  const card = document.createElement("div");
  for (const name of ["dt", "dd", "dd"]) card.append(document.createElement(name));
  list.append(card);
  return card;
}
