/** One of the values that stand on each other in a bar. */
export interface Series {
  readonly name: string;
  /** Which of the page's colours, from 0. */
  readonly colour: number;
  readonly values: readonly number[];
}

export interface BarPlot {
  /** What the plot shows, in a sentence, for those who do not see it. */
  readonly label: string;
  /** What stands below the bars. */
  readonly categories: readonly string[];
  readonly series: readonly Series[];
  /** A value as text. */
  readonly format: (value: number) => string;
}

const WIDTH = 720, HEIGHT = 260;
const LEFT = 64, RIGHT = 8, TOP = 10, BOTTOM = 28;
const PLOT_WIDTH = WIDTH - LEFT - RIGHT, PLOT_HEIGHT = HEIGHT - TOP - BOTTOM;

/** Pixels of a character of a label below the bars, and between two labels. */
const CHARACTER_WIDTH = 6.5, LABEL_GAP = 10;
const MAX_BAR_WIDTH = 80;

/** Standing bars, as an SVG that asks for nothing from elsewhere. */
export function barPlot({ label, categories, series, format }: BarPlot): string {
  const totals = categories.map((_, i) =>
    series.reduce((sum, { values }) => sum + (values[i] ?? 0), 0)
  );
  const top = niceTop(Math.max(0, ...totals));
  const step = PLOT_WIDTH / Math.max(1, categories.length);
  const width = Math.min(step * 0.8, MAX_BAR_WIDTH);
  const labelWidth = Math.max(0, ...categories.map(({ length }) => length)) * CHARACTER_WIDTH +
    LABEL_GAP;
  const everyLabel = Math.max(1, Math.ceil(labelWidth / step));
  const parts = [0, 1, 2, 3, 4].map((tick) => gridLine(tick / 4, format(top * tick / 4)));
  categories.forEach((category, i) => {
    const x = LEFT + i * step;
    let base = 0;
    for (const { name, colour, values } of series) {
      const value = values[i] ?? 0;
      if (value === 0) continue;
      const bar = { x: x + (step - width) / 2, width, base, value, top };
      parts.push(barOf(bar, { colour, title: `${category}, ${name}: ${format(value)}` }));
      base += value;
    }
    if (i % everyLabel === 0) {
      parts.push(
        `<text class="tick" text-anchor="middle" x="${fixed(x + step / 2)}" y="${HEIGHT - 8}">${
          escapeHtml(category)
        }</text>`,
      );
    }
  });
  return svg(label, HEIGHT, parts);
}

function gridLine(share: number, text: string): string {
  const y = fixed(TOP + PLOT_HEIGHT * (1 - share));
  return `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}"/>` +
    `<text class="tick" text-anchor="end" x="${LEFT - 6}" y="${y}" dy="4">${
      escapeHtml(text)
    }</text>`;
}

function barOf(
  { x, width, base, value, top }: Readonly<
    Record<"x" | "width" | "base" | "value" | "top", number>
  >,
  { colour, title }: { readonly colour: number; readonly title: string },
): string {
  const height = PLOT_HEIGHT * value / top;
  const y = TOP + PLOT_HEIGHT * (1 - (base + value) / top);
  return `<rect class="c${colour}" x="${fixed(x)}" y="${fixed(y)}" width="${fixed(width)}" ` +
    `height="${fixed(Math.max(height, 0.5))}"><title>${escapeHtml(title)}</title></rect>`;
}

export interface RowPlot {
  readonly label: string;
  readonly rows: readonly {
    readonly name: string;
    readonly value: number;
    readonly colour: number;
  }[];
  readonly format: (value: number) => string;
}

const ROW_HEIGHT = 26, NAME_WIDTH = 190, VALUE_WIDTH = 110;

/** Lying bars, each with its name and value. */
export function rowPlot({ label, rows, format }: RowPlot): string {
  const max = Math.max(1, ...rows.map(({ value }) => value));
  const parts = rows.map(({ name, value, colour }, i) => {
    const y = i * ROW_HEIGHT, width = (WIDTH - NAME_WIDTH - VALUE_WIDTH) * value / max;
    const middle = y + ROW_HEIGHT / 2 + 4;
    return `<text class="name" text-anchor="end" x="${NAME_WIDTH - 8}" y="${middle}">${
      escapeHtml(name)
    }</text>` +
      `<rect class="c${colour}" x="${NAME_WIDTH}" y="${y + 4}" width="${fixed(width)}" height="${
        ROW_HEIGHT - 8
      }"/>` +
      `<text class="name" x="${fixed(NAME_WIDTH + width + 6)}" y="${middle}">${
        escapeHtml(format(value))
      }</text>`;
  });
  return svg(label, Math.max(1, rows.length) * ROW_HEIGHT, parts);
}

/** What the colours mean. */
export function legend(series: readonly Pick<Series, "name" | "colour">[]): string {
  const items = series.map(({ name, colour }) =>
    `<li><svg viewBox="0 0 10 10" aria-hidden="true"><rect class="c${colour}" width="10" height="10"/></svg>` +
    `${escapeHtml(name)}</li>`
  );
  return `<ul class="legend">${items.join("")}</ul>`;
}

function svg(label: string, height: number, parts: readonly string[]): string {
  return `<svg class="plot" role="img" viewBox="0 0 ${WIDTH} ${height}" aria-label="${
    escapeHtml(label)
  }">${parts.join("")}</svg>`;
}

/** The next 1, 2, 2.5 or 5 with zeros that is not below a value: what an axis ends at. */
export function niceTop(value: number): number {
  if (value <= 4) return 4;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((step) => step * power).find((top) => top >= value) ?? 10 * power;
}

function fixed(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** A text as it may stand between tags, and within double quotes. */
export function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;").replaceAll("'", "&#39;");
}
