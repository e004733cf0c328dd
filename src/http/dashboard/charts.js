import { bytes, duration, rate, short } from "./format.js";

/** Lines are told apart by their dashes too, not by colour alone. */
const DASHES = [[], [8, 4], [2, 3], [12, 3, 2, 3]];
const HEIGHT = 190;

const series = (name, label, value) => ({ name, label, value });

/** The charts: what each shows, its unit, and how a value is written. */
const CHARTS = [
  {
    title: "Throughput",
    unit: "records a second, over 10 s",
    axis: short,
    lines: [
      series("received", "received", rate),
      series("published", "published", rate),
      series("duplicate", "duplicate", rate),
      series("rejected", "rejected", rate),
    ],
    isRate: true,
  },
  {
    title: "Lag",
    isKafka: true,
    unit: "records not fetched yet",
    axis: short,
    lines: [series("lag", "all partitions", short), series("largestLag", "largest", short)],
  },
  {
    title: "Freshness",
    unit: "age of records at their publish",
    axis: duration,
    lines: [
      series("ageP50Seconds", "half are younger (p50)", duration),
      series("ageP99Seconds", "99% are younger (p99)", duration),
    ],
    isByCommit: true,
  },
  {
    title: "Commit duration",
    unit: "from staging to the last publish",
    axis: duration,
    lines: [series("commitSeconds", "commit", duration)],
    isByCommit: true,
  },
  {
    title: "Buffer",
    unit: "records; shaded while fetching is paused",
    axis: short,
    lines: [series("bufferedEvents", "buffered", short)],
    showsPauses: true,
  },
  {
    title: "Memory",
    unit: "resident",
    axis: bytes,
    // Axes of bytes go up in powers of two.
    increments: Array.from({ length: 40 }, (_, power) => 2 ** power),
    lines: [series("residentBytes", "process", bytes)],
  },
];

/** Draws the history into a container, and again whenever it is told to. */
export class Charts {
  #history;
  #seconds = 300;
  #drawn = [];

  constructor(container, history) {
    this.#history = history;
    for (const chart of CHARTS) {
      const figure = document.createElement("figure");
      const caption = document.createElement("figcaption");
      const unit = document.createElement("span");
      unit.textContent = ` ${chart.unit}`;
      caption.append(chart.title, unit);
      const place = document.createElement("div");
      place.className = "plot";
      figure.append(caption, place);
      if (chart.isKafka) figure.className = "kafka";
      container.append(figure);
      this.#drawn.push({ chart, place, plot: null });
    }
    const sizes = new ResizeObserver(() => this.#resize());
    sizes.observe(container);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#rebuild());
  }

  /** @param seconds how much of the history is shown */
  show(seconds) {
    this.#seconds = seconds;
    this.draw();
  }

  draw() {
    const first = this.#history.since(this.#seconds);
    const times = this.#history.column("time").slice(first);
    for (const drawn of this.#drawn) {
      const { chart, place } = drawn;
      const lines = chart.lines.map(({ name }) =>
        (chart.isRate ? this.#history.rate(name) : this.#history.column(name)).slice(first)
      );
      const end = times.at(-1) ?? Date.now() / 1000;
      drawn.plot ??= this.#plot(drawn);
      drawn.plot.setData([times, ...lines], false);
      // Where no one points at a moment, the legend tells the last one.
      const isPointedAt = drawn.plot.cursor.left >= 0;
      if (!isPointedAt) drawn.plot.setLegend({ idx: times.length - 1 }, false);
      drawn.plot.batch(() => {
        drawn.plot.setScale("x", { min: end - this.#seconds, max: end });
        drawn.plot.setScale("y", { min: 0, max: 1.08 * largest(lines) });
      });
      place.setAttribute("aria-label", summary(chart, lines));
    }
  }

  #plot({ chart, place }) {
    place.setAttribute("role", "img");
    return new globalThis.uPlot(
      options(chart, place, () => this.#pauses()),
      [[], ...chart.lines.map(() => [])],
      place,
    );
  }

  #pauses() {
    return { times: this.#history.column("time"), isPaused: this.#history.column("isPaused") };
  }

  #resize() {
    for (const { plot, place } of this.#drawn) {
      plot?.setSize({ width: place.clientWidth, height: HEIGHT });
    }
  }

  /** Colours are read once by a plot. */
  #rebuild() {
    for (const drawn of this.#drawn) {
      drawn.plot?.destroy();
      drawn.plot = null;
    }
    this.draw();
  }
}

function options(chart, place, pauses) {
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(`--${name}`).trim();
  const grid = { stroke: color("line"), width: 1 };
  const axis = { stroke: color("muted"), grid, ticks: grid, font: "12px system-ui, sans-serif" };
  return {
    width: place.clientWidth,
    height: HEIGHT,
    cursor: { drag: { x: false, y: false }, sync: { key: "orilla" }, points: { size: 6 } },
    scales: { x: { time: true, auto: false }, y: { auto: false } },
    axes: [
      { ...axis, space: 70, values: (_plot, splits) => splits.map(clockOf) },
      {
        ...axis,
        ...incrementsOf(chart),
        size: 72,
        values: (_plot, splits) => splits.map(chart.axis),
      },
    ],
    series: [
      { label: "time", value: (_plot, time) => time === null ? "now" : clockOf(time, true) },
      ...chart.lines.map(({ label, value }, i) => ({
        label,
        stroke: color(`series-${i + 1}`),
        width: 2,
        dash: DASHES[i],
        // Seconds without a commit are no gaps in what commits did.
        spanGaps: chart.isByCommit === true,
        points: { show: chart.isByCommit === true, size: 4 },
        value: (plot, shown, at) => value(shown ?? last(plot.data[at])),
      })),
    ],
    hooks: chart.showsPauses
      ? { drawClear: [(plot) => shade(plot, pauses(), color("paused"))] }
      : {},
  };
}

function incrementsOf({ increments }) {
  return increments === undefined ? {} : { incrs: increments };
}

/** Fills the seconds in which fetching was paused. */
function shade(plot, { times, isPaused }, color) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.fillStyle = color;
  for (let i = 0; i < times.length; i++) {
    if (isPaused[i] !== 1) continue;
    const left = plot.valToPos(times[i] - 1, "x", true), right = plot.valToPos(times[i], "x", true);
    ctx.fillRect(left, bbox.top, right - left, bbox.height);
  }
  ctx.restore();
}

/** What a chart says, for those who do not see it. */
function summary({ title, unit, lines }, values) {
  const parts = lines.map(({ label, value }, i) => {
    const known = values[i].filter((one) => one !== null);
    const most = known.reduce((one, other) => Math.max(one, other), 0);
    return `${label}: now ${value(known.at(-1))}, at most ${value(most)}`;
  });
  return `${title}, ${unit}. ${parts.join("; ")}`;
}

function largest(lines) {
  let most = 0;
  for (const line of lines) for (const value of line) if (value > most) most = value;
  return most === 0 ? 1 : most;
}

function last(values) {
  return values.findLast((value) => value !== null) ?? null;
}

function clockOf(seconds, isExact = false) {
  const text = new Date(seconds * 1000).toLocaleTimeString("en-GB");
  return isExact === true || !text.endsWith(":00") ? text : text.slice(0, 5);
}
